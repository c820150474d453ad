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
pub(super) struct Ticket(u8);

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
