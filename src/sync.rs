//! The shared state of layers: a lock that survives a panic, counters and references kept apart per
//! thread, and the swap to loom's types under `--cfg mainstay_loom`.

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

pub(crate) use primitives::MutexGuard;

use primitives::Mutex;
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, TryLockError};
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
/// The number of stripes is that of the processors, a power of two, at most [`STRIPES_MAX`].
#[derive(Debug)]
pub(crate) struct Striped<T> {
    /// As many as there can be, so that a thread finds its own without asking how many there are;
    /// those that there are repeat.
    stripes: [Arc<Padded<T>>; STRIPES_MAX],
    distinct: usize,
}

/// 128 bytes: processors fetch lines of 64 in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Striped<T> {
    pub(crate) fn new(make: impl Fn() -> T) -> Self {
        let (stripes, distinct) = repeated(|| Arc::new(Padded(make())));
        Self { stripes, distinct }
    }

    /// The stripe of the thread that asks. Threads may share one; a thread keeps its own.
    #[inline]
    pub(crate) fn mine(&self) -> &T {
        &mine(&self.stripes).0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let distinct = self.stripes.iter().take(self.distinct);
        distinct.map(|stripe| &stripe.0)
    }
}

const STRIPES_MAX: usize = 16;

fn stripes() -> usize {
    threads::parallelism().next_power_of_two().min(STRIPES_MAX)
}

/// As many as there are stripes, repeated to as many as there can be; and how many there are.
fn repeated<P: Clone>(make: impl FnMut() -> P) -> ([P; STRIPES_MAX], usize) {
    let distinct: Vec<_> = std::iter::repeat_with(make).take(stripes()).collect();
    let mask = distinct.len().saturating_sub(1);
    #[expect(
        clippy::indexing_slicing,
        reason = "the mask keeps it below the length"
    )]
    let all = std::array::from_fn(|thread| distinct[thread & mask].clone());
    (all, distinct.len())
}

/// The stripe of the thread that asks.
#[inline]
fn mine<P>(stripes: &[P; STRIPES_MAX]) -> &P {
    #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
    &stripes[threads::thread_index() % STRIPES_MAX]
}

/// A value that is shared by all who have it, and held by calls without a common reference count: that
/// of an `Arc` is a line which all threads write on, and costs more than the rest of a call when two do.
///
/// Each stripe of threads has a count of its own. The value lives until all that have it and all that
/// hold it are gone, as with one count.
pub(crate) struct Spread<T>(Arc<Holders<T>>);

struct Holders<T> {
    value: Arc<T>,
    /// As those of [`Striped`].
    stripes: [Held<T>; STRIPES_MAX],
}

/// A [`Spread`] value, held for one call.
pub(crate) struct Held<T>(Arc<Padded<Arc<T>>>);

impl<T> Spread<T> {
    pub(crate) fn new(value: T) -> Self {
        let value = Arc::new(value);
        let (stripes, _) = repeated(|| Held(Arc::new(Padded(Arc::clone(&value)))));
        Self(Arc::new(Holders { value, stripes }))
    }

    /// Holds it, by the count of the thread that asks.
    #[inline]
    pub(crate) fn hold(&self) -> Held<T> {
        mine(&self.0.stripes).clone()
    }
}

impl<T> Clone for Spread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Spread<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for Held<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Spread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The number of the thread that asks. No other thread has it, before or after.
#[inline]
pub(crate) fn thread_number() -> usize {
    threads::thread_index()
}

#[cfg(not(all(test, mainstay_loom)))]
mod threads {
    use std::cell::Cell;
    use std::num::NonZeroUsize;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);

    const NONE: usize = usize::MAX;

    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(NONE) };
    }

    #[inline]
    pub(super) fn thread_index() -> usize {
        match INDEX.get() {
            NONE => number(),
            index => index,
        }
    }

    #[cold]
    fn number() -> usize {
        // Ordering: Relaxed suffices; only that the numbers differ matters.
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        INDEX.set(index);
        index
    }

    /// Asked once: on Linux it reads files.
    pub(super) fn parallelism() -> usize {
        static PARALLELISM: OnceLock<usize> = OnceLock::new();
        *PARALLELISM
            .get_or_init(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
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

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_value_lives_until_none_has_it_and_none_holds_it() {
        let value = Arc::new(7);
        let spread = Spread::new(Arc::clone(&value));
        let (twin, held) = (spread.clone(), spread.hold());
        let again = held.clone();
        drop((spread, twin));
        assert_eq!((**held, **again, Arc::strong_count(&value)), (7, 7, 2));
        drop(held);
        assert_eq!(Arc::strong_count(&value), 2, "held still");
        drop(again);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn threads_hold_a_value_by_different_counts_and_each_by_its_own() {
        let spread = &Spread::new(());
        let count = || {
            let [one, two] = [spread.hold(), spread.hold()];
            assert!(Arc::ptr_eq(&one.0, &two.0));
            Arc::as_ptr(&one.0).addr()
        };
        let counts: HashSet<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(count)).collect();
            threads
                .into_iter()
                .map(|each| each.join().unwrap())
                .collect()
        });
        assert!(counts.len() > 1 || stripes() == 1, "{counts:?}");
        assert!(counts.iter().all(|count| count % 128 == 0), "{counts:?}");
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
