//! A share of the calls of the last seconds, and a few for each second.

use std::time::Duration;

use crate::classify::Failure;
use crate::error::ConfigError;
use crate::ratio::Ratio;
use crate::sync::Lock;
use crate::time::{self, Instant};

use super::entered::Entered;
use super::window::Window;
use super::{Budget, Receipt};

/// Pays for a share of the calls that entered in the last seconds, and for some in each second.
///
/// # What it guarantees
/// In any stretch of time as long as the window, it pays for no more than `ratio` of the calls that
/// entered in that stretch plus `floor` for each second of it, whatever the number of threads. The
/// decision and the payment are one step under a lock.
///
/// It may pay for less. A call is counted without looking at the clock, and dated by the last look
/// before it; there is one at every [`withdraw`](Budget::withdraw) and at every 64th call of a thread.
/// So the last 64 calls of each thread may count for too short a time, and what is spent counts for up
/// to a tenth of the window longer than the window. **With a `floor` of zero and fewer than some
/// hundred calls in a window it pays for little or nothing.**
///
/// A call costs one addition to a counter of its thread's own. An extra attempt costs one short
/// critical section, however long nothing happened before.
#[derive(Debug)]
pub struct WindowedBudget {
    entered: Entered,
    window: Lock<Window>,
}

/// The settings of a [`WindowedBudget`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct WindowedConfig {
    pub(super) ratio: Ratio,
    pub(super) floor: u32,
    pub(super) window: Duration,
}

impl Default for WindowedConfig {
    fn default() -> Self {
        Self {
            ratio: Ratio::hundredths(20),
            floor: 10,
            window: Duration::from_secs(10),
        }
    }
}

impl WindowedConfig {
    /// The share of the calls of a window. Default 20 %, as Finagle has it.
    pub const fn ratio(mut self, ratio: Ratio) -> Self {
        self.ratio = ratio;
        self
    }

    /// How many a second are paid for besides, so that a service with few calls can retry at all.
    /// Default 10.
    pub const fn floor(mut self, floor: u32) -> Self {
        self.floor = floor;
        self
    }

    /// How long a call pays, and what was spent is owed. Default 10 s; at least 1 ms.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    fn validate(&self) -> Result<(), ConfigError> {
        if self.window < Duration::from_millis(1) {
            return Err(ConfigError::duration("window", self.window, "at least 1ms"));
        }
        Ok(())
    }

    /// What the floor pays for in one window, rounded down.
    pub(super) fn floor_of_window(&self) -> u128 {
        let nanos = self.window.as_nanos().saturating_mul(self.floor.into());
        nanos.checked_div(1_000_000_000).unwrap_or(0)
    }
}

impl WindowedBudget {
    /// A budget with these settings.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(config: WindowedConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self::starting(config))
    }

    fn starting(config: WindowedConfig) -> Self {
        Self {
            entered: Entered::default(),
            window: Lock::new(Window::new(config, time::now())),
        }
    }

    /// How many extra attempts it would pay for now.
    pub fn balance(&self) -> u64 {
        let now = time::now();
        let mut window = self.window.lock();
        window.gather(self.entered.total(), now);
        window.balance()
    }

    /// Replaces the settings. With another window all that was earned before is forgotten, and all
    /// that was spent counts as spent now.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: WindowedConfig) -> Result<(), ConfigError> {
        config.validate()?;
        let now = time::now();
        let mut window = self.window.lock();
        window.gather(self.entered.total(), now);
        window.reconfigure(config, now);
        Ok(())
    }

    #[cold]
    fn gather(&self) {
        let now = time::now();
        // When another thread has the lock, it gathers.
        if let Some(mut window) = self.window.try_lock() {
            window.gather(self.entered.total(), now);
        }
    }
}

impl Default for WindowedBudget {
    fn default() -> Self {
        Self::starting(WindowedConfig::default())
    }
}

impl Budget for WindowedBudget {
    #[inline]
    fn enter(&self) {
        if self.entered.count() {
            self.gather();
        }
    }

    fn withdraw(&self, now: Instant, _failure: Option<Failure>) -> Option<Receipt> {
        let mut window = self.window.lock();
        window.gather(self.entered.total(), now);
        window.withdraw().map(Receipt::new)
    }

    fn refund(&self, receipt: Receipt) {
        self.window.lock().refund(receipt.note());
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    fn budget(ratio: u8, floor: u32) -> WindowedBudget {
        let ratio = Ratio::percent(ratio).unwrap();
        WindowedBudget::new(WindowedConfig::default().ratio(ratio).floor(floor)).unwrap()
    }

    fn withdraw_all(budget: &WindowedBudget) -> usize {
        let now = time::now();
        let mut count = 0;
        while budget.withdraw(now, None).is_some() {
            count += 1;
        }
        count
    }

    #[test]
    fn every_ratio_pays_for_exactly_its_share() {
        for percent in [0, 1, 30, 40, 60, 70, 90, 100] {
            let budget = budget(percent, 0);
            (0..1000).for_each(|_| budget.enter());
            assert_eq!(withdraw_all(&budget), 10 * usize::from(percent));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_dated_although_none_fails() {
        let budget = budget(100, 0);
        for _ in 0..20 {
            (0..64).for_each(|_| budget.enter());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // 9 * 64 entered in the last ten seconds; the oldest 64 are dated by the look before them.
        assert_eq!(budget.balance(), 8 * 64);
    }

    #[test]
    fn the_floor_pays_without_calls_and_nothing_pays_for_nothing() {
        assert_eq!(withdraw_all(&budget(20, 10)), 100);
        assert_eq!(withdraw_all(&budget(100, 0)), 0);
        let least = WindowedConfig::default().window(Duration::from_millis(1));
        let least = WindowedBudget::new(least.floor(999)).unwrap();
        assert_eq!(withdraw_all(&least), 0, "less than one in a millisecond");
    }

    #[test]
    fn a_refund_can_be_spent_again() {
        let budget = budget(0, 1); // 10 in a window
        let receipt = budget.withdraw(time::now(), None).unwrap();
        assert_eq!(budget.balance(), 9);
        budget.refund(receipt);
        assert_eq!(withdraw_all(&budget), 10);
    }

    #[test]
    fn threads_together_spend_no_more_than_there_is() {
        let budget = budget(20, 1);
        let paid: usize = std::thread::scope(|scope| {
            let spenders: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let spend = |_: &usize| {
                            budget.enter();
                            budget.withdraw(time::now(), None).is_some()
                        };
                        (0..1000_usize).filter(spend).count()
                    })
                })
                .collect();
            spenders.into_iter().map(|each| each.join().unwrap()).sum()
        });
        assert!(paid <= 1600 + 10, "{paid}");
    }

    #[test]
    fn a_window_too_short_is_refused_by_name_and_the_longest_is_not() {
        let wrong = WindowedConfig::default().window(Duration::from_micros(999));
        let said = WindowedBudget::new(wrong).unwrap_err().to_string();
        assert_eq!(said, "window is 999µs, but must be at least 1ms");
        let longest = WindowedConfig::default().window(Duration::MAX);
        let budget = WindowedBudget::new(longest.floor(u32::MAX)).unwrap();
        assert!(budget.withdraw(time::now(), None).is_some());
    }
}
