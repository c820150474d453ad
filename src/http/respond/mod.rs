//! Answers refusals, for servers whose services must not fail.

mod answers;
mod future;
mod layer;
mod problem;
mod service;

pub(crate) use answers::{Answer, Answers, detail};
pub use future::ResponseFuture;
pub use layer::RespondLayer;
pub use service::Respond;
