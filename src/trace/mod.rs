//! Carries the trace context of W3C from hop to hop.

mod baggage;
mod client;
mod context;
mod flags;
mod id;
mod normalize;
mod origin;
mod parent;
mod policy;
mod sampler;
mod scope;
mod server;
mod state;

pub use baggage::{Baggage, BaggageMember};
pub use client::{TraceClient, TraceClientLayer, Writer};
pub use context::TraceContext;
pub use flags::TraceFlags;
pub use id::{SpanId, TraceId};
pub use normalize::{NormalizeTrace, NormalizeTraceLayer};
pub use sampler::{Always, ByRatio, Never, ParentBased, Sampler};
pub use scope::InScope;
pub use server::{Boundary, TraceServer, TraceServerLayer, Trust};
pub use state::TraceState;

use origin::Origin;
