//! Carries the trace context of W3C from hop to hop.

mod baggage;
mod context;
mod flags;
mod id;
mod parent;
mod scope;
mod state;

pub use baggage::{Baggage, BaggageMember};
pub use context::TraceContext;
pub use flags::TraceFlags;
pub use id::{SpanId, TraceId};
pub use scope::InScope;
pub use state::TraceState;
