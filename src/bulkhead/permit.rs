//! What one call holds of the bulkhead.

use std::mem;
use std::task::Waker;
use std::time::Duration;

use crate::telemetry::Tally;

use super::layer::Shared;
use super::semaphore::{Entry, Terms};
use super::waiters::Ticket;

/// The right to be in flight; given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    _claim: Claim,
}

impl Permit {
    pub(super) const fn new(claim: Claim) -> Self {
        Self { _claim: claim }
    }
}

/// One call's place in the bulkhead, and its count: dropped, it gives back what it holds, and what has
/// not ended by then is counted as cancelled.
#[derive(Debug)]
pub(super) struct Claim {
    held: Held,
    pub(super) tally: Tally<Shared>,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Place(Ticket),
    Permit,
}

/// What a call was given when it came.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) enum Entered {
    InFlight,
    Queued(Terms),
    Refused { retry_hint: Duration },
}

impl Claim {
    pub(super) const fn new(tally: Tally<Shared>) -> Self {
        Self {
            held: Held::Nothing,
            tally,
        }
    }

    /// Takes a permit or else a place in the queue.
    #[inline]
    pub(super) fn enter(&mut self) -> Entered {
        match self.tally.semaphore.enter() {
            Entry::Permit => {
                self.held = Held::Permit;
                self.tally.in_flight.increment(1.0);
                Entered::InFlight
            }
            Entry::Queued(ticket, terms) => {
                self.held = Held::Place(ticket);
                self.tally.waiting.increment(1.0);
                Entered::Queued(terms)
            }
            Entry::Full { retry_hint } => Entered::Refused { retry_hint },
        }
    }

    /// Whether it holds a permit by now; if not, `waker` is called when it is worth asking again.
    pub(super) fn has_turn(&mut self, waker: &Waker) -> bool {
        let granted = match &self.held {
            Held::Nothing => false,
            Held::Permit => return true,
            Held::Place(ticket) => self.tally.semaphore.has_turn(ticket, waker),
        };
        if granted {
            self.held = Held::Permit;
            self.tally.waiting.decrement(1.0);
            self.tally.in_flight.increment(1.0);
        }
        granted
    }
}

impl Drop for Claim {
    #[inline]
    fn drop(&mut self) {
        match mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => {}
            Held::Place(ticket) => {
                self.tally.semaphore.leave(ticket);
                self.tally.waiting.decrement(1.0);
            }
            Held::Permit => {
                self.tally.semaphore.release();
                self.tally.in_flight.decrement(1.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_can_be_kept_anywhere() {
        fn anywhere<T: Send + Sync + std::fmt::Debug + 'static>() {}
        anywhere::<Permit>();
    }

    #[test]
    fn a_claim_adds_little_to_the_future_that_carries_it() {
        assert!(size_of::<Claim>() <= 32, "{}", size_of::<Claim>());
    }
}
