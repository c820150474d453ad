//! The client's side: one key for each logical call, over all its attempts.

mod layer;
mod service;

pub use layer::{All, IdempotencyKeyLayer, Which};
pub use service::IdempotencyKey;
