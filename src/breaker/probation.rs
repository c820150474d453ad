//! The probes of a half-open circuit.
//!
//! # Invariants
//! - P1: the probes in flight and those settled are together at most `probes`.
//! - P2: a probe is settled once: by its result, or by the end of its lease. What comes later is late.
//! - P3: a place is free again only because the probe that held it gave it back, so no two probes
//!   ever hold the same ticket at once, and no late one can speak for another.
//! - P4: the probation ends with the success or the failure that decides it, and not later.

use std::time::Duration;

use crate::time::{self, Instant};

pub(super) const PROBES_MAX: u8 = 64;

/// Waits for `needed` successes out of as many probes as it has places.
#[derive(Debug)]
pub(super) struct Probation {
    places: Vec<Place>,
    needed: u8,
    successes: u8,
    failures: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    /// A probe is in flight; it is given up at `ends`, or never.
    Live {
        ends: Option<Instant>,
    },
    Settled,
}

/// The place that a probe holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) u8);

/// No place is free; the first lease to end does so then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full(pub(super) Option<Instant>);

/// What a probe's result did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Probed {
    /// It was counted, and others are needed.
    Undecided,
    Passed,
    Failed,
    /// It had been given up before.
    Late,
}

impl Probation {
    pub(super) fn new(probes: u8, needed: u8) -> Self {
        Self {
            places: vec![Place::Free; usize::from(probes)],
            needed,
            successes: 0,
            failures: 0,
        }
    }

    /// A call wants to be a probe.
    pub(super) fn take(&mut self, now: Instant, lease: Duration) -> Result<Ticket, Full> {
        let ends = time::after(now, lease);
        for (number, place) in (0_u8..).zip(&mut self.places) {
            if *place == Place::Free {
                *place = Place::Live { ends };
                return Ok(Ticket(number));
            }
        }
        Err(Full(self.soonest()))
    }

    /// Whether a call could be a probe.
    pub(super) fn room(&self) -> Result<(), Full> {
        if self.places.contains(&Place::Free) {
            return Ok(());
        }
        Err(Full(self.soonest()))
    }

    /// A probe ended.
    pub(super) fn settle(&mut self, ticket: Ticket, success: bool) -> Probed {
        let Some(place @ Place::Live { .. }) = self.places.get_mut(usize::from(ticket.0)) else {
            return Probed::Late;
        };
        *place = Place::Settled;
        self.count(success)
    }

    /// A probe was given up by its caller; whether that freed its place.
    #[must_use]
    pub(super) fn release(&mut self, ticket: Ticket) -> bool {
        match self.places.get_mut(usize::from(ticket.0)) {
            Some(place @ Place::Live { .. }) => {
                *place = Place::Free;
                true
            }
            _ => false,
        }
    }

