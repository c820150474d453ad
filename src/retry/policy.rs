//! What comes after a failed attempt.
//!
//! # Invariants
//! - I1: a call has no more attempts than it began with the right to.
//! - I2: only a transient failure is repeated, and not when the service forbade it.
//! - I3: what is not safe to run twice is repeated only when it did not run.
//! - I4: a wait that the service asked for is kept to the nanosecond, or not begun.
//! - I5: no wait is begun that would end at or after the deadline or the end of `elapsed_max`, or
//!   never; and no attempt is sent then.
//! - I6: it is known of a call whether an attempt before the last may have run.

use std::time::Duration;

use crate::classify::{Failure, Pushback};
use crate::context::{Attempt, Deadline};
use crate::error::Executed;
use crate::rng::Rng;
use crate::time::{self, Instant};

use super::account::Money;
use super::ends::Ends;
use super::{Receipt, RetryConfig, Stop, backoff};

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Another attempt at this instant, if the budget pays for it.
    Again(Instant),
    /// Nothing.
    Stop(Stop),
}

/// Whether the request can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    Safe,
    Unsafe,
    Impossible,
}

/// One call on its way through its attempts.
#[derive(Debug)]
pub(super) struct Course {
    ends: Ends,
    /// What there is to know of a call that failed. Most do not, and are spared its room.
    failed: Option<Box<Failed>>,
    attempts: u32,
    /// The account's.
    pub(super) money: Money,
}

#[derive(Debug)]
struct Failed {
    /// The attempt that runs, or the next one while the call waits for it.
    attempt: Attempt,
    /// The back-off drawn last.
    delay: Duration,
    /// Whether an attempt before this one may have run.
    may_have_run: bool,
    /// Of the attempt that was paid for last.
    receipt: Option<Receipt>,
}

impl Course {
    #[inline]
    pub(super) fn new(attempts: u32, deadline: Deadline, elapsed: Option<Instant>) -> Self {
        Self {
            ends: Ends::new(deadline, elapsed),
            failed: None,
            attempts,
            money: Money::First,
        }
    }

    /// The attempt that runs, or the next one while the call waits for it.
    #[inline]
    pub(super) fn attempt(&self) -> Attempt {
        match &self.failed {
            None => Attempt::first(self.attempts),
            Some(failed) => failed.attempt,
        }
    }

    pub(super) fn may_have_run(&self) -> bool {
        self.failed
            .as_ref()
            .is_some_and(|failed| failed.may_have_run)
    }

    fn delay(&self) -> Duration {
        self.failed
            .as_ref()
            .map_or(Duration::ZERO, |failed| failed.delay)
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.ends.deadline()
    }

    /// Keeps the receipt for the attempt that comes next. There is none but after a failure.
    pub(super) fn keep(&mut self, receipt: Receipt) {
        if let Some(failed) = &mut self.failed {
            failed.receipt = Some(receipt);
        }
    }

    pub(super) fn receipt(&self) -> Option<Receipt> {
        self.failed.as_ref()?.receipt
    }

    /// The attempt ended with `failure` at `now`.
    pub(super) fn fail(
        &mut self,
        config: &RetryConfig,
        failure: Failure,
        repeat: Repeat,
        now: Instant,
        rng: &Rng,
    ) -> Next {
        let at = self
            .permit(failure, repeat)
            .and_then(|()| self.wait(config, failure, rng))
            .and_then(|(wait, delay)| Ok((self.end_of(wait, now)?, delay)));
        match at {
            Ok((at, delay)) => {
                let failed = Failed {
                    attempt: self.attempt().next(failure),
                    delay,
                    may_have_run: self.may_have_run() || failure.was_executed() != Executed::No,
                    receipt: None,
                };
                match &mut self.failed {
                    Some(before) => **before = failed,
                    None => self.failed = Some(Box::new(failed)),
                }
                Next::Again(at)
            }
            Err(stop) => Next::Stop(stop),
        }
    }

    fn permit(&self, failure: Failure, repeat: Repeat) -> Result<(), Stop> {
        let ran = failure.was_executed() != Executed::No;
        match repeat {
            _ if !failure.is_transient() => Err(Stop::NotTransient),
            _ if failure.asked() == Pushback::Never => Err(Stop::Pushback),
            _ if self.attempt().is_last() => Err(Stop::Attempts),
            Repeat::Impossible => Err(Stop::NotReplayable),
            Repeat::Unsafe if ran => Err(Stop::NotSafe),
            Repeat::Unsafe | Repeat::Safe => Ok(()),
        }
    }

    /// How long to wait, and the back-off drawn last.
    fn wait(
        &self,
        config: &RetryConfig,
        failure: Failure,
        rng: &Rng,
    ) -> Result<(Duration, Duration), Stop> {
        match failure.asked() {
            Pushback::After(wait) if wait > config.delay_max => Err(Stop::Pushback),
            Pushback::After(wait) => Ok((wait, self.delay())),
            Pushback::None | Pushback::Never => {
                let retry = self.attempt().number().saturating_sub(1);
                let before = self.delay();
                let delay = backoff::draw(config, retry, failure.is_overload(), before, rng);
                Ok((delay, delay))
            }
        }
    }

    fn end_of(&self, wait: Duration, now: Instant) -> Result<Instant, Stop> {
        let Some(at) = time::after(now, wait) else {
            return Err(match self.deadline() {
                Deadline::NEVER => Stop::Elapsed,
                _ => Stop::Deadline,
            });
        };
        match self.overdue(at) {
            Some(stop) => Err(stop),
            None => Ok(at),
        }
    }

    /// Why no attempt may be sent at this instant, if none may.
    pub(super) fn overdue(&self, at: Instant) -> Option<Stop> {
        if self.deadline().has_passed(at) {
            Some(Stop::Deadline)
        } else if self.ends.first().is_some_and(|first| first <= at) {
            Some(Stop::Elapsed)
        } else {
            None
        }
    }

    /// Until when to wait for readiness that is asked for at `now`; `None` is for ever.
    pub(super) fn ready_by(&self, ready_max: Duration, now: Instant) -> Option<Instant> {
        time::sooner(time::after(now, ready_max), self.ends.first())
    }
}

#[cfg(test)]
mod tests;
