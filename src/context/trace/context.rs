//! What is carried from hop to hop.

use std::fmt;
use std::str::{self, FromStr};

use crate::context::{Carrier, Field};
use crate::error::ConfigError;
use crate::rng::Rng;

use super::parent::Parent;
use super::{InScope, SpanId, TraceFlags, TraceId, TraceState};

pub(crate) const TRACEPARENT: Field = Field::known("traceparent");
pub(crate) const TRACESTATE: Field = Field::known("tracestate");

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

    /// A further call of the context of the code now running, if there is one.
    pub(crate) fn child_of_current(rng: &Rng) -> Option<Self> {
        super::scope::child(rng)
    }

    /// Reads what a peer sent: `None` unless there is exactly one `traceparent` and it is valid.
    ///
    /// A `tracestate` that is malformed, or has more than 32 members, or 32 KiB, is left out; one of
    /// more than 8192 bytes is cut to whole members. It allocates for a state that is kept, once.
    pub fn extract<C: Carrier>(carrier: &C) -> Option<Self> {
        Self::read(carrier, TraceState::LIMIT).context
    }

    /// Writes exactly one `traceparent`, of version 00, and one `tracestate` unless the state is
    /// empty, in the place of whatever there is of both.
    ///
    /// The fields say that the call is this context: what is sent for a further call or attempt is a
    /// [`child`](Self::child).
    pub fn inject<C: Carrier>(&self, carrier: &mut C) {
        let parent = self.parent().to_bytes();
        if self.state.is_empty() {
            // In between, for the processor waits if what was just written is read at once.
            carrier.remove(TRACESTATE);
            carrier.set(TRACEPARENT, &parent);
        } else {
            carrier.set(TRACEPARENT, &parent);
            carrier.set(TRACESTATE, self.state.as_bytes());
        }
    }

    /// Reads what a peer sent, a state cut to `limit` bytes but never to fewer than 512, and says
    /// what was found.
    #[inline]
    pub(crate) fn read<C: Carrier>(carrier: &C, limit: usize) -> Extracted {
        let mut extracted = Extracted {
            context: None,
            parent: ParentFound::Missing,
            state: StateFound::None,
            is_canonical: false,
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
        extracted.is_canonical = parent.is_written_as(value);
        let mut context = Self::from(parent);
        if carrier.get_all(TRACESTATE).next().is_some() {
            let state = TraceState::read(carrier.get_all(TRACESTATE), limit);
            extracted.state = match &state {
                None => StateFound::Dropped,
                Some(state) if state.is_empty() => StateFound::None,
                Some(_) => StateFound::Kept,
            };
            context.state = state.unwrap_or_default();
            let said = carrier.get_all(TRACESTATE);
            let is_canonical = !context.state.is_empty() && said.eq([context.state.as_bytes()]);
            extracted.is_canonical &= is_canonical;
        }
        extracted.context = Some(context);
        extracted
    }

    pub(crate) fn parent(&self) -> Parent {
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
    ///
    /// What a function does before it gives its future is not in it: a `Service` may do all when it is
    /// called. So call it within: `context.in_scope(async { service.call(request).await })`.
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
pub(crate) struct Extracted {
    /// There when the parent is valid.
    pub(crate) context: Option<TraceContext>,
    pub(crate) parent: ParentFound,
    pub(crate) state: StateFound,
    /// Whether the fields say the context, and as it is written: then it need not be.
    pub(crate) is_canonical: bool,
}

/// What there was of `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParentFound {
    Missing,
    Valid,
    Malformed,
    Several,
}

/// What became of `tracestate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateFound {
    /// There was none, or it had no member, or it was not read because the parent is not valid.
    None,
    /// Whole, or cut to the limit.
    Kept,
    /// It was malformed, had too many members, or none that fits the limit.
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    struct Fields<'a> {
        parents: &'a [&'a str],
        states: &'a [&'a str],
    }

    impl Carrier for Fields<'_> {
        fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
            let is_parent = field == TRACEPARENT;
            let values = if is_parent { self.parents } else { self.states };
            values.iter().map(|value| value.as_bytes())
        }

        fn set(&mut self, _field: Field, _value: &[u8]) {}

        fn remove(&mut self, _field: Field) {}
    }

    fn read(parents: &[&str], states: &[&str], limit: usize) -> Extracted {
        TraceContext::read(&Fields { parents, states }, limit)
    }

    #[test]
    fn what_was_found_is_said() {
        use {ParentFound as P, StateFound as S};
        let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
        let long = format!("a={},{longest}", "v".repeat(256));
        let flood = ",".repeat(40_000);
        let cases: [(&[&str], &[&str], P, S); 13] = [
            (&[], &[], P::Missing, S::None),
            (&[], &["a=1"], P::Missing, S::None),
            (&[""], &["a=1"], P::Malformed, S::None),
            (&["00"], &["A=1"], P::Malformed, S::None),
            (&[PARENT, PARENT], &["a=1"], P::Several, S::None),
            (&[PARENT, ""], &[], P::Several, S::None),
            (&[PARENT], &[], P::Valid, S::None),
            (&[PARENT], &["", " ,"], P::Valid, S::None),
            (&[PARENT], &["a=1", ""], P::Valid, S::Kept),
            (&[PARENT], &[&long], P::Valid, S::Kept),
            (&[PARENT], &["a=1", "b"], P::Valid, S::Dropped),
            (&[PARENT], &[&flood], P::Valid, S::Dropped),
            (&[PARENT], &[&longest], P::Valid, S::Dropped),
        ];
        for (parents, states, parent, state) in cases {
            let found = read(parents, states, 0);
            assert_eq!(
                (found.parent, found.state),
                (parent, state),
                "{parents:?} {states:?}"
            );
            let is_valid = parent == P::Valid;
            assert_eq!(found.context.is_some(), is_valid, "{parents:?}");
            let kept = found
                .context
                .is_some_and(|context| !context.state.is_empty());
            assert_eq!(kept, state == S::Kept, "{parents:?} {states:?}");
        }
    }

    /// S11: at least 512 characters are propagated, whatever the limit.
    #[test]
    fn a_limit_is_never_below_512_bytes() {
        let member = |key: char, length: usize| format!("{key}={}", "v".repeat(length - 2));
        // 4 * 101 + 3 commas, and one to fill up.
        let full = [
            member('a', 101),
            member('b', 101),
            member('c', 101),
            member('d', 101),
        ]
        .join(",");
        let fits = format!("{full},{}", member('e', 104));
        let over = format!("{full},{}", member('e', 105));
        assert_eq!((fits.len(), over.len()), (512, 513));
        let kept = |list: &str, limit| {
            let context = read(&[PARENT], &[list], limit).context.unwrap();
            context.state.as_str().to_owned()
        };
        for limit in [0, 1, 511, 512] {
            assert_eq!(kept(&fits, limit), fits, "{limit}");
            assert_eq!(kept(&over, limit), full, "{limit}");
        }
        for limit in [513, 8192, usize::MAX] {
            assert_eq!(kept(&over, limit), over, "{limit}");
        }
    }

    /// S11: those of more than 128 characters go first, then any from the right.
    #[test]
    fn the_long_members_go_before_the_short_ones() {
        let member = |key: char, length: usize| format!("{key}={}", "v".repeat(length - 2));
        let list = |members: &[(char, usize)]| {
            let members = members.iter().map(|(key, length)| member(*key, *length));
            members.collect::<Vec<_>>().join(",")
        };
        let (long, short) = (129, 128);
        let cases: [(&[_], &[_]); 4] = [
            (
                &[('a', long), ('b', short), ('c', short), ('d', short)],
                &[('b', short), ('c', short), ('d', short)],
            ),
            (
                &[
                    ('a', long),
                    ('b', short),
                    ('c', long),
                    ('d', short),
                    ('e', 8),
                ],
                &[('a', long), ('b', short), ('d', short), ('e', 8)],
            ),
            (
                &[
                    ('a', short),
                    ('b', short),
                    ('c', short),
                    ('d', short),
                    ('e', 8),
                ],
                &[('a', short), ('b', short), ('c', short)],
            ),
            (
                &[
                    ('a', long),
                    ('b', short),
                    ('c', short),
                    ('d', short),
                    ('e', short),
                    ('f', 2 + 1),
                ],
                &[('b', short), ('c', short), ('d', short)],
            ),
        ];
        for (received, kept) in cases {
            let context = read(&[PARENT], &[&list(received)], 512).context.unwrap();
            assert_eq!(context.state.as_str(), list(kept), "{received:?}");
        }
    }
}
