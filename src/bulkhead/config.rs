//! The settings of a bulkhead.

use std::time::Duration;

use crate::error::ConfigError;
use crate::ratio::Ratio;

/// How many calls may be in flight, how many may wait, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct BulkheadConfig {
    pub(super) concurrency: u32,
    pub(super) queue: u32,
    pub(super) wait_max: Duration,
    pub(super) order: Order,
    pub(super) retry_hint: Duration,
}

/// Who is next when a permit is given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Order {
    /// The one that has waited longest.
    #[default]
    Fifo,
    /// The one that came last while there is a backlog, and otherwise the one that has waited longest.
    ///
    /// There is a backlog while more calls wait than this share of the [queue](BulkheadConfig::queue),
    /// rounded down; [`Ratio::ZERO`] is always. The newest call is the one whose caller is most likely
    /// still there; the oldest leave when their time is up (adaptive LIFO: Maurer, "Fail at Scale",
    /// ACM Queue 2015).
    LifoUnderBacklog(Ratio),
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        Self {
            concurrency: 25,
            queue: 0,
            wait_max: Duration::from_secs(1),
            order: Order::Fifo,
            retry_hint: Duration::from_secs(1),
        }
    }
}

impl BulkheadConfig {
    /// How many calls may be in flight at once, at least 1. Default 25, as resilience4j has it.
    ///
    /// By Little's law a dependency that answers `r` calls a second in `t` seconds each has `r * t` of
    /// them in flight.
    pub const fn concurrency(mut self, concurrency: u32) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// How many calls may wait for a permit. Default 0: a call that finds none is refused at once.
    pub const fn queue(mut self, queue: u32) -> Self {
        self.queue = queue;
        self
    }

    /// The longest a call waits for a permit, above zero; less when its [`Deadline`](crate::Deadline)
    /// comes sooner. [`Duration::MAX`] is never, with [`Order::Fifo`] only. Default 1 s.
    pub const fn wait_max(mut self, wait_max: Duration) -> Self {
        self.wait_max = wait_max;
        self
    }

    /// Who of those that wait is next. Default [`Order::Fifo`].
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// When a refused caller is told to come back, above zero. Default 1 s.
    pub const fn retry_hint(mut self, retry_hint: Duration) -> Self {
        self.retry_hint = retry_hint;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.concurrency == 0 {
            return Err(ConfigError::new("concurrency", 0, "at least 1"));
        }
        if self.wait_max.is_zero() {
            let allowed = "above zero (to refuse at once, set `queue` to 0)";
            return Err(ConfigError::duration("wait_max", self.wait_max, allowed));
        }
        if self.wait_max == Duration::MAX && self.order != Order::Fifo {
            let allowed = "finite unless the order is FIFO: the oldest could wait for ever";
            return Err(ConfigError::duration("wait_max", self.wait_max, allowed));
        }
        if self.retry_hint.is_zero() {
            let allowed = "above zero";
            return Err(ConfigError::duration(
                "retry_hint",
                self.retry_hint,
                allowed,
            ));
        }
        Ok(())
    }

    /// Whether the newest of `waiting` calls is next.
    pub(super) fn newest_first(&self, waiting: u32) -> bool {
        match self.order {
            Order::Fifo => false,
            Order::LifoUnderBacklog(share) => u64::from(waiting) > share.of(self.queue.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: BulkheadConfig) -> &'static str {
        config.validate().unwrap_err().field()
    }

    #[test]
    fn limits_that_would_admit_or_wait_for_nothing_are_refused_and_the_largest_are_not() {
        let config = BulkheadConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(refused(config.clone().concurrency(0)), "concurrency");
        assert_eq!(refused(config.clone().wait_max(Duration::ZERO)), "wait_max");
        assert_eq!(
            refused(config.clone().retry_hint(Duration::ZERO)),
            "retry_hint"
        );
        let edge = config
            .clone()
            .concurrency(1)
            .wait_max(Duration::from_nanos(1));
        assert_eq!(edge.validate(), Ok(()));
        let largest = config
            .concurrency(u32::MAX)
            .queue(u32::MAX)
            .wait_max(Duration::MAX)
            .retry_hint(Duration::MAX);
        assert_eq!(largest.validate(), Ok(()));
    }

    #[test]
    fn newest_first_without_an_end_to_waiting_is_refused() {
        let lifo = BulkheadConfig::default().order(Order::LifoUnderBacklog(Ratio::ONE));
        assert_eq!(lifo.validate(), Ok(()));
        assert_eq!(refused(lifo.wait_max(Duration::MAX)), "wait_max");
    }

    #[test]
    fn a_backlog_is_more_than_its_share_of_the_queue() {
        let half = Order::LifoUnderBacklog(Ratio::percent(50).unwrap());
        let lifo = BulkheadConfig::default().queue(9).order(half);
        assert!(!lifo.newest_first(4), "half of nine, rounded down");
        assert!(lifo.newest_first(5));
        let largest = lifo.clone().queue(u32::MAX);
        assert!(largest.newest_first(u32::MAX) && !largest.newest_first(u32::MAX / 2));
        let always = lifo
            .clone()
            .order(Order::LifoUnderBacklog(Ratio::ZERO))
            .queue(0);
        assert!(always.newest_first(1));
        assert!(!lifo.order(Order::Fifo).newest_first(u32::MAX));
    }
}
