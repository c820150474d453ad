//! Who works under a term, and who waits for it to be over.
//!
//! W1. Whoever registers after a term was given up sees that it is over. The word is set before this
//!     lock is taken to wake, and read after it was taken to register.
//! W2. A join returns when nothing is registered, and the last that ends wakes it.
//! W3. Memory is that of the most who waited at once.

use std::task::{Poll, Waker};

use crate::sync::{Lock, wake};

#[derive(Debug, Default)]
pub(super) struct Work(Lock<State>);

#[derive(Debug, Default)]
struct State {
    running: usize,
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    joiner: Option<Waker>,
}

/// The place of one who waits.
#[derive(Debug, Default)]
pub(super) struct Place {
    index: Option<usize>,
    /// What stands there, to be compared without the lock.
    waker: Option<Waker>,
}

impl Work {
    /// One more works.
    pub(super) fn begin(&self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_add(1);
    }

    /// One of them has ended, and nothing of it is left.
    pub(super) fn end(&self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_sub(1);
        let joiner = if state.running == 0 {
            state.joiner.take()
        } else {
            None
        };
        drop(state);
        wake(|| joiner.map(Waker::wake));
    }

    /// Ready when nobody works. One at a time may ask.
    pub(super) fn poll_joined(&self, waker: &Waker) -> Poll<()> {
        // Another's code, so before the lock is taken.
        let waker = waker.clone();
        let mut state = self.0.lock();
        if state.running == 0 {
            return Poll::Ready(());
        }
        let before = state.joiner.replace(waker);
        drop(state);
        wake(|| drop(before));
        Poll::Pending
    }

    /// Wakes `waker` when the term is given up. Afterwards look whether it was already: the wake-up may
    /// be gone.
    pub(super) fn wait(&self, place: &mut Place, waker: &Waker) {
        if place.waker.as_ref().is_some_and(|it| it.will_wake(waker)) {
            return;
        }
        let stored = waker.clone();
        let mut state = self.0.lock();
        let index = place.index.or_else(|| state.free.pop());
        let index = index.unwrap_or_else(|| {
            state.wakers.push(None);
            state.wakers.len().saturating_sub(1)
        });
        let slot = state.wakers.get_mut(index);
        let before = slot.and_then(|slot| slot.replace(stored));
        drop(state);
        place.index = Some(index);
        wake(|| drop(before));
        place.waker = Some(waker.clone());
    }

    /// Nobody waits there any more.
    pub(super) fn leave(&self, place: &mut Place) {
        let Some(index) = place.index.take() else {
            return;
        };
        let mut state = self.0.lock();
        let waker = state.wakers.get_mut(index).and_then(Option::take);
        state.free.push(index);
        drop(state);
        wake(|| drop(waker));
    }

    /// The term is over.
    pub(super) fn wake_all(&self) {
        let mut state = self.0.lock();
        let woken: Vec<_> = state.wakers.iter_mut().filter_map(Option::take).collect();
        drop(state);
        for waker in woken {
            wake(|| waker.wake());
        }
    }
}

#[cfg(all(test, mainstay_loom))]
mod loom_tests;
