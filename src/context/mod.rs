//! What travels with a call: how much time is left ([`Deadline`]), which attempt this is ([`Attempt`])
//! and which trace it belongs to ([`TraceContext`]).
//!
//! Layers find the first two through a [`CallContext`]. The default, [`Ambient`], reads what the layers
//! around the call have said for the task that polls it, and so works for requests of any type. With
//! the `http` feature, `http::Extensions` reads the request's extensions first.
//!
//! | | Survives `Buffer`, `tokio::spawn` | Needs |
//! |---|---|---|
//! | [`Ambient`] | no | nothing |
//! | `http::Extensions` | yes | `http::Request` |
//!
//! From hop to hop they travel in the fields of a message: headers, metadata. A [`Carrier`] reads and
//! writes those, for the layers of the `trace` and `deadline` modules.
//!
//! What the task says holds for whatever is polled within it: work that several calls share (a
//! `futures` `Shared`, say) runs under the deadline and the attempt of the call that happens to poll
//! it first.

mod ambient;
mod attempt;
mod carrier;
mod carry;
mod deadline;
mod trace;

pub use ambient::{Ambient, CallContext, Scope};
pub use attempt::Attempt;
pub use carrier::{Carrier, Field};
pub use deadline::Deadline;
pub use trace::{
    Baggage, BaggageMember, InScope, SpanId, TraceContext, TraceFlags, TraceId, TraceState,
};

pub(crate) use ambient::{Entered, Said, enter_attempt, enter_deadline};
pub(crate) use carry::{Carried, Carry};
pub(crate) use trace::{
    Current, Extracted, ParentFound, StateFound, Swapped, TRACEPARENT, TRACESTATE,
};
