//! How a call came to its context, and how often.

use crate::telemetry::{Counter, Scope};

use crate::context::{Extracted, StateFound};

/// How a call came to its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A peer sent it.
    Continued,
    /// Nobody gave one, so it is new.
    Minted,
    /// A boundary gave up what a peer sent, so it is new.
    Restarted,
    /// What a peer sent was not valid.
    Malformed,
    /// It was attached to the request.
    Attached,
    /// It was the task's.
    Current,
}

impl Origin {
    const fn label(self) -> &'static str {
        match self {
            Self::Continued => "continued",
            Self::Minted => "minted",
            Self::Restarted => "restarted",
            Self::Malformed => "malformed",
            Self::Attached => "attached",
            Self::Current => "current",
        }
    }
}

/// What the layers count.
#[derive(Clone, Debug)]
pub(super) struct Contexts {
    by_origin: Vec<(Origin, Counter)>,
    states_dropped: Counter,
}

impl Contexts {
    /// `origins` are those that this layer can find.
    pub(super) fn new(scope: &Scope, origins: &[Origin]) -> Self {
        let counter = |origin: &Origin| {
            let label = origin.label();
            let counter = scope.counter_by("mainstay_trace_contexts_total", "origin", label);
            (*origin, counter)
        };
        Self {
            by_origin: origins.iter().map(counter).collect(),
            states_dropped: scope.counter("mainstay_trace_states_dropped_total"),
        }
    }

    pub(super) fn count(&self, origin: Origin) {
        if let Some((_, counter)) = self.by_origin.iter().find(|(known, _)| *known == origin) {
            counter.increment(1);
        }
    }

    pub(super) fn count_state(&self, came: &Extracted) {
        if came.state == StateFound::Dropped {
            self.states_dropped.increment(1);
        }
    }
}
