//! Canonical fields, for those who leave the rest to another tracing system.

mod layer;
mod service;

pub use layer::NormalizeTraceLayer;
pub use service::NormalizeTrace;

pub(super) use layer::validate_state_bytes;
pub(super) use service::normalize;
