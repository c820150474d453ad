//! What is carried from hop to hop.

use std::fmt;
use std::str::{self, FromStr};

use crate::context::{Carrier, Field};
use crate::error::ConfigError;
use crate::rng::Rng;

use super::parent::Parent;
use super::{InScope, SpanId, TraceFlags, TraceId, TraceState};

pub(super) const TRACEPARENT: Field = Field::known("traceparent");
pub(super) const TRACESTATE: Field = Field::known("tracestate");

/// Which trace a call belongs to, which call of it this is, and what is said of it.
///
/// Its text, read and written, is that of `traceparent`; the state is not in it.
///
/// ```
/// use mainstay::Rng;
/// use mainstay::trace::TraceContext;
///
/// let caller: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
/// let call = caller.child(&Rng::thread());
/// assert_eq!(call.trace_id(), caller.trace_id());
/// assert_ne!(call.span_id(), caller.span_id());
/// assert!(call.flags().is_sampled());
/// # Ok::<(), mainstay::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    state: TraceState,
}

impl TraceContext {
    /// The context that another tracing system speaks of; without a state.
    pub fn new(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> Self {
        Self::from(Parent {
            trace_id,
            span_id,
            flags,
        })
    }

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

    /// Reads what a peer sent: `None` unless there is exactly one `traceparent` and it is valid.
    ///
    /// A `tracestate` that is malformed or has more than 32 members is left out; one of more than
    /// 8192 bytes is cut to whole members. It allocates for a state that is kept, once.
    pub fn extract<C: Carrier>(carrier: &C) -> Option<Self> {
        Self::read(carrier, TraceState::LIMIT).context
    }

    /// Writes exactly one `traceparent`, of version 00, and one `tracestate` unless the state is
    /// empty, in the place of whatever there is of both.
    ///
    /// The fields say that the call is this context: what is sent for a further call or attempt is a
    /// [`child`](Self::child).
    pub fn inject<C: Carrier>(&self, carrier: &mut C) {
        carrier.set(TRACEPARENT, &self.parent().to_bytes());
        if self.state.is_empty() {
            carrier.remove(TRACESTATE);
        } else {
            carrier.set(TRACESTATE, self.state.as_bytes());
        }
    }

    /// Reads what a peer sent, a state cut to `limit` bytes but never to fewer than 512, and says
    /// what was found.
    pub(super) fn read<C: Carrier>(carrier: &C, limit: usize) -> Extracted {
        let mut extracted = Extracted {
            context: None,
            parent: ParentFound::Missing,
            state: StateFound::None,
        };
        let mut parents = carrier.get_all(TRACEPARENT);
        let Some(value) = parents.next() else {
            return extracted;
        };
        if parents.next().is_some() {
            extracted.parent = ParentFound::Several;
            return extracted;
        }
        let Some(parent) = Parent::parse(value) else {
            extracted.parent = ParentFound::Malformed;
            return extracted;
        };
        extracted.parent = ParentFound::Valid;
        let state = TraceState::read(carrier.get_all(TRACESTATE), limit);
        extracted.state = match &state {
            None => StateFound::Dropped,
            Some(state) if state.is_empty() => StateFound::None,
            Some(_) => StateFound::Kept,
        };
        let state = state.unwrap_or_default();
        extracted.context = Some(Self::from(parent).with_state(state));
        extracted
    }

    fn parent(&self) -> Parent {
        Parent {
            trace_id: self.trace_id,
            span_id: self.span_id,
            flags: self.flags,
        }
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

    /// With another state.
    #[must_use]
    pub fn with_state(mut self, state: TraceState) -> Self {
        self.state = state;
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

/// The value of a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.parent().to_bytes()).unwrap_or_default())
    }
}

/// Reads the value of a `traceparent`.
impl FromStr for TraceContext {
    type Err = ConfigError;

    fn from_str(value: &str) -> Result<Self, ConfigError> {
        let allowed = "a traceparent of W3C Trace Context";
        let parent = Parent::parse(value.as_bytes()).map(Self::from);
        parent.ok_or_else(|| ConfigError::new("traceparent", value, allowed))
    }
}

/// What [`TraceContext::read`] found.
#[derive(Debug)]
pub(super) struct Extracted {
    /// There when the parent is valid.
    pub(super) context: Option<TraceContext>,
    pub(super) parent: ParentFound,
    pub(super) state: StateFound,
}

/// What there was of `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParentFound {
    Missing,
    Valid,
    Malformed,
    Several,
}

/// What became of `tracestate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateFound {
    /// There was none, or it had no member, or it was not read because the parent is not valid.
    None,
    /// Whole, or cut to the limit.
    Kept,
    /// It was malformed, had too many members, or none that fits the limit.
    Dropped,
}
