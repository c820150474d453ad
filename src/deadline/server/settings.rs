//! Settings that are read on every call and rarely replaced.

use crate::deadline::share::{Fate, Share};
use crate::ratio::Ratio;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{DurationCell, Lock};
use crate::time::Instant;

use super::policy::Limits;
use super::{DeadlineServerConfig, Expired};

/// The settings of one layer. Only those of a bounded share are behind a lock.
#[derive(Debug)]
pub(super) struct Settings {
    max: DurationCell,
    default_time: DurationCell,
    late: Late,
    kept: Lock<Kept>,
}

#[derive(Debug)]
struct Kept {
    config: DeadlineServerConfig,
    share: Share,
}

/// What happens to those that come too late, in one word.
#[derive(Debug)]
struct Late(AtomicU64);

impl Late {
    const REFUSED: u64 = 0;
    const PASSED: u64 = 1;
    const BY_SHARE: u64 = 2;

    // Ordering: Relaxed suffices for both: the word stands alone, and what a share needs besides it is
    // behind the lock.
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, config: &DeadlineServerConfig) {
        let late = match most(config) {
            Ratio::ZERO => Self::PASSED,
            Ratio::ONE => Self::REFUSED,
            _ => Self::BY_SHARE,
        };
        self.0.store(late, Ordering::Relaxed);
    }
}

/// The share of what arrives that may be refused.
const fn most(config: &DeadlineServerConfig) -> Ratio {
    match config.expired {
        Expired::Observe => Ratio::ZERO,
        Expired::Refuse => config.refusals_max,
    }
}

impl Settings {
    pub(super) fn new(config: DeadlineServerConfig) -> Self {
        let late = Late(AtomicU64::new(0));
        late.set(&config);
        Self {
            max: DurationCell::new(config.max),
            default_time: DurationCell::new(config.default_time),
            late,
            kept: Lock::new(Kept {
                config,
                share: Share::default(),
            }),
        }
    }

    /// A call may begin with one setting from before a change and one from after, as one that began in
    /// between would.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max: self.max.get(),
            default_time: self.default_time.get(),
        }
    }

    /// Whether every arrival is counted, and so needs the clock.
    pub(super) fn counts_arrivals(&self) -> bool {
        self.late.get() == Late::BY_SHARE
    }

    /// A request arrived that still has time.
    pub(super) fn arrive(&self, now: Instant) {
        if self.counts_arrivals() {
            self.kept.lock().share.arrive(now);
        }
    }

    /// A request arrived that has none.
    pub(super) fn arrive_late(&self, now: Instant) -> Fate {
        match self.late.get() {
            Late::REFUSED => Fate::Refused,
            Late::PASSED => Fate::Passed,
            _ => {
                let mut kept = self.kept.lock();
                // What is in force by now, which may be another mode.
                let most = most(&kept.config);
                kept.share.arrive_late(now, most)
            }
        }
    }

    pub(super) fn config(&self) -> DeadlineServerConfig {
        self.kept.lock().config.clone()
    }

    pub(super) fn set(&self, config: DeadlineServerConfig) {
        let mut kept = self.kept.lock();
        self.max.set(config.max);
        self.default_time.set(config.default_time);
        self.late.set(&config);
        kept.config = config;
    }
}

#[cfg(all(test, mainstay_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::time;

    #[test]
    fn loom_a_change_holds_for_all_that_come_after_it() {
        loom::model(|| {
            let settings = Arc::new(Settings::new(DeadlineServerConfig::default()));
            let half = DeadlineServerConfig::default().refusals_max(Ratio::hundredths(50));
            let now = time::now();
            let caller = {
                let settings = Arc::clone(&settings);
                thread::spawn(move || {
                    settings.arrive(now);
                    let _ = settings.arrive_late(now);
                })
            };
            settings.set(half);
            caller.join().unwrap();
            settings.set(DeadlineServerConfig::default().expired(Expired::Observe));
            assert_eq!(settings.arrive_late(now), Fate::Passed);
            assert!(!settings.counts_arrivals());
        });
    }

    #[test]
    fn loom_what_neither_the_old_nor_the_new_settings_refuse_is_not_refused_in_between() {
        loom::model(|| {
            let half = DeadlineServerConfig::default().refusals_max(Ratio::hundredths(50));
            let settings = Arc::new(Settings::new(half));
            let now = time::now();
            let caller = {
                let settings = Arc::clone(&settings);
                // The first of a window: half of one is none.
                thread::spawn(move || assert_eq!(settings.arrive_late(now), Fate::Passed))
            };
            settings.set(DeadlineServerConfig::default().expired(Expired::Observe));
            caller.join().unwrap();
        });
    }
}
