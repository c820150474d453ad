//! Who is in flight, who waits, and who is next.
//!
//! # Invariants
//! - I1: a permit is granted only while fewer than the limit are in flight. After a resize below what is
//!   in flight, none is, until enough have been given back.
//! - I2: the gate is shut exactly while somebody waits; so nobody comes in past those who wait.
//! - I3: while somebody waits, a permit that is free is on its way to the next in order: whoever gives
//!   one back, raises the limit, or leaves with a grant unused, hands it on before returning.
//! - I4: no more wait than the queue held when the last of them came.
//! - I5: a waker is called and dropped with the lock released. One that panics keeps no other from being
//!   called, and does not reach the call that gave its permit back.

use std::task::Waker;
use std::time::Duration;

use crate::sync::{self, Lock};

use super::gate::{Gate, Left};
use super::waiters::{Ticket, Waiters};
use super::{BulkheadConfig, BulkheadSnapshot};

/// A semaphore whose waiters are bounded and served in a settable order.
///
/// A permit that is free is taken with one compare-and-swap, and given back with one subtraction.
#[derive(Debug)]
pub(super) struct Semaphore {
    gate: Gate,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    config: BulkheadConfig,
    waiters: Waiters,
}

/// What somebody who comes is given.
#[derive(Debug)]
#[must_use]
pub(super) enum Entry {
    Permit,
    Queued(Ticket, Terms),
    Full { retry_hint: Duration },
}

/// The settings that hold for one wait, however they change meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) wait_max: Duration,
    pub(super) retry_hint: Duration,
}

impl Semaphore {
    pub(super) fn new(config: BulkheadConfig) -> Self {
        Self {
            gate: Gate::new(config.concurrency),
            state: Lock::new(State {
                config,
                waiters: Waiters::default(),
            }),
        }
    }

    /// A permit, or a place in the queue, or neither.
    #[inline]
    pub(super) fn enter(&self) -> Entry {
        if self.gate.enter() {
            return Entry::Permit;
        }
        self.enter_queue()
    }

    #[cold]
    fn enter_queue(&self) -> Entry {
        let mut state = self.state.lock();
        let State { config, waiters } = &mut *state;
        if waiters.waiting() >= config.queue {
            return Entry::Full {
                retry_hint: config.retry_hint,
            };
        }
        if self.gate.enter_or_shut() {
            return Entry::Permit;
        }
        let terms = Terms {
            wait_max: config.wait_max,
            retry_hint: config.retry_hint,
        };
        Entry::Queued(waiters.push(), terms)
    }

    /// Whether the holder of `ticket` has a permit now, which uses the ticket up; until then `waker` is
    /// called when it is worth asking again.
    pub(super) fn has_turn(&self, ticket: &Ticket, waker: &Waker) -> bool {
        // Cloned before the lock is taken, and whichever is left over dropped after (I5).
        let mut waker = Some(waker.clone());
        let mut state = self.state.lock();
        let granted = state.waiters.look(ticket, &mut waker);
        drop(state);
        granted
    }

    /// Gives up a place in the queue, and the permit if one was granted meanwhile.
    #[cold]
    pub(super) fn leave(&self, ticket: Ticket) {
        let mut waker = None;
        let mut state = self.state.lock();
        let granted = state.waiters.leave(&ticket, &mut waker);
        self.open_if_nobody_waits(&state);
        drop(state);
        if granted {
            self.release();
        }
    }

    /// Gives a permit back.
    #[inline]
    pub(super) fn release(&self) {
        if self.gate.leave() == Left::Shut {
            self.hand_over();
        }
    }

    /// Replaces the settings. Those who wait keep their places, also beyond a smaller queue.
    pub(super) fn reconfigure(&self, change: impl FnOnce(&mut BulkheadConfig)) {
        let mut state = self.state.lock();
        change(&mut state.config);
        self.open_if_nobody_waits(&state);
        drop(state);
        self.hand_over();
    }

    pub(super) fn snapshot(&self) -> BulkheadSnapshot {
        let state = self.state.lock();
        BulkheadSnapshot {
            in_flight: self.gate.in_flight(),
            waiting: state.waiters.waiting(),
            config: state.config.clone(),
        }
    }

    /// Gives what is free to those who wait, until one or the other runs out.
    #[cold]
    fn hand_over(&self) {
        while let Some(waker) = self.grant() {
            sync::wake(|| waker.wake()); // I5
        }
    }

    /// Grants permits up to the first whose holder must be woken.
    fn grant(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        while state.waiters.waiting() > 0 && self.gate.enter_shut(state.config.concurrency) {
            let State { config, waiters } = &mut *state;
            let waker = waiters.grant(config.newest_first(waiters.waiting()));
            self.open_if_nobody_waits(&state);
            if waker.is_some() {
                return waker;
            }
        }
        None
    }

    fn open_if_nobody_waits(&self, state: &State) {
        if state.waiters.waiting() == 0 {
            self.gate.open(state.config.concurrency);
        }
    }
}

