//! When a wait ends, and why.
//!
//! # Invariants
//! - I1: a wait for a permit ends at the sooner of its longest time and the deadline; a wait for the
//!   inner service, with the permit, at the deadline.
//! - I2: once the deadline has passed, that is why a wait ended, whatever else did: the caller is gone.
//! - I3: a time past what the clock can hold never ends a wait.

use std::time::Duration;

use crate::context::Deadline;
use crate::time::{self, Instant};

use super::semaphore::Terms;

/// One wait: first for a permit, unless it came with one, and then for the inner service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    started: Instant,
    deadline: Deadline,
    queued: Option<Terms>,
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    Queue { retry_hint: Duration },
    Deadline { limit: Duration, elapsed: Duration },
}

impl Wait {
    pub(super) const fn for_permit(started: Instant, deadline: Deadline, terms: Terms) -> Self {
        Self {
            started,
            deadline,
            queued: Some(terms),
        }
    }

    pub(super) const fn for_inner(started: Instant, deadline: Deadline) -> Self {
        Self {
            started,
            deadline,
            queued: None,
        }
    }

    pub(super) const fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// The instant at which it ends; `None` is never.
    pub(super) fn ends(&self) -> Option<Instant> {
        let queue_ends = self
            .queued
            .and_then(|terms| time::after(self.started, terms.wait_max));
        time::sooner(queue_ends, self.deadline.instant())
    }

    /// What was waited for came at `now`: the permit, or the inner service's readiness. A permit that
    /// comes when the longest time has passed is still good; what comes after the deadline is not worth
    /// spending.
    #[must_use]
    pub(super) fn admit(&mut self, now: Instant) -> Option<Expired> {
        self.queued = None;
        self.deadline.has_passed(now).then(|| self.expire(now))
    }

    /// It was ended at `now`.
    #[must_use]
    pub(super) fn expire(&self, now: Instant) -> Expired {
        match self.queued {
            Some(terms) if !self.deadline.has_passed(now) => Expired::Queue {
                retry_hint: terms.retry_hint,
            },
            _ => Expired::Deadline {
                limit: self.deadline.remaining(self.started),
                elapsed: self.elapsed(now),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn terms(wait_max: Duration) -> Terms {
        Terms {
            wait_max,
            retry_hint: 7 * SECOND,
        }
    }

    #[test]
    fn the_sooner_of_time_and_deadline_ends_a_wait_for_a_permit_i1() {
        let now = time::now();
        let in_two = Deadline::at(now + 2 * SECOND);
        let by_time = Wait::for_permit(now, in_two, terms(SECOND));
        assert_eq!(by_time.ends(), Some(now + SECOND));
        let retry_hint = 7 * SECOND;
        assert_eq!(by_time.expire(now + SECOND), Expired::Queue { retry_hint });

        let by_deadline = Wait::for_permit(now, in_two, terms(3 * SECOND));
        assert_eq!(by_deadline.ends(), Some(now + 2 * SECOND));
        let (limit, elapsed) = (2 * SECOND, 2 * SECOND);
        assert_eq!(
            by_deadline.expire(now + 2 * SECOND),
            Expired::Deadline { limit, elapsed }
        );
    }

    #[test]
    fn with_the_permit_only_the_deadline_ends_it_i1() {
        let now = time::now();
        let mut wait = Wait::for_permit(now, Deadline::at(now + 2 * SECOND), terms(SECOND));
        assert_eq!(wait.admit(now + SECOND), None, "late, but it came");
        assert_eq!(wait.ends(), Some(now + 2 * SECOND));
        assert_eq!(Wait::for_inner(now, Deadline::NEVER).ends(), None);
    }

    #[test]
    fn a_deadline_that_has_passed_comes_before_everything_i2() {
        let now = time::now();
        let mut wait = Wait::for_permit(now, Deadline::at(now + 2 * SECOND), terms(SECOND));
        let late = now + 2 * SECOND;
        let expired = wait.expire(late);
        assert!(matches!(expired, Expired::Deadline { .. }));
        assert_eq!(wait.admit(late), Some(expired), "also before a permit");
    }

    #[test]
    fn the_longest_time_never_ends_a_wait_i3() {
        let now = time::now();
        let wait = Wait::for_permit(now, Deadline::NEVER, terms(Duration::MAX));
        assert_eq!(wait.ends(), None);
        let soon = Wait::for_permit(now, Deadline::NEVER, terms(Duration::from_nanos(1)));
        assert_eq!(soon.ends(), Some(now + Duration::from_nanos(1)));
    }
}
