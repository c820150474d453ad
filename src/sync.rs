//! The shared state of layers: a lock that survives a panic, counters kept apart per thread, and the
//! swap to loom's types under `--cfg mainstay_loom`.

#[cfg(not(all(test, mainstay_loom)))]
mod primitives {
    pub(crate) use std::sync::atomic;
    pub(crate) use std::sync::{Mutex, MutexGuard};
}

#[cfg(all(test, mainstay_loom))]
mod primitives {
    pub(crate) use loom::sync::atomic;
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

pub(crate) use primitives::atomic;

use primitives::{Mutex, MutexGuard};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

/// A mutex for short critical sections, never held across an await.
///
/// A panic while it is held does not poison it: every transition under it is written so that the
/// state is valid after each statement.
#[derive(Debug, Default)]
pub(crate) struct Lock<T> {
    inner: Mutex<T>,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            inner: Mutex::new(value),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when another thread has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A duration that is read on every call and rarely replaced.
#[derive(Debug)]
pub(crate) struct DurationCell(atomic::AtomicU64);

impl DurationCell {
    pub(crate) fn new(duration: Duration) -> Self {
        let cell = Self(atomic::AtomicU64::new(0));
        cell.set(duration);
        cell
    }

    // Ordering: Relaxed suffices for both: the value stands alone and orders nothing else.
    pub(crate) fn get(&self) -> Duration {
        match self.0.load(atomic::Ordering::Relaxed) {
            u64::MAX => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }

    /// Past 584 years (`u64::MAX` nanoseconds) a duration is held as [`Duration::MAX`].
    pub(crate) fn set(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanos, atomic::Ordering::Relaxed);
    }
}

/// Calls wakers, which are others' code. One that panics is of no concern to the call at hand, nor to
/// those still to be woken; and the call may itself be unwinding, where a second panic would end the
/// process.
pub(crate) fn wake<T>(wake: impl FnOnce() -> T) {
    drop(catch_unwind(AssertUnwindSafe(wake)));
}

/// Values kept apart per thread, each on cache lines of its own, so that clones of a service that run
/// on different threads do not fight over one line.
///
/// The number of stripes is that of the processors, a power of two, at most 16.
#[derive(Debug)]
pub(crate) struct Striped<T> {
    stripes: Box<[Padded<T>]>,
}

/// 128 bytes: processors fetch lines of 64 in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(T);

impl<T> Striped<T> {
    pub(crate) fn new(make: impl Fn() -> T) -> Self {
        let count = threads::parallelism().next_power_of_two().min(16);
        Self {
            stripes: (0..count).map(|_| Padded(make())).collect(),
        }
    }

    /// The stripe of the thread that asks. Threads may share one; a thread keeps its own.
    pub(crate) fn mine(&self) -> &T {
        let mask = self.stripes.len().saturating_sub(1);
        #[expect(
            clippy::indexing_slicing,
            reason = "the mask keeps it below the length"
        )]
        &self.stripes[threads::thread_index() & mask].0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.stripes.iter().map(|stripe| &stripe.0)
    }
}

#[cfg(not(all(test, mainstay_loom)))]
mod threads {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        // Ordering: Relaxed suffices; only that the numbers differ matters.
        static INDEX: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn thread_index() -> usize {
        INDEX.with(|index| *index)
    }

    pub(super) fn parallelism() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

#[cfg(all(test, mainstay_loom))]
mod threads {
    /// The number of the thread in its execution, from the `Debug` form of its id. Its hash would not
    /// do: it depends on the number of the execution too, and an execution must be repeatable.
    pub(super) fn thread_index() -> usize {
        let id = format!("{:?}", loom::thread::current().id());
        let digits: String = id.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }

    pub(super) fn parallelism() -> usize {
        2
    }
}

#[cfg(all(test, mainstay_loom))]
mod loom_tests {
    use super::*;

    #[test]
    fn loom_a_duration_is_read_whole_while_it_is_replaced() {
        loom::model(|| {
            let (short, long) = (Duration::from_nanos(7), Duration::MAX);
            let cell = loom::sync::Arc::new(DurationCell::new(short));
            let shared = loom::sync::Arc::clone(&cell);
            let writer = loom::thread::spawn(move || shared.set(long));
            assert!([short, long].contains(&cell.get()));
            writer.join().unwrap();
            assert_eq!(cell.get(), long);
        });
    }
}
