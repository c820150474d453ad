//! How much time a request has.
//!
//! # Invariants
//! - I1: a request never has more time than it says, than the server's maximum, or than the deadline
//!   leaves that held before it came here.
//! - I2: a deadline that held before and has passed is the end, whatever the mode: it only shrinks.
//! - I3: a request that is let through though it says that its time is over is one that says nothing.
//! - I4: what lies beyond the clock is never.

use std::time::Duration;

use crate::context::Deadline;
use crate::time::{self, Instant};

/// What the server allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max: Duration,
    pub(super) default_time: Duration,
}

/// What a request that arrives is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Arrival {
    /// It has until then.
    InTime(Deadline),
    /// It says that its time is over.
    Late,
    /// The deadline that held before has passed.
    Gone,
}

impl Limits {
    /// The time of a request that says that `said` is left; [`Duration::MAX`] is for ever.
    pub(super) fn time(self, said: Option<Duration>) -> Duration {
        said.unwrap_or(self.default_time).min(self.max)
    }
}

/// A request arrived at `now` that has `time`, and `held` from further out.
pub(super) fn arrive(now: Instant, time: Duration, held: Deadline) -> Arrival {
    if held.has_passed(now) {
        Arrival::Gone
    } else if time.is_zero() {
        Arrival::Late
    } else {
        Arrival::InTime(ends(now, time, held))
    }
}

/// The deadline of a request that arrived at `now`, has `time`, and `held` from further out.
pub(super) fn ends(now: Instant, time: Duration, held: Deadline) -> Deadline {
    time::after(now, time).map_or(held, |own| Deadline::at(own).sooner(held))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NONE: Duration = Duration::MAX;

    fn at(now: Instant, wait: Duration) -> Deadline {
        Deadline::at(now + wait)
    }

    #[test]
    fn a_request_has_no_more_than_the_least_of_all_i1() {
        let limits = Limits {
            max: 3 * SECOND,
            default_time: 2 * SECOND,
        };
        assert_eq!(limits.time(Some(SECOND)), SECOND);
        assert_eq!(limits.time(Some(9 * SECOND)), 3 * SECOND);
        assert_eq!(limits.time(Some(NONE)), 3 * SECOND);
        assert_eq!(limits.time(None), 2 * SECOND);
        let unset = Limits {
            max: NONE,
            default_time: NONE,
        };
        assert_eq!(unset.time(None), NONE);
        let swapped = Limits {
            max: SECOND,
            default_time: NONE,
        };
        assert_eq!(swapped.time(None), SECOND, "no header is no way around it");

        let now = time::now();
        for (time, held, ends) in [
            (SECOND, Deadline::NEVER, at(now, SECOND)),
            (SECOND, at(now, 2 * SECOND), at(now, SECOND)),
            (2 * SECOND, at(now, SECOND), at(now, SECOND)),
            (NONE, at(now, SECOND), at(now, SECOND)),
        ] {
            assert_eq!(arrive(now, time, held), Arrival::InTime(ends));
        }
    }

    #[test]
    fn what_held_before_and_has_passed_is_the_end_i2() {
        let now = time::now();
        for time in [Duration::ZERO, SECOND, NONE] {
            assert_eq!(arrive(now, time, Deadline::at(now)), Arrival::Gone);
        }
    }

    #[test]
    fn a_request_that_says_zero_is_late_i3() {
        let now = time::now();
        assert_eq!(arrive(now, Duration::ZERO, Deadline::NEVER), Arrival::Late);
        assert_eq!(arrive(now, Duration::ZERO, at(now, SECOND)), Arrival::Late);
        let least = Duration::from_nanos(1);
        assert_eq!(
            arrive(now, least, Deadline::NEVER),
            Arrival::InTime(at(now, least))
        );
    }

    #[test]
    fn the_longest_time_is_never_i4() {
        let now = time::now();
        assert_eq!(
            arrive(now, NONE, Deadline::NEVER),
            Arrival::InTime(Deadline::NEVER)
        );
    }
}
