//! The calls that have entered.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Padded, Striped, thread_number};

/// How many calls have entered, counted by each thread apart.
///
/// The first threads that there are have a counter each. Nobody else writes on it, so that one is added
/// without locking its line. All later threads share some.
#[derive(Debug)]
pub(super) struct Entered {
    own: Box<[Padded<AtomicU64>]>,
    shared: Striped<AtomicU64>,
}

impl Default for Entered {
    fn default() -> Self {
        Self::with_own(16)
    }
}

impl Entered {
    pub(super) fn with_own(threads: usize) -> Self {
        Self {
            own: (0..threads).map(|_| Padded::default()).collect(),
            shared: Striped::new(AtomicU64::default),
        }
    }

    /// Counts one, and says whether it is time to look at the clock: at every 64th of a counter.
    #[inline]
    pub(super) fn count(&self) -> bool {
        // Ordering: Relaxed suffices throughout: the counts are only ever summed, and only their growth
        // matters. What is loaded from a counter of its own is what this thread has stored.
        let before = match self.own.get(thread_number()) {
            Some(Padded(count)) => {
                let before = count.load(Ordering::Relaxed);
                count.store(before.wrapping_add(1), Ordering::Relaxed);
                before
            }
            None => self.shared.mine().fetch_add(1, Ordering::Relaxed),
        };
        before & 63 == 63
    }

    /// A call that is not seen yet is seen, and dated later than it was, by the time it took to be seen.
    pub(super) fn total(&self) -> u64 {
        let own = self.own.iter().map(|own| &own.0);
        own.chain(self.shared.iter()).fold(0, |sum, count| {
            // Ordering: Relaxed suffices, as in count.
            sum.saturating_add(count.load(Ordering::Relaxed))
        })
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_every_thread_is_counted_and_every_64th_looks_at_the_clock() {
        for own in [0, 1, 16, 4096] {
            let entered = &Entered::with_own(own);
            let count = || (0..640).filter(|_| entered.count()).count();
            let looks: usize = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..40).map(|_| scope.spawn(count)).collect();
                threads.into_iter().map(|each| each.join().unwrap()).sum()
            });
            assert_eq!((entered.total(), looks), (40 * 640, 400), "{own}");
        }
    }
}