#[cfg(test)]
impl Semaphore {
    /// How many slots of waiters are in use, and how many there are.
    pub(super) fn slots(&self) -> (usize, usize) {
        self.state.lock().waiters.slots()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    fn config(concurrency: u32, queue: u32) -> BulkheadConfig {
        BulkheadConfig::default()
            .concurrency(concurrency)
            .queue(queue)
    }

    fn queued(semaphore: &Semaphore) -> Ticket {
        match semaphore.enter() {
            Entry::Queued(ticket, _) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn asks(semaphore: &Semaphore, ticket: &Ticket) -> bool {
        semaphore.has_turn(ticket, Waker::noop())
    }

    #[test]
    fn a_permit_that_is_given_back_goes_to_who_waits_and_not_to_who_comes_i2() {
        let semaphore = Semaphore::new(config(1, 1));
        assert!(matches!(semaphore.enter(), Entry::Permit));
        let first = queued(&semaphore);
        semaphore.release();
        assert!(
            matches!(semaphore.enter(), Entry::Queued(..)),
            "granted, so no longer waiting"
        );
        assert!(asks(&semaphore, &first));
        assert_eq!(semaphore.snapshot().in_flight, 1);
    }

    #[test]
    fn a_grant_that_is_not_taken_goes_to_the_next_i3() {
        let semaphore = Semaphore::new(config(1, 2));
        assert!(matches!(semaphore.enter(), Entry::Permit));
        let (first, second) = (queued(&semaphore), queued(&semaphore));
        semaphore.release();
        semaphore.leave(first);
        assert!(asks(&semaphore, &second));
        semaphore.release();
        assert_eq!(
            (semaphore.snapshot().in_flight, semaphore.slots().0),
            (0, 0)
        );
    }

    #[test]
    fn nobody_is_granted_a_permit_while_more_are_in_flight_than_the_limit_i1() {
        let semaphore = Semaphore::new(config(3, 9));
        for _ in 0..3 {
            assert!(matches!(semaphore.enter(), Entry::Permit));
        }
        semaphore.reconfigure(|config| config.concurrency = 1);
        let (first, second) = (queued(&semaphore), queued(&semaphore));
        semaphore.release();
        semaphore.release();
        assert!(!asks(&semaphore, &first), "one is in flight, of one");
        semaphore.release();
        assert!(asks(&semaphore, &first) && !asks(&semaphore, &second));
        semaphore.reconfigure(|config| config.concurrency = u32::MAX);
        assert!(asks(&semaphore, &second), "raised");
    }

    #[test]
    fn a_smaller_queue_keeps_who_is_in_it_and_takes_nobody_else_i4() {
        let semaphore = Semaphore::new(config(1, 2));
        assert!(matches!(semaphore.enter(), Entry::Permit));
        let (first, second) = (queued(&semaphore), queued(&semaphore));
        assert!(
            matches!(semaphore.enter(), Entry::Full { .. }),
            "one past the edge"
        );
        semaphore.reconfigure(|config| config.queue = 1);
        semaphore.leave(first);
        assert!(matches!(semaphore.enter(), Entry::Full { .. }), "still one");
        semaphore.release();
        assert!(asks(&semaphore, &second));
        let _third = queued(&semaphore);
    }

    /// Comes back to the semaphore when it is dropped or called, as a task's code may.
    struct Meddler(Arc<Semaphore>);

    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            assert_eq!(self.0.snapshot().waiting, 0);
            panic!("of no concern to who gives a permit back");
        }
    }

    impl Drop for Meddler {
        fn drop(&mut self) {
            self.0.reconfigure(|config| config.queue = 7);
        }
    }

    #[test]
    fn wakers_may_come_back_and_panic_i5() {
        let semaphore = Arc::new(Semaphore::new(config(2, 9)));
        assert!(matches!(semaphore.enter(), Entry::Permit));
        assert!(matches!(semaphore.enter(), Entry::Permit));
        let (first, second) = (queued(&semaphore), queued(&semaphore));
        let meddler = || Waker::from(Arc::new(Meddler(Arc::clone(&semaphore))));
        for ticket in [&first, &second] {
            assert!(!semaphore.has_turn(ticket, &meddler()));
            assert!(
                !semaphore.has_turn(ticket, &meddler()),
                "the first is dropped"
            );
        }
        semaphore.reconfigure(|config| config.concurrency = 4);
        assert!(asks(&semaphore, &first) && asks(&semaphore, &second));
        assert_eq!(
            semaphore.snapshot().config.queue,
            7,
            "dropped, and came back"
        );

        for _ in 0..4 {
            semaphore.release();
        }
        semaphore.reconfigure(|config| config.concurrency = 1);
        assert!(matches!(semaphore.enter(), Entry::Permit));
        let third = queued(&semaphore);
        assert!(!semaphore.has_turn(&third, &meddler()));
        semaphore.leave(third);
        assert_eq!(semaphore.slots().0, 0);
    }
}
