//! Settings that are read on every call and rarely replaced.

use std::time::Duration;

use crate::sync::Lock;
use crate::sync::atomic::{AtomicU64, Ordering};

use super::{Nested, RetryConfig};

/// The settings of one layer.
///
/// What every call needs to begin is kept apart, so that only a call that failed takes the lock.
#[derive(Debug)]
pub(super) struct Settings {
    start: AtomicU64,
    elapsed_max: AtomicU64,
    config: Lock<RetryConfig>,
}

/// What a call needs to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) attempts: u32,
    /// Whether a call that is an attempt already is handed through.
    pub(super) passes: bool,
    /// `None` is never.
    pub(super) elapsed_max: Option<Duration>,
}

const PASSES: u64 = 1 << 32;

impl Settings {
    pub(super) fn new(config: RetryConfig) -> Self {
        let settings = Self {
            start: AtomicU64::new(0),
            elapsed_max: AtomicU64::new(0),
            config: Lock::new(config.clone()),
        };
        settings.set(config);
        settings
    }

    pub(super) fn start(&self) -> Start {
        // Ordering: Relaxed suffices for both: a call may begin with one setting from before a change
        // and one from after, as one that began in between would.
        let start = self.start.load(Ordering::Relaxed);
        let elapsed_max = self.elapsed_max.load(Ordering::Relaxed);
        Start {
            attempts: u32::try_from(start & (PASSES - 1)).unwrap_or(u32::MAX),
            passes: start & PASSES != 0,
            elapsed_max: (elapsed_max != u64::MAX).then(|| Duration::from_nanos(elapsed_max)),
        }
    }

    pub(super) fn config(&self) -> RetryConfig {
        self.config.lock().clone()
    }

    /// Past 584 years (`u64::MAX` nanoseconds) `elapsed_max` is never.
    pub(super) fn set(&self, config: RetryConfig) {
        let passes = match config.nested {
            Nested::PassThrough => PASSES,
            Nested::Retry => 0,
        };
        let start = u64::from(config.attempts) | passes;
        let elapsed_max = u64::try_from(config.elapsed_max.as_nanos()).unwrap_or(u64::MAX);
        let mut held = self.config.lock();
        // Ordering: Relaxed suffices: the lock orders those who set, and see above for those who read.
        self.start.store(start, Ordering::Relaxed);
        self.elapsed_max.store(elapsed_max, Ordering::Relaxed);
        *held = config;
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_what_calls_begin_with() {
        let settings = Settings::new(RetryConfig::default());
        let start = settings.start();
        assert_eq!((start.attempts, start.passes), (3, true));
        assert_eq!(start.elapsed_max, None);
        let other = RetryConfig::default()
            .attempts(u32::MAX)
            .nested(Nested::Retry)
            .elapsed_max(Duration::ZERO);
        settings.set(other.clone());
        let start = settings.start();
        assert_eq!((start.attempts, start.passes), (u32::MAX, false));
        assert_eq!(start.elapsed_max, Some(Duration::ZERO));
        assert_eq!(settings.config(), other);
    }
}
