//! The inbound side: one context for each request.

mod boundary;
mod layer;
mod service;

pub use boundary::{Boundary, Trust};
pub use layer::TraceServerLayer;
pub use service::TraceServer;
