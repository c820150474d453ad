//! Canonical fields, for those who leave the rest to another tracing system.

mod layer;
mod service;

pub use layer::NormalizeTraceLayer;
pub use service::NormalizeTrace;

pub(super) use layer::{STATE_BYTES_MAX, validate_state_bytes};
pub(super) use service::normalize;
