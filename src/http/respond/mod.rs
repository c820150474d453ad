//! Answers refusals, for servers whose services must not fail.

mod answers;
mod future;
#[cfg_attr(feature = "coordination", path = "hints.rs")]
#[cfg_attr(not(feature = "coordination"), path = "no_hints.rs")]
mod hints;
mod layer;
mod problem;
mod service;

pub(crate) use answers::{Answer, Answers, detail};
pub use future::ResponseFuture;
pub(crate) use hints::hint;
pub use layer::RespondLayer;
pub use service::Respond;
