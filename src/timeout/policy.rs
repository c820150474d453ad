//! When a call ends, and why.
//!
//! # Invariants
//! - I1: a call ends at the sooner of its limit and its deadline; neither is ever put off.
//! - I2: where both come at the same instant it is the deadline's: the caller is gone.
//! - I3: a limit or deadline past what the clock can hold never ends a call.

use std::time::Duration;

use crate::context::Deadline;
use crate::error::{Executed, Kind};
use crate::time::{self, Instant};

/// What bounds one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    limit: Duration,
    deadline: Deadline,
}

impl Bounds {
    pub(super) fn new(limit: Duration, deadline: Option<Deadline>) -> Self {
        Self {
            limit,
            deadline: deadline.unwrap_or(Deadline::NEVER),
        }
    }

    /// The call became pending at `now`.
    pub(super) fn start(self, now: Instant) -> Running {
        Running {
            started: now,
            bounds: self,
        }
    }
}

/// A call that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    started: Instant,
    bounds: Bounds,
}

/// Why a call that waits is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expired {
    pub(super) kind: Kind,
    pub(super) executed: Executed,
    pub(super) limit: Duration,
    pub(super) elapsed: Duration,
}

impl Running {
    /// The instant at which the call ends; `None` is never.
    pub(super) fn ends(&self) -> Option<Instant> {
        time::sooner(self.limit_ends(), self.bounds.deadline.instant())
    }

    fn limit_ends(&self) -> Option<Instant> {
        time::after(self.started, self.bounds.limit)
    }

    /// The call was ended at `now`.
    #[must_use]
    pub(super) fn expire(&self, now: Instant) -> Expired {
        let by_deadline = match (self.bounds.deadline.instant(), self.limit_ends()) {
            (Some(deadline), Some(limit)) => deadline <= limit,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        };
        let elapsed = now.saturating_duration_since(self.started);
        let (kind, limit) = if by_deadline {
            (
                Kind::DeadlineExceeded,
                self.bounds.deadline.remaining(self.started),
            )
        } else {
            (Kind::Timeout, self.bounds.limit)
        };
        Expired {
            kind,
            executed: Executed::Unknown,
            limit,
            elapsed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn deadline_in(now: Instant, wait: Duration) -> Option<Deadline> {
        time::after(now, wait).map(Deadline::at)
    }

    #[test]
    fn the_sooner_of_limit_and_deadline_ends_the_call_i1() {
        let now = time::now();
        let by_limit = Bounds::new(SECOND, deadline_in(now, 2 * SECOND)).start(now);
        assert_eq!(by_limit.ends(), time::after(now, SECOND));
        assert_eq!(by_limit.expire(now + SECOND).kind, Kind::Timeout);

        let by_deadline = Bounds::new(2 * SECOND, deadline_in(now, SECOND)).start(now);
        assert_eq!(by_deadline.ends(), time::after(now, SECOND));
        let expired = by_deadline.expire(now + SECOND);
        assert_eq!(expired.kind, Kind::DeadlineExceeded);
        assert_eq!((expired.limit, expired.elapsed), (SECOND, SECOND));
    }

    #[test]
    fn at_the_same_instant_it_is_the_deadlines_i2() {
        let now = time::now();
        let both = Bounds::new(SECOND, deadline_in(now, SECOND)).start(now);
        assert_eq!(both.expire(now + SECOND).kind, Kind::DeadlineExceeded);
    }

    #[test]
    fn the_longest_limit_never_ends_a_call_i3() {
        let now = time::now();
        assert_eq!(Bounds::new(Duration::MAX, None).start(now).ends(), None);
        assert_eq!(
            Bounds::new(Duration::MAX, Some(Deadline::NEVER))
                .start(now)
                .ends(),
            None
        );
        let by_deadline = Bounds::new(Duration::MAX, deadline_in(now, SECOND)).start(now);
        assert_eq!(
            by_deadline.expire(now + SECOND).kind,
            Kind::DeadlineExceeded
        );
    }

    #[test]
    fn a_limit_of_nothing_ends_at_once() {
        let now = time::now();
        assert_eq!(
            Bounds::new(Duration::ZERO, None).start(now).ends(),
            Some(now)
        );
    }
}
