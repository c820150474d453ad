//! How much time the next hop is given.
//!
//! # Invariants
//! - I1: the next hop is given no more than the settings allow, than its caller wrote, and than what is
//!   left of the deadline without the margin.
//! - I2: a call that can be given nothing, or less than the minimum, is not made.
//! - I3: the call ends when the margin has gone by after what was given, and never after the deadline.
//! - I4: nothing overflows: what lies beyond the clock is never, and is not said.

use std::time::Duration;

use crate::context::Deadline;
use crate::error::Kind;
use crate::time::{self, Instant};

/// What the client allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) margin: Duration,
    pub(super) max: Duration,
    pub(super) min: Duration,
}

/// A call that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Departure {
    /// What the next hop is given; [`Duration::MAX`] is for ever.
    pub(super) given: Duration,
    pub(super) ends: Deadline,
    /// Whose time it is that ends: the caller's, or the layer's own.
    pub(super) kind: Kind,
}

impl Terms {
    /// Whether anything bounds a call for which its caller wrote `said`, and that has no deadline.
    pub(super) fn bounds(self, said: Option<Duration>) -> bool {
        self.max.min(said.unwrap_or(Duration::MAX)) < Duration::MAX
    }

    /// A call is to be made at `now`; `None` when it has no time.
    pub(super) fn depart(
        self,
        now: Instant,
        held: Deadline,
        said: Option<Duration>,
    ) -> Option<Departure> {
        let left = match held.instant() {
            Some(_) => held.remaining(now).saturating_sub(self.margin),
            None => Duration::MAX,
        };
        let callers = left.min(said.unwrap_or(Duration::MAX));
        let given = callers.min(self.max);
        // While the settings are replaced, the minimum may be a new one and the maximum an old one.
        let min = self.min.min(self.max);
        if given.is_zero() || given < min {
            return None;
        }
        let own = time::after(now, given.saturating_add(self.margin));
        Some(Departure {
            given,
            ends: own.map_or(held, |own| Deadline::at(own).sooner(held)),
            kind: if self.max < callers {
                Kind::Timeout
            } else {
                Kind::DeadlineExceeded
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const NANO: Duration = Duration::from_nanos(1);
    const NONE: Duration = Duration::MAX;

    /// The longest time that is shorter.
    fn less(time: Duration) -> Duration {
        time.saturating_sub(NANO)
    }

    fn terms(margin: Duration, max: Duration, min: Duration) -> Terms {
        Terms { margin, max, min }
    }

    fn at(now: Instant, wait: Duration) -> Deadline {
        Deadline::at(now + wait)
    }

    fn given(terms: Terms, left: Duration, said: Option<Duration>) -> Option<Duration> {
        let now = time::now();
        let held = time::after(now, left).map_or(Deadline::NEVER, Deadline::at);
        Some(terms.depart(now, held, said)?.given)
    }

    #[test]
    fn the_least_of_all_is_given_i1() {
        let terms = terms(5 * MS, 100 * MS, Duration::ZERO);
        assert_eq!(given(terms, NONE, None), Some(100 * MS));
        assert_eq!(given(terms, 250 * MS, None), Some(100 * MS));
        assert_eq!(given(terms, 104 * MS, None), Some(99 * MS));
        assert_eq!(given(terms, 104 * MS, Some(50 * MS)), Some(50 * MS));
        assert_eq!(given(terms, 54 * MS, Some(50 * MS)), Some(49 * MS));
        assert_eq!(given(terms, NONE, Some(NONE)), Some(100 * MS));
    }

    #[test]
    fn nothing_left_and_less_than_the_minimum_is_no_call_i2() {
        let plain = terms(5 * MS, NONE, Duration::ZERO);
        for none in [Duration::ZERO, MS, 5 * MS] {
            assert_eq!(given(plain, none, None), None, "{none:?}");
        }
        assert_eq!(given(plain, 5 * MS + NANO, None), Some(NANO));
        assert_eq!(given(plain, NONE, Some(Duration::ZERO)), None);
        assert_eq!(given(terms(NONE, NONE, Duration::ZERO), 5 * MS, None), None);

        let picky = terms(Duration::ZERO, NONE, 10 * MS);
        assert_eq!(given(picky, less(10 * MS), None), None);
        assert_eq!(given(picky, 10 * MS, None), Some(10 * MS));
        assert_eq!(given(picky, NONE, Some(9 * MS)), None);
        let torn = terms(Duration::ZERO, 10 * MS, 500 * MS);
        assert_eq!(
            given(torn, NONE, None),
            Some(10 * MS),
            "halfway of a change"
        );
        let all = terms(Duration::ZERO, NONE, NONE);
        assert_eq!(given(all, NONE, None), Some(NONE));
        assert_eq!(given(all, 1000 * MS, None), None);
    }

    #[test]
    fn the_call_ends_a_margin_after_what_was_given_and_not_after_the_deadline_i3() {
        let now = time::now();
        let terms = terms(5 * MS, 100 * MS, Duration::ZERO);
        for (held, said, ends, kind) in [
            (Deadline::NEVER, None, 105, Kind::Timeout),
            (at(now, 250 * MS), None, 105, Kind::Timeout),
            (at(now, 105 * MS), None, 105, Kind::DeadlineExceeded),
            (at(now, 50 * MS), None, 50, Kind::DeadlineExceeded),
            (at(now, 50 * MS), Some(20 * MS), 25, Kind::DeadlineExceeded),
            (Deadline::NEVER, Some(100 * MS), 105, Kind::DeadlineExceeded),
        ] {
            let departure = terms.depart(now, held, said).unwrap();
            assert_eq!(departure.ends, at(now, ends * MS), "{held:?} {said:?}");
            assert_eq!(departure.kind, kind, "{held:?} {said:?}");
        }
    }

    #[test]
    fn nothing_overflows_i4() {
        let now = time::now();
        for margin in [Duration::ZERO, NANO, NONE] {
            let departure = terms(margin, NONE, Duration::ZERO).depart(now, Deadline::NEVER, None);
            let departure = departure.unwrap();
            assert_eq!((departure.given, departure.ends), (NONE, Deadline::NEVER));
            let departure = terms(margin, less(NONE), Duration::ZERO);
            let departure = departure.depart(now, Deadline::NEVER, None).unwrap();
            assert_eq!(departure.ends, Deadline::NEVER);
        }
        assert!(!terms(MS, NONE, MS).bounds(None));
        assert!(!terms(MS, NONE, MS).bounds(Some(NONE)));
        assert!(terms(MS, NONE, MS).bounds(Some(MS)));
        assert!(terms(MS, MS, MS).bounds(None));
    }
}
