//! What is carried from hop to hop.

use crate::context::{Carrier, Field};
use crate::rng::Rng;

use super::parent::Parent;
use super::{InScope, SpanId, TraceFlags, TraceId, TraceState};

pub(super) const TRACEPARENT: Field = Field::known("traceparent");
pub(super) const TRACESTATE: Field = Field::known("tracestate");

/// Which trace a call belongs to, which call of it this is, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    state: TraceState,
}

impl TraceContext {
    /// A new trace that begins here: random ids, not sampled, no state.
    pub fn root(rng: &Rng) -> Self {
        Self {
            trace_id: TraceId::random(rng),
            span_id: SpanId::random(rng),
            flags: TraceFlags::default().random(true),
            state: TraceState::default(),
        }
    }

    /// The context of a further call: the same trace and state, a new span id.
    #[must_use]
    pub fn child(&self, rng: &Rng) -> Self {
        Self {
            span_id: SpanId::random(rng),
            ..self.clone()
        }
    }

    /// Reads what a peer sent.
    pub fn extract<C: Carrier>(_carrier: &C) -> Option<Self> {
        None
    }

    /// Writes exactly one `traceparent`, and one `tracestate` unless it is empty.
    pub fn inject<C: Carrier>(&self, carrier: &mut C) {
        carrier.remove(TRACEPARENT);
        carrier.remove(TRACESTATE);
    }

    /// The context of the code now running, if [`in_scope`](Self::in_scope) is around it.
    pub fn current() -> Option<Self> {
        super::scope::current()
    }

    /// Polls `future` in this context.
    pub fn in_scope<F: Future>(self, future: F) -> InScope<F> {
        InScope::new(self, future)
    }

    /// The trace.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The call.
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The flags.
    pub const fn flags(&self) -> TraceFlags {
        self.flags
    }

    /// The state.
    pub const fn state(&self) -> &TraceState {
        &self.state
    }

    /// With other flags.
    #[must_use]
    pub const fn with_flags(mut self, flags: TraceFlags) -> Self {
        self.flags = flags;
        self
    }
}

impl From<Parent> for TraceContext {
    fn from(parent: Parent) -> Self {
        Self {
            trace_id: parent.trace_id,
            span_id: parent.span_id,
            flags: parent.flags,
            state: TraceState::default(),
        }
    }
}
