//! The settings that every call reads, without a lock.

use std::time::Duration;

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::config::{BreakerConfig, Cancelled};

/// Replaced while calls read them.
///
/// Orderings: Relaxed throughout; each value stands alone and orders nothing else.
#[derive(Debug)]
pub(super) struct Dials {
    slow: Bound,
    cancelled: Bound,
    in_a_row: AtomicBool,
}

/// A duration from which on something holds; [`Duration::MAX`] is never.
#[derive(Debug)]
struct Bound(AtomicU64);

impl Bound {
    fn new(from: Duration) -> Self {
        Self(AtomicU64::new(nanos(from)))
    }

    fn set(&self, from: Duration) {
        self.0.store(nanos(from), Ordering::Relaxed);
    }

    fn is_never(&self) -> bool {
        self.0.load(Ordering::Relaxed) == u64::MAX
    }

    fn is_reached(&self, age: Duration) -> bool {
        let from = self.0.load(Ordering::Relaxed);
        from != u64::MAX && nanos(age) >= from
    }
}

impl Dials {
    pub(super) fn new(config: &BreakerConfig) -> Self {
        Self {
            slow: Bound::new(slow_from(config)),
            cancelled: Bound::new(failed_from(config)),
            in_a_row: AtomicBool::new(config.consecutive_failures.is_some()),
        }
    }

    pub(super) fn set(&self, config: &BreakerConfig) {
        self.slow.set(slow_from(config));
        self.cancelled.set(failed_from(config));
        let in_a_row = config.consecutive_failures.is_some();
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
    }

    /// Whether a call that took this long was slow.
    pub(super) fn is_slow(&self, took: Duration) -> bool {
        self.slow.is_reached(took)
    }

    /// Whether a call that was given up can count as a failure at all.
    pub(super) fn cancelled_may_fail(&self) -> bool {
        !self.cancelled.is_never()
    }

    /// Whether a call that was given up at this age is a failure.
    pub(super) fn cancelled_fails(&self, age: Duration) -> bool {
        self.cancelled.is_reached(age)
    }

    /// Whether failures in a row are counted.
    pub(super) fn counts_in_a_row(&self) -> bool {
        self.in_a_row.load(Ordering::Relaxed)
    }
}

fn slow_from(config: &BreakerConfig) -> Duration {
    match config.slow_ratio {
        Some(_) => config.slow_duration,
        None => Duration::MAX,
    }
}

fn failed_from(config: &BreakerConfig) -> Duration {
    match config.cancelled {
        Cancelled::Ignore => Duration::MAX,
        Cancelled::Failure => Duration::ZERO,
        Cancelled::FailureAfter(age) => age,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
