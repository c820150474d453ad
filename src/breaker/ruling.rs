//! What goes into the policy and what comes out of it.

use std::time::Duration;

use crate::time::Instant;

use super::epoch::Epoch;
use super::probation::Ticket;
use super::state::{Cause, State};

/// A change of state, to be told once the lock is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Change {
    pub(super) from: State,
    pub(super) to: State,
    pub(super) epoch: Epoch,
    pub(super) opened: Option<Opened>,
}

/// Why, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) cause: Cause,
    /// `None` is until someone says otherwise.
    pub(super) time: Option<Duration>,
}

/// What a call is told that wants to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Verdict {
    Admitted(Ticketed),
    /// Until this instant, as far as is known.
    Refused(Option<Instant>),
}

/// What an admitted call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticketed {
    Call,
    Probe(Ticket),
}

/// A call that speaks against the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It failed; perhaps the service asked callers to stay away for a while.
    Failure { asked: Option<Duration> },
    /// It succeeded, slowly.
    Slow,
}

impl Bad {
    pub(super) const fn asked(self) -> Option<Duration> {
        match self {
            Self::Failure { asked } => asked,
            Self::Slow => None,
        }
    }
}
