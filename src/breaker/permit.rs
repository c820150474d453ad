//! The right of one call to run and to be counted.

use std::time::Duration;

use crate::classify::{Failure, Outcome};
use crate::telemetry::Tally;
use crate::time::{self, Instant};

use super::epoch::Epoch;
use super::ruling::Ticketed;
use super::shared::Shared;

/// What a call was admitted as. The circuit takes it back once.
#[derive(Debug)]
pub(super) struct Permit {
    pub(super) epoch: Epoch,
    pub(super) ticketed: Ticketed,
    pub(super) age: Age,
}

/// How long a call has run, where that matters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Age {
    Untimed,
    Since(Instant),
    /// The call was answered after this time, and has not been settled.
    Took(Duration),
}

impl Age {
    pub(super) fn since(started: Option<Instant>) -> Self {
        started.map_or(Self::Untimed, Self::Since)
    }

    /// The age when `now` is asked for; `None` is unknown.
    pub(super) fn at(self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        match self {
            Self::Untimed => None,
            Self::Since(started) => Some(now().saturating_duration_since(started)),
            Self::Took(took) => Some(took),
        }
    }
}

impl Permit {
    pub(super) const fn is_probe(&self) -> bool {
        matches!(self.ticketed, Ticketed::Probe(_))
    }
}

/// A call is not admitted; when it is worth coming back, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) Option<Duration>);

/// An admitted call. However it ends, its permit is given back once.
///
/// It is made before the inner service is called, so that a call which is never polled, or which
/// unwinds, gives its permit back too.
#[derive(Debug)]
pub(super) struct Admitted {
    tally: Tally<Shared>,
    permit: Option<Permit>,
    /// Whether the inner service is running at this moment. It is found so by the drop only when it
    /// panicked: `std::thread::panicking` could not tell whose panic it is.
    running: bool,
}

impl Admitted {
    pub(super) const fn new(tally: Tally<Shared>, permit: Permit) -> Self {
        Self {
            tally,
            permit: Some(permit),
            running: false,
        }
    }

    /// Runs the inner service for a moment.
    pub(super) fn run<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.running = true;
        let out = inner();
        self.running = false;
        out
    }

    /// The inner service answered, and there is more to come before the call is settled.
    pub(super) fn took(&mut self) {
        if let Some(permit) = &mut self.permit {
            permit.age = permit.age.at(time::now).map_or(Age::Untimed, Age::Took);
        }
    }

    /// The call has ended with `outcome`.
    #[inline]
    pub(super) fn answered(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            match outcome {
                Outcome::Ignored => self.tally.release(permit),
                Outcome::Success => self.tally.succeed(permit),
                Outcome::Failure(failure) => self.tally.settle(permit, Some(failure)),
            }
        }
    }

    /// The call was ended because nobody waited for it any more.
    pub(super) fn given_up(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.tally.cancel(permit);
        }
    }

    /// Counts what the caller gets.
    pub(super) fn count<R, E>(&mut self, result: &Result<R, E>) {
        self.tally.answered(result);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        if self.running {
            self.tally.settle(permit, Some(Failure::transient()));
        } else {
            self.tally.cancel(permit);
        }
    }
}
