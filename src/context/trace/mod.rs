//! The trace context of W3C: which trace a call belongs to, and which call of it this is.

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

pub(crate) use context::{Extracted, ParentFound, StateFound, TRACEPARENT, TRACESTATE};
pub(crate) use scope::{Current, Swapped};