    /// Time went by: probes whose lease has ended have failed. If that ends the probation, gives the
    /// instant at which the last of those leases ended.
    #[must_use]
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        let mut last = None;
        let mut lapsed = 0_u8;
        for place in &mut self.places {
            match *place {
                Place::Live { ends: Some(ends) } if ends <= now => {
                    *place = Place::Settled;
                    lapsed = lapsed.saturating_add(1);
                    last = last.max(Some(ends));
                }
                _ => {}
            }
        }
        let mut failed = false;
        for _ in 0..lapsed {
            failed |= self.count(false) == Probed::Failed;
        }
        last.filter(|_| failed)
    }

    /// The probes in flight.
    pub(super) fn live(&self) -> usize {
        let live = |place: &&Place| matches!(place, Place::Live { .. });
        self.places.iter().filter(live).count()
    }

    fn count(&mut self, success: bool) -> Probed {
        if success {
            self.successes = self.successes.saturating_add(1);
        } else {
            self.failures = self.failures.saturating_add(1);
        }
        let spare = self.places.len().saturating_sub(usize::from(self.needed));
        if self.successes >= self.needed {
            Probed::Passed
        } else if usize::from(self.failures) > spare {
            Probed::Failed
        } else {
            Probed::Undecided
        }
    }

    fn soonest(&self) -> Option<Instant> {
        let ends = |place: &Place| match place {
            Place::Live { ends } => *ends,
            Place::Free | Place::Settled => None,
        };
        self.places.iter().filter_map(ends).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn take(probation: &mut Probation, now: Instant) -> Ticket {
        probation.take(now, LEASE).expect("room")
    }

    #[test]
    fn it_passes_with_the_last_success_it_needs_p4() {
        let now = time::now();
        let mut probation = Probation::new(5, 3);
        let tickets = [(); 5].map(|()| take(&mut probation, now));
        assert_eq!(probation.settle(tickets[0], true), Probed::Undecided);
        assert_eq!(probation.settle(tickets[1], false), Probed::Undecided);
        assert_eq!(probation.settle(tickets[2], true), Probed::Undecided);
        assert_eq!(probation.settle(tickets[4], true), Probed::Passed);
    }

    #[test]
    fn it_fails_as_soon_as_the_successes_cannot_be_reached_p4() {
        let now = time::now();
        for (probes, needed, failures) in [(5, 3, 3), (1, 1, 1), (64, 64, 1), (64, 1, 64)] {
            let mut probation = Probation::new(probes, needed);
            for nth in 1..=failures {
                let ticket = take(&mut probation, now);
                let probed = probation.settle(ticket, false);
                assert_eq!(
                    probed == Probed::Failed,
                    nth == failures,
                    "{probes} {needed}"
                );
            }
        }
    }

    #[test]
    fn places_settled_and_held_are_never_more_than_there_are_p1() {
        let now = time::now();
        let mut probation = Probation::new(2, 2);
        let first = take(&mut probation, now);
        assert_eq!(probation.settle(first, true), Probed::Undecided);
        take(&mut probation, now);
        let ends = time::after(now, LEASE);
        assert_eq!(probation.take(now, LEASE), Err(Full(ends)));
    }

    #[test]
    fn a_probe_given_back_frees_its_place_once_p3() {
        let now = time::now();
        let mut probation = Probation::new(1, 1);
        let first = take(&mut probation, now);
        assert!(probation.release(first));
        let second = take(&mut probation, now);
        assert_eq!(probation.settle(second, true), Probed::Passed);
        assert!(!probation.release(second));
    }

    #[test]
    fn a_lease_ends_at_its_instant_and_what_comes_later_is_late_p2() {
        let now = time::now();
        let mut probation = Probation::new(1, 1);
        let ticket = take(&mut probation, now);
        let nano = Duration::from_nanos(1);
        assert_eq!(probation.expire(now + LEASE - nano), None);
        assert_eq!(probation.expire(now + LEASE + nano), Some(now + LEASE));
        assert_eq!(probation.settle(ticket, true), Probed::Late);
        assert!(!probation.release(ticket));
        assert_eq!(probation.live(), 0);
    }

    #[test]
    fn the_longest_lease_never_ends() {
        let now = time::now();
        let mut probation = Probation::new(1, 1);
        assert!(probation.take(now, Duration::MAX).is_ok());
        assert_eq!(probation.take(now, Duration::MAX), Err(Full(None)));
        let ages = Duration::from_secs(10_000_000_000);
        assert_eq!(probation.expire(now + ages), None);
    }

    proptest! {
        #[test]
        fn no_sequence_over_admits_or_leaves_it_undecided_for_ever(
            (probes, needed) in (1_u8..=PROBES_MAX).prop_flat_map(|n| (Just(n), 1..=n)),
            steps in proptest::collection::vec((0_u8..5, any::<usize>()), 1..200),
        ) {
            let mut now = time::now();
            let mut probation = Probation::new(probes, needed);
            let mut held = Vec::new();
            for (step, pick) in steps {
                let taken = (!held.is_empty()).then(|| pick % held.len().max(1));
                let decided = match (step, taken) {
                    (0 | 1, _) => {
                        held.extend(probation.take(now, LEASE));
                        false
                    }
                    (2, Some(index)) => {
                        let probed = probation.settle(held.swap_remove(index), pick % 2 == 0);
                        matches!(probed, Probed::Passed | Probed::Failed)
                    }
                    (3, Some(index)) => {
                        let _ = probation.release(held.swap_remove(index));
                        false
                    }
                    _ => {
                        now += LEASE / 3;
                        probation.expire(now).is_some()
                    }
                };
                let settled = usize::from(probation.successes) + usize::from(probation.failures);
                prop_assert!(probation.live() + settled <= usize::from(probes));
                if decided {
                    return Ok(());
                }
            }
            // All that is in flight hangs: their leases free the places, or decide.
            let over = probation.expire(now + LEASE).is_some();
            prop_assert!(over || probation.room().is_ok());
        }
    }
}
