//! When a claim is renewed, and from when on it may be another's.
//!
//! # Invariants
//! - L1: the lease is believed to end no later than the store ends it: it is measured from when the
//!   store was asked, not from when it answered.
//! - L2: a claim is not renewed after its ceiling.
//! - L3: what was lost stays lost.

use std::time::Duration;

use crate::time::{self, Instant};

/// The lease of one execution, on this process's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    length: Duration,
    ends: Option<Instant>,
    ceiling: Option<Instant>,
    next: Option<Instant>,
}

/// What is to be done about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this instant; `None` is never.
    Wait(Option<Instant>),
    /// It is to be renewed.
    Renew,
    /// It may have ended.
    Lost,
    /// It is renewed no more.
    Ceiling,
}

impl Lease {
    /// The store was asked at `asked`, and granted it.
    pub(super) fn granted(asked: Instant, length: Duration, ceiling: Duration) -> Self {
        let mut lease = Self {
            length,
            ends: None,
            ceiling: time::after(asked, ceiling),
            next: None,
        };
        lease.renewed(asked);
        lease
    }

    /// The store was asked at `asked`, and renewed it.
    pub(super) fn renewed(&mut self, asked: Instant) {
        self.ends = time::after(asked, self.length);
        self.next = time::after(asked, part(self.length, 3));
    }

    /// The store did not answer; it is asked again sooner than it would have been.
    pub(super) fn unanswered(&mut self, now: Instant) {
        self.next = time::after(now, part(self.length, 10));
    }

    /// When it may have ended.
    pub(super) const fn ends(&self) -> Option<Instant> {
        self.ends
    }

    /// What is due at `now`. `is_lost`: it was said already that it may have ended.
    pub(super) fn due(&self, now: Instant, is_lost: bool) -> Due {
        let has_come = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if has_come(self.ceiling) {
            Due::Ceiling
        } else if has_come(self.ends) && !is_lost {
            Due::Lost
        } else if has_come(self.next) {
            Due::Renew
        } else {
            let ends = if is_lost { None } else { self.ends };
            Due::Wait(time::sooner(time::sooner(self.next, ends), self.ceiling))
        }
    }
}

/// One part of `whole`, of so many.
pub(super) fn part(whole: Duration, of: u32) -> Duration {
    whole.checked_div(of).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_renewed_at_every_third_until_the_ceiling() {
        let start = time::now();
        let mut lease = Lease::granted(start, 30 * SECOND, 60 * SECOND);
        assert_eq!(
            lease.due(start, false),
            Due::Wait(Some(start + 10 * SECOND))
        );
        assert_eq!(lease.due(start + 10 * SECOND, false), Due::Renew);
        for third in 1..6 {
            let asked = start + third * 10 * SECOND;
            lease.renewed(asked);
            let next = Due::Wait(Some(asked + 10 * SECOND));
            assert_eq!(lease.due(asked, false), next);
        }
        assert_eq!(lease.due(start + 60 * SECOND, false), Due::Ceiling); // L2
        assert_eq!(lease.due(start + 60 * SECOND, true), Due::Ceiling);
    }

    #[test]
    fn unanswered_it_is_asked_for_again_and_at_its_end_it_is_lost_and_asked_for_yet() {
        let start = time::now();
        let mut lease = Lease::granted(start, 30 * SECOND, 600 * SECOND);
        lease.unanswered(start + 11 * SECOND);
        let again = start + 14 * SECOND;
        assert_eq!(
            lease.due(start + 11 * SECOND, false),
            Due::Wait(Some(again))
        );
        lease.unanswered(start + 29 * SECOND);
        let end = start + 30 * SECOND; // L1
        assert_eq!(lease.due(start + 29 * SECOND, false), Due::Wait(Some(end)));
        assert_eq!(lease.due(end, false), Due::Lost);
        assert_eq!(lease.due(end, true), Due::Wait(Some(start + 32 * SECOND)));
        assert_eq!(lease.due(start + 32 * SECOND, true), Due::Renew);
    }

    #[test]
    fn a_lease_without_an_end_is_never_due() {
        let start = time::now();
        let lease = Lease::granted(start, Duration::MAX, Duration::MAX);
        assert!(matches!(lease.due(start, false), Due::Wait(_)));
        assert_eq!(lease.ends(), None);
    }
}
