//! The outbound side: a span id of its own for each call.

mod layer;
mod service;
mod writer;

pub use layer::TraceClientLayer;
pub use service::TraceClient;
pub use writer::Writer;
