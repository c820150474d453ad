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
    pub(super) fn start(self, now: Instant) -> Term {
        let left = self.deadline.remaining(now);
        if left <= self.limit && self.deadline != Deadline::NEVER {
            Term(nanos(left) | BY_DEADLINE)
        } else {
            Term(nanos(self.limit))
        }
    }
}

/// What bounds a call that waits, from the instant at which it became pending.
///
/// In one word, as each call in flight has one: whether it is the deadline, and how many nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term(u64);

const BY_DEADLINE: u64 = 1 << 63;

/// From here on, 292 years, it is for ever.
const NEVER: u64 = BY_DEADLINE - 1;

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(NEVER, |nanos| nanos.min(NEVER))
}

/// Why a call that waits is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expired {
    pub(super) kind: Kind,
    pub(super) executed: Executed,
    pub(super) limit: Duration,
    pub(super) elapsed: Duration,
}

impl Term {
    /// The instant at which a call ends that became pending at `started`; `None` is never.
    pub(super) fn ends(self, started: Instant) -> Option<Instant> {
        match self.limit() {
            Duration::MAX => None,
            limit => time::after(started, limit),
        }
    }

    fn limit(self) -> Duration {
        match self.0 & NEVER {
            NEVER => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }

    /// The call, which was to end at `ends`, was ended at `now`.
    #[must_use]
    pub(super) fn expire(self, ends: Instant, now: Instant) -> Expired {
        let late = now.saturating_duration_since(ends);
        Expired {
            kind: match self.0 & BY_DEADLINE {
                0 => Kind::Timeout,
                _ => Kind::DeadlineExceeded,
            },
            executed: Executed::Unknown,
            limit: self.limit(),
            elapsed: self.limit().saturating_add(late),
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

    /// A call that began and became pending at `now`, and when it ends.
    fn start(limit: Duration, deadline: Option<Deadline>, now: Instant) -> (Term, Option<Instant>) {
        let term = Bounds::new(limit, deadline).start(now);
        (term, term.ends(now))
    }

    #[test]
    fn the_sooner_of_limit_and_deadline_ends_the_call_i1() {
        let now = time::now();
        let (by_limit, ends) = start(SECOND, deadline_in(now, 2 * SECOND), now);
        assert_eq!(ends, time::after(now, SECOND));
        assert_eq!(
            by_limit.expire(now + SECOND, now + SECOND).kind,
            Kind::Timeout
        );

        let (by_deadline, ends) = start(2 * SECOND, deadline_in(now, SECOND), now);
        assert_eq!(ends, time::after(now, SECOND));
        let expired = by_deadline.expire(now + SECOND, now + SECOND);
        assert_eq!(expired.kind, Kind::DeadlineExceeded);
        assert_eq!((expired.limit, expired.elapsed), (SECOND, SECOND));
    }

    #[test]
    fn at_the_same_instant_it_is_the_deadlines_i2() {
        let now = time::now();
        let (both, _) = start(SECOND, deadline_in(now, SECOND), now);
        let expired = both.expire(now + SECOND, now + SECOND);
        assert_eq!(expired.kind, Kind::DeadlineExceeded);
    }

    #[test]
    fn what_is_ended_late_says_how_late() {
        let now = time::now();
        let (term, ends) = start(SECOND, None, now);
        let expired = term.expire(ends.unwrap(), now + 3 * SECOND);
        assert_eq!((expired.limit, expired.elapsed), (SECOND, 3 * SECOND));
    }

    #[test]
    fn the_longest_limit_never_ends_a_call_i3() {
        let now = time::now();
        for deadline in [None, Some(Deadline::NEVER)] {
            let (term, ends) = start(Duration::MAX, deadline, now);
            assert_eq!(ends, None);
            assert_eq!(term.expire(now, now).kind, Kind::Timeout);
        }
        let (by_deadline, ends) = start(Duration::MAX, deadline_in(now, SECOND), now);
        assert_eq!(ends, time::after(now, SECOND));
        assert_eq!(by_deadline.expire(now, now).kind, Kind::DeadlineExceeded);
    }

    #[test]
    fn a_limit_or_a_deadline_of_nothing_ends_at_once() {
        let now = time::now();
        assert_eq!(start(Duration::ZERO, None, now).1, Some(now));
        let (passed, ends) = start(SECOND, Some(Deadline::at(now)), now + SECOND);
        assert_eq!(ends, Some(now + SECOND), "when it was found to be over");
        assert_eq!(
            passed.expire(now + SECOND, now + SECOND).elapsed,
            Duration::ZERO
        );
    }
}
