//! The right of one call to run and to be counted.

use std::time::Duration;

use crate::classify::{Failure, Outcome};
use crate::sync::Held;
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
    /// The call was answered after so many nanoseconds, and has not been settled.
    Took(u64),
}

impl Age {
    pub(super) fn since(started: Option<Instant>) -> Self {
        started.map_or(Self::Untimed, Self::Since)
    }

    /// What it is at `now`, for good; 584 years is the end of time.
    fn stop(self, now: impl FnOnce() -> Instant) -> Self {
        self.at(now).map_or(Self::Untimed, |took| {
            Self::Took(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
        })
    }

    /// The age when `now` is asked for; `None` is unknown.
    #[inline]
    pub(super) fn at(self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        match self {
            Self::Untimed => None,
            Self::Since(started) => Some(now().saturating_duration_since(started)),
            Self::Took(nanos) => Some(Duration::from_nanos(nanos)),
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
    tally: Tally<Shared, Held<Shared>>,
    permit: Option<Permit>,
    /// Whether the inner service is running at this moment. It is found so by the drop only when it
    /// panicked: `std::thread::panicking` could not tell whose panic it is.
    running: bool,
}

impl Admitted {
    pub(super) const fn new(tally: Tally<Shared, Held<Shared>>, permit: Permit) -> Self {
        Self {
            tally,
            permit: Some(permit),
            running: false,
        }
    }

    /// Runs the inner service for a moment.
    #[inline]
    pub(super) fn run<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.running = true;
        let out = inner();
        self.running = false;
        out
    }

    /// The inner service answered, and there is more to come before the call is settled.
    pub(super) fn took(&mut self) {
        if let Some(permit) = &mut self.permit {
            permit.age = permit.age.stop(time::now);
        }
    }

    /// The call has ended with `outcome`.
    #[inline]
    pub(super) fn answered(&mut self, outcome: Outcome) {
        let passed = match (outcome, &self.permit) {
            (Outcome::Success, Some(permit)) => self.tally.succeed(permit),
            _ => None,
        };
        match passed {
            Some(judged) => {
                self.permit = None;
                self.tally.judged(judged);
            }
            None => self.answered_otherwise(outcome),
        }
    }

    #[cold]
    fn answered_otherwise(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            match outcome {
                Outcome::Ignored => self.tally.release(permit),
                Outcome::Success => self.tally.settle(permit, None),
                Outcome::Failure(failure) => self.tally.settle(permit, Some(failure)),
            }
        }
    }

    /// The call was ended because nobody waited for it any more.
    #[cold]
    pub(super) fn given_up(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.tally.cancel(permit);
        }
    }

    /// Counts what the caller gets.
    #[inline]
    pub(super) fn count<R, E>(&mut self, result: &Result<R, E>) {
        self.tally.answered(result);
    }
}

impl Drop for Admitted {
    #[inline]
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.left(permit);
        }
    }
}

impl Admitted {
    #[cold]
    fn left(&self, permit: Permit) {
        if self.running {
            self.tally.settle(permit, Some(Failure::transient()));
        } else {
            self.tally.cancel(permit);
        }
    }
}
