//! Successes that the ring of the last calls has not been told of yet.

use crate::breaker::epoch::Epoch;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const COUNT_BITS: u32 = 64 - Epoch::BITS;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// In the place of a count: there is no ring.
const CLOSED: u64 = COUNT_MASK;

/// The successes of one stripe since the ring was told last, in one word with the epoch they belong
/// to.
///
/// Successes are all alike, so between two other results only their number matters to a ring, and
/// who needs the ring tells it first. And a ring that is full of successes is not changed by more of
/// them: the count ends there, and a further success only reads it.
///
/// The word is opened, taken and closed under the ring's lock. All that write it read and write in one
/// step, so that the writes are ordered among themselves.
#[derive(Debug)]
pub(super) struct Successes {
    word: AtomicU64,
    /// The length of the ring.
    enough: AtomicU32,
}

impl Successes {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU64::new(CLOSED),
            enough: AtomicU32::new(0),
        }
    }

    /// A call of `epoch` succeeded; `false` when it is not counted here, and the ring must be asked.
    #[inline]
    pub(super) fn add(&self, epoch: Epoch) -> bool {
        // Ordering: Acquire; pairs with the Release in open, so that the length is that of the
        // word's ring or of a later one, and with the one in close, so that who finds it closed finds the
        // other window.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let count = word & COUNT_MASK;
            if word >> COUNT_BITS != epoch.number() || count == CLOSED {
                return false;
            }
            // Ordering: Relaxed suffices, after the Acquire above. A later length changes nothing: the
            // word was then replaced, too.
            if count >= u64::from(self.enough.load(Ordering::Relaxed)) {
                return true;
            }
            // Ordering: Relaxed suffices for what is written: it says nothing of other memory. Acquire
            // for what is read, as above.
            let swap = self.word.compare_exchange_weak(
                word,
                word.wrapping_add(1),
                Ordering::Relaxed,
                Ordering::Acquire,
            );
            match swap {
                Ok(_) => return true,
                Err(changed) => word = changed,
            }
        }
    }

    /// How many there were since this was asked last.
    pub(super) fn take(&self) -> u32 {
        // Ordering: Relaxed suffices for both; a success that came before the call which asks is
        // seen by coherence, and nothing is read by the count.
        let count = self.word.load(Ordering::Relaxed) & COUNT_MASK;
        if count == 0 || count == CLOSED {
            return 0;
        }
        let taken = self.word.fetch_and(!COUNT_MASK, Ordering::Relaxed) & COUNT_MASK;
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    /// Forgets what was, and takes only calls of `epoch` from now on, for a ring of this length.
    pub(super) fn open(&self, epoch: Epoch, calls: u32) {
        // Ordering: Relaxed; the Release below orders it.
        self.enough.store(calls, Ordering::Relaxed);
        // Ordering: Release; pairs with the Acquire in add.
        self.word
            .swap(epoch.number() << COUNT_BITS, Ordering::Release);
    }

    /// The ring is gone.
    pub(super) fn close(&self) {
        // Ordering: Release; pairs with the Acquire in add.
        self.word.swap(CLOSED, Ordering::Release);
    }
}

#[cfg(all(test, mainstay_loom))]
mod loom_tests {
    use super::*;

    #[test]
    fn loom_a_success_that_need_not_ask_the_ring_is_told_to_it_once() {
        loom::model(|| {
            let successes = loom::sync::Arc::new(Successes::new());
            let shared = loom::sync::Arc::clone(&successes);
            let other = loom::thread::spawn(move || shared.add(Epoch::FIRST));
            successes.open(Epoch::FIRST, 3);
            assert!(successes.add(Epoch::FIRST));
            let told = successes.take();
            let is_counted = other.join().unwrap();
            let told = told.saturating_add(successes.take());
            assert_eq!(told, 1 + u32::from(is_counted));
        });
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_success_counts_in_its_epoch_until_the_ring_is_full_of_them() {
        let (first, second) = (Epoch::FIRST, Epoch::FIRST.next());
        let successes = Successes::new();
        assert!(!successes.add(first), "there is no ring");
        assert_eq!(successes.take(), 0);
        successes.open(first, 3);
        assert!(!successes.add(second));
        assert_eq!(successes.take(), 0);
        for count in [1, 2, 3, 4, 5] {
            (0..count).for_each(|_| assert!(successes.add(first)));
            assert_eq!(successes.take(), count.min(3));
        }
        assert!(successes.add(first));
        successes.open(second, 3);
        assert!(!successes.add(first));
        assert_eq!(successes.take(), 0);
        assert!(successes.add(second));
        successes.close();
        assert!(!successes.add(second));
        assert_eq!(successes.take(), 0);
    }
}
