//! `tracestate`: what tracing systems say of a trace to themselves, further down.

mod list;
mod members;

pub use list::TraceState;
