//! Failures in a row.

use crate::breaker::epoch::Epoch;
use crate::sync::atomic::{AtomicU64, Ordering};

const COUNT_BITS: u32 = 64 - Epoch::BITS;

/// The longest run that is told apart.
pub(in crate::breaker) const CONSECUTIVE_MAX: u32 = (1 << COUNT_BITS) - 1;

/// The number of failures since the last success, in one word with the epoch they belong to.
///
/// Orderings: Relaxed throughout. The word stands alone, and all that write it read and write in one
/// step, so that the writes are ordered among themselves; whoever acts on the count does so under the circuit's lock, where the
/// epoch is looked at again.
#[derive(Debug)]
pub(in crate::breaker) struct Consecutive(AtomicU64);

impl Consecutive {
    pub(in crate::breaker) fn new(epoch: Epoch) -> Self {
        Self(AtomicU64::new(pack(epoch, 0)))
    }

    /// A call of `epoch` failed.
    pub(in crate::breaker) fn fail(&self, epoch: Epoch) {
        self.replace(epoch, |count| count.saturating_add(1).min(CONSECUTIVE_MAX));
    }

    /// A call of `epoch` succeeded: one load, unless there was a failure to forget.
    pub(in crate::breaker) fn succeed(&self, epoch: Epoch) {
        self.replace(epoch, |_| 0);
    }

    pub(in crate::breaker) fn count(&self) -> u32 {
        unpack(self.0.load(Ordering::Relaxed)).1
    }

    /// Forgets what was, and takes only calls of `epoch` from now on.
    pub(in crate::breaker) fn restart(&self, epoch: Epoch) {
        self.0.swap(pack(epoch, 0), Ordering::Relaxed);
    }

    fn replace(&self, epoch: Epoch, next: impl Fn(u32) -> u32) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (owner, count) = unpack(word);
            let replaced = pack(epoch, next(count));
            if owner != epoch || replaced == word {
                return;
            }
            let swap =
                self.0
                    .compare_exchange_weak(word, replaced, Ordering::Relaxed, Ordering::Relaxed);
            match swap {
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }
}

fn pack(epoch: Epoch, count: u32) -> u64 {
    (epoch.number() << COUNT_BITS) | u64::from(count)
}

fn unpack(word: u64) -> (Epoch, u32) {
    let count = u32::try_from(word & u64::from(CONSECUTIVE_MAX)).unwrap_or(CONSECUTIVE_MAX);
    (Epoch::of_number(word >> COUNT_BITS), count)
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_success_forgets_the_failures_and_another_epoch_changes_nothing() {
        let (first, second) = (Epoch::FIRST, Epoch::FIRST.next());
        let run = Consecutive::new(first);
        run.fail(first);
        run.fail(first);
        run.fail(second);
        run.succeed(second);
        assert_eq!(run.count(), 2);
        run.succeed(first);
        assert_eq!(run.count(), 0);
        run.restart(second);
        run.fail(first);
        assert_eq!(run.count(), 0);
    }

    #[test]
    fn the_longest_run_saturates() {
        let run = Consecutive(AtomicU64::new(pack(Epoch::FIRST, CONSECUTIVE_MAX - 1)));
        run.fail(Epoch::FIRST);
        run.fail(Epoch::FIRST);
        assert_eq!(run.count(), CONSECUTIVE_MAX);
        run.succeed(Epoch::FIRST);
        assert_eq!(run.count(), 0);
    }
}
