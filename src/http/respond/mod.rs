//! Answers refusals, for servers whose services must not fail.

mod future;
mod layer;
mod problem;
mod service;

pub use future::ResponseFuture;
pub use layer::RespondLayer;
pub use service::Respond;
