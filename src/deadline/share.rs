//! How many of the requests that come too late are refused.
//!
//! # Invariants
//! - I1: of the requests that arrived in a window, those that were refused are never more than the
//!   share, at any moment of it.
//! - I2: a share of nothing refuses none, and a whole one all.
//! - I3: a window lasts [`WINDOW`] from its first arrival; nothing is carried into the next.

use std::time::Duration;

use crate::ratio::Ratio;
use crate::time::Instant;

/// As Finagle's `DeadlineFilter` has it.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// What happens to a request that has no time left when it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Fate {
    Refused,
    Passed,
}

/// The arrivals of the window that runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    began: Option<Instant>,
    arrivals: u64,
    refusals: u64,
}

impl Share {
    /// A request arrived at `now` that still has time.
    pub(super) fn arrive(&mut self, now: Instant) {
        let runs = self
            .began
            .is_some_and(|began| now.saturating_duration_since(began) < WINDOW);
        if !runs {
            *self = Self {
                began: Some(now),
                ..Self::default()
            };
        }
        self.arrivals = self.arrivals.saturating_add(1);
    }

    /// A request arrived at `now` that has none.
    pub(super) fn arrive_late(&mut self, now: Instant, most: Ratio) -> Fate {
        self.arrive(now);
        let refusals = self.refusals.saturating_add(1);
        if refusals > most.of(self.arrivals) {
            return Fate::Passed;
        }
        self.refusals = refusals;
        debug_assert!(self.refusals <= self.arrivals, "I1");
        Fate::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    const LAST: Duration = Duration::from_nanos(9_999_999_999);

    fn refused(share: &mut Share, now: Instant, most: Ratio, late: u32) -> u32 {
        let fates = (0..late).map(|_| share.arrive_late(now, most));
        fates.map(|fate| u32::from(fate == Fate::Refused)).sum()
    }

    #[test]
    fn a_share_of_nothing_refuses_none_and_a_whole_one_all_i2() {
        let now = time::now();
        let smallest = Ratio::new(0.000_001).unwrap();
        assert_eq!(refused(&mut Share::default(), now, Ratio::ZERO, 1000), 0);
        assert_eq!(refused(&mut Share::default(), now, Ratio::ONE, 1000), 1000);
        assert_eq!(refused(&mut Share::default(), now, smallest, 1000), 0);
    }

    #[test]
    fn no_more_than_the_share_of_the_arrivals_is_refused_at_any_moment_i1() {
        let now = time::now();
        let fifth = Ratio::percent(20).unwrap();
        let mut share = Share::default();
        assert_eq!(
            refused(&mut share, now, fifth, 4),
            0,
            "a fifth of 4 is none"
        );
        assert_eq!(refused(&mut share, now, fifth, 1), 1, "the fifth one");
        assert_eq!(refused(&mut share, now, fifth, 95), 19);

        let mut share = Share::default();
        for _ in 0..50 {
            share.arrive(now);
        }
        assert_eq!(refused(&mut share, now, fifth, 20), 14);
        assert_eq!((share.arrivals, share.refusals), (70, 14));
    }

    #[test]
    fn a_window_begins_anew_after_ten_seconds_i3() {
        let began = time::now();
        let fifth = Ratio::percent(20).unwrap();
        let mut share = Share::default();
        for _ in 0..100 {
            share.arrive(began);
        }
        assert_eq!(refused(&mut share, began + LAST, fifth, 1), 1);
        let after = began + WINDOW;
        assert_eq!(refused(&mut share, after, fifth, 4), 0);
        assert_eq!(refused(&mut share, after + LAST, fifth, 1), 1);
        assert_eq!(refused(&mut share, began, fifth, 1), 0, "an earlier clock");
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let now = time::now();
        let mut share = Share {
            began: Some(now),
            arrivals: u64::MAX,
            refusals: u64::MAX - 1,
        };
        assert_eq!(refused(&mut share, now, Ratio::ONE, 3), 3);
        assert_eq!(refused(&mut share, now, Ratio::ZERO, 3), 0);
    }
}
