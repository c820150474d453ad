//! The bucket of a window by time that is filling, on one stripe.

use crate::breaker::epoch::Epoch;
use crate::sync::Lock;
use crate::sync::atomic::{AtomicU64, Ordering};

use super::Sample;
use super::kept::{Recorded, Tagged};
use super::time::TimeWindow;

const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
/// A count that is told to the window before it grows further. Each thread may add one more meanwhile.
const MANY: u64 = 1 << (COUNT_BITS - 1);
/// In the place of a count: whoever has the lock changes the bucket.
const CHANGING: u64 = COUNT_MASK;

/// A window by time, and before it a count of the successes that its filling bucket has not been told
/// of yet, which are counted without its lock.
///
/// What the count stands for is in words of its own: an epoch, and the end of the bucket. They are
/// changed only while the count says so, and it gets another number then. So a success that is added to the very
/// count that it has read is one of the epoch and the time that it has read in between.
///
/// The number wraps when the lock was taken 2^40 times, by failures or by who looks; a thread would have to
/// stop in between for some hours of nothing else, and find the same count, to be mistaken about one success.
#[derive(Debug)]
pub(super) struct Filling {
    successes: AtomicU64,
    epoch: AtomicU64,
    ends: AtomicU64,
    window: Lock<Numbered>,
}

#[derive(Debug)]
struct Numbered {
    window: Tagged<TimeWindow>,
    number: u64,
}

impl Filling {
    pub(super) fn new(epoch: Epoch, window: Option<TimeWindow>) -> Self {
        let filling = Self {
            successes: AtomicU64::new(CHANGING),
            epoch: AtomicU64::new(0),
            ends: AtomicU64::new(0),
            window: Lock::new(Numbered {
                window: Tagged { epoch, window },
                number: 0,
            }),
        };
        filling.with(|_| ());
        filling
    }

    /// Counts a call of `epoch` that succeeded at `now`; `false` when it takes the lock to do so.
    #[inline]
    pub(super) fn succeed(&self, epoch: Epoch, now: u64) -> bool {
        // Ordering: Acquire; pairs with the Release store in with, so that epoch and end are those of
        // this count or of a later one.
        let count = self.successes.load(Ordering::Acquire);
        // Ordering: Relaxed suffices for both, after the Acquire above; those of a later count are not
        // acted on, for the exchange then fails.
        let is_its_own = self.epoch.load(Ordering::Relaxed) == epoch.number();
        let is_filling = now < self.ends.load(Ordering::Relaxed);
        if !is_its_own || !is_filling || count & COUNT_MASK >= MANY {
            return false;
        }
        let more = count.wrapping_add(1);
        // Ordering: Release; pairs with the Acquire of the swap in with, so that what was read above was
        // not of the change that begins there.
        self.successes
            .compare_exchange(count, more, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    pub(super) fn record(&self, epoch: Epoch, now: u64, sample: Sample) -> Option<Recorded> {
        self.with(|tagged| tagged.record(epoch, |window| window.record(now, sample)))
    }

    /// Lends the window, which is told of all successes before.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Tagged<TimeWindow>) -> R) -> R {
        let mut numbered = self.window.lock();
        let Numbered { window, number } = &mut *numbered;
        // Ordering: Acquire; pairs with the Release in succeed.
        let successes = self.successes.swap(CHANGING, Ordering::Acquire) & COUNT_MASK;
        // It is found changing when there is none yet.
        if let (Some(window), true) = (&mut window.window, successes != CHANGING) {
            window.succeed(successes);
        }
        let result = act(window);
        let ends = window.window.as_ref().map_or(0, TimeWindow::head_ends);
        // Ordering: Relaxed suffices for both; the Release below orders them.
        self.epoch.store(window.epoch.number(), Ordering::Relaxed);
        self.ends.store(ends, Ordering::Relaxed);
        *number = number.wrapping_add(1);
        // Ordering: Release; pairs with the Acquire in succeed.
        self.successes
            .store(*number << COUNT_BITS, Ordering::Release);
        result
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    const FIRST: Epoch = Epoch::FIRST;

    fn filling() -> Filling {
        Filling::new(FIRST, Some(TimeWindow::new(Duration::from_nanos(20), 2)))
    }

    fn calls(filling: &Filling, now: u64) -> u64 {
        filling.with(|tagged| tagged.window.as_mut().unwrap().counts(now).calls)
    }

    #[test]
    fn a_success_takes_no_lock_in_the_bucket_that_is_filling_and_in_its_epoch() {
        let filling = filling();
        let held = filling.window.lock();
        assert!(filling.succeed(FIRST, 0) && filling.succeed(FIRST, 9));
        assert!(!filling.succeed(FIRST, 10), "of the next bucket");
        assert!(!filling.succeed(FIRST.next(), 9), "of another epoch");
        drop(held);
        assert_eq!(calls(&filling, 10), 2);
        // One that is late is counted at the newest time seen.
        assert!(filling.succeed(FIRST, 5) && filling.succeed(FIRST, 19));
        assert_eq!(calls(&filling, 20), 2);
        filling.with(|tagged| tagged.restart(FIRST.next(), TimeWindow::clear));
        assert!(!filling.succeed(FIRST, 20));
        assert!(filling.succeed(FIRST.next(), 20));
        assert_eq!(calls(&filling, 20), 1);
    }

    #[test]
    fn without_a_window_nothing_is_counted() {
        let filling = filling();
        filling.with(|tagged| tagged.window = None);
        assert!(!filling.succeed(FIRST, 0));
        assert_eq!(filling.record(FIRST, 0, Sample::OK), None);
    }

    #[test]
    fn a_count_that_is_long_is_told_before_it_overflows() {
        let filling = filling();
        let more = filling
            .successes
            .load(Ordering::Relaxed)
            .wrapping_add(MANY - 1);
        filling.successes.store(more, Ordering::Relaxed);
        assert!(filling.succeed(FIRST, 0));
        assert!(!filling.succeed(FIRST, 0));
        assert_eq!(
            filling.record(FIRST, 0, Sample::OK),
            Some(Recorded::Counted)
        );
        assert!(filling.succeed(FIRST, 0));
        assert_eq!(calls(&filling, 0), MANY + 2);
    }

    #[test]
    fn a_panic_under_the_lock_leaves_a_window_that_counts_on() {
        let filling = filling();
        assert!(filling.succeed(FIRST, 0));
        let panicking = std::panic::AssertUnwindSafe(|| filling.with(|_| panic!("in between")));
        assert!(std::panic::catch_unwind(panicking).is_err());
        assert!(!filling.succeed(FIRST, 0));
        assert_eq!(
            filling.record(FIRST, 0, Sample::OK),
            Some(Recorded::Counted)
        );
        assert!(filling.succeed(FIRST, 0));
        assert_eq!(calls(&filling, 0), 3);
    }
}
