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

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::time::Duration;

use crate::sync::Lock;

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
    pub(super) fn enter(&self) -> Entry {
        if self.gate.enter() {
            return Entry::Permit;
        }
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
    fn hand_over(&self) {
        while let Some(waker) = self.grant() {
            // A release can be part of unwinding, where a second panic would end the process (I5).
            drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
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
