//! What the value types of the `trace` module read and write, rule by rule.
//!
//! The numbers are ours. P is how a `traceparent` is read and E how it is written, S is `tracestate`;
//! all are rules of W3C Trace Context level 2. B is W3C Baggage.

mod baggage;
mod emit;
mod kit;
mod parent;
mod state;
