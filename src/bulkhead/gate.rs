//! The limit and the calls in flight, in one word.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Lets calls in while fewer are in flight than its limit; shut, only the holder of the queue's lock
/// lets one in.
///
/// The upper half of the word is the limit, 0 when shut; the lower half counts the calls in flight.
#[derive(Debug)]
pub(super) struct Gate(AtomicU64);

const SHUT: u64 = 0;

fn limit(word: u64) -> u64 {
    word >> 32
}

fn in_flight(word: u64) -> u64 {
    word & u64::from(u32::MAX)
}

fn with_limit(word: u64, limit: u64) -> u64 {
    (limit << 32) | in_flight(word)
}

/// Whether the gate stood open when a call left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Left {
    /// Whoever comes next lets itself in.
    Open,
    /// Somebody waits: the place that became free is theirs.
    Shut,
}

impl Gate {
    pub(super) fn new(limit: u32) -> Self {
        Self(AtomicU64::new(with_limit(0, limit.into())))
    }

    /// Lets a call in, unless the gate is shut or the limit reached.
    #[inline]
    pub(super) fn enter(&self) -> bool {
        // Ordering: Acquire on success; pairs with the Release in leave, so that a call sees what the
        // one did whose place it has. On failure nothing is read but the word.
        self.0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                let free = in_flight(word) < limit(word);
                free.then(|| word.saturating_add(1))
            })
            .is_ok()
    }

    /// A call that was let in has left.
    #[inline]
    pub(super) fn leave(&self) -> Left {
        // Ordering: Release; pairs with the Acquire in enter. Who reads SHUT here takes the queue's lock
        // next, and by the coherence of this word not before its holder, who shut the gate, let it go.
        match limit(self.0.fetch_sub(1, Ordering::Release)) {
            SHUT => Left::Shut,
            _ => Left::Open,
        }
    }

    /// Lets a call in if there is room, or shuts the gate in the same step, so that no call can leave
    /// unnoticed in between; whether it was let in. Under the queue's lock.
    pub(super) fn enter_or_shut(&self) -> bool {
        // Ordering: as in enter.
        let before = self
            .0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                Some(if in_flight(word) < limit(word) {
                    word.saturating_add(1)
                } else {
                    with_limit(word, SHUT)
                })
            });
        before.is_ok_and(|word| in_flight(word) < limit(word))
    }

    /// Lets a call in through the shut gate, unless `limit` is reached. Under the queue's lock.
    pub(super) fn enter_shut(&self, limit: u32) -> bool {
        // Ordering: as in enter. Between the two steps calls may leave, but none can come.
        let free = in_flight(self.0.load(Ordering::Acquire)) < u64::from(limit);
        if free {
            self.0.fetch_add(1, Ordering::Acquire);
        }
        free
    }

    /// Opens the gate, or changes the limit of an open one. Under the queue's lock.
    pub(super) fn open(&self, limit: u32) {
        // Ordering: Relaxed suffices; the limit orders nothing else.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                Some(with_limit(word, limit.into()))
            });
    }

    pub(super) fn in_flight(&self) -> u32 {
        // Ordering: Relaxed suffices; the count stands alone.
        let word = self.0.load(Ordering::Relaxed);
        u32::try_from(in_flight(word)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lets_in_as_many_as_its_limit_and_not_one_more() {
        let gate = Gate::new(2);
        assert_eq!([(); 4].map(|()| gate.enter()), [true, true, false, false]);
        assert_eq!(gate.leave(), Left::Open);
        assert!(gate.enter() && !gate.enter());
    }

    #[test]
    fn shut_it_lets_nobody_in_but_by_the_lock_and_tells_who_leaves() {
        let gate = Gate::new(1);
        assert!(gate.enter_or_shut(), "there was room");
        assert!(!gate.enter_or_shut(), "now it is shut");
        assert_eq!(gate.leave(), Left::Shut);
        assert!(!gate.enter() && !gate.enter_or_shut());
        assert!(gate.enter_shut(1) && !gate.enter_shut(1));
        gate.open(2);
        assert!(gate.enter() && !gate.enter());
        assert_eq!(gate.in_flight(), 2);
    }

    #[test]
    fn below_what_is_in_flight_nobody_enters_until_it_fell_below_the_limit() {
        let gate = Gate::new(u32::MAX);
        assert!(gate.enter() && gate.enter() && gate.enter());
        gate.open(2);
        assert!(!gate.enter());
        let _ = gate.leave();
        assert!(!gate.enter(), "two of two");
        let _ = gate.leave();
        assert!(gate.enter() && !gate.enter());
    }
}
