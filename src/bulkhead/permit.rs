//! What one call holds of the bulkhead.

use std::task::Waker;

use crate::sync::Held;
use crate::telemetry::Tally;

use super::layer::Shared;
use super::waiters::Ticket;

/// The right to be in flight; given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    pub(super) tally: Tally<Shared, Held<Shared>>,
}

impl Permit {
    /// For a call that the semaphore has let in.
    #[inline]
    pub(super) fn new(tally: Tally<Shared, Held<Shared>>) -> Self {
        let permit = Self { tally };
        permit.tally.in_flight.increment(1.0);
        permit
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.tally.semaphore.release();
        self.tally.in_flight.decrement(1.0);
    }
}

/// A place in the queue; dropped, it is left.
#[derive(Debug)]
pub(super) struct Place {
    ticket: Option<Ticket>,
    pub(super) tally: Tally<Shared, Held<Shared>>,
}

impl Place {
    pub(super) fn new(ticket: Ticket, tally: Tally<Shared, Held<Shared>>) -> Self {
        let ticket = Some(ticket);
        let place = Self { ticket, tally };
        place.tally.waiting.increment(1.0);
        place
    }

    /// The permit, once it is this place's turn, and with it the call's count. Until then, `waker` is
    /// called when it is worth asking again.
    pub(super) fn take_turn(&mut self, waker: &Waker) -> Option<Permit> {
        let ticket = self.ticket.as_ref()?;
        if !self.tally.semaphore.has_turn(ticket, waker) {
            return None;
        }
        self.ticket = None;
        let permit = Permit::new(self.tally.hand_on());
        self.tally.waiting.decrement(1.0);
        Some(permit)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.tally.semaphore.leave(ticket);
            self.tally.waiting.decrement(1.0);
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
    fn a_permit_is_two_words_and_so_travels_in_registers() {
        assert_eq!(size_of::<Option<Permit>>(), 2 * size_of::<usize>());
    }
}
