//! The settings of an idempotency layer.

use std::time::Duration;

use crate::error::ConfigError;

use super::OnLapse;

/// How long claims and results are kept, and what is done where the answer is not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct IdempotencyConfig {
    pub(super) lease: Duration,
    pub(super) ceiling: Duration,
    pub(super) retention: Duration,
    pub(super) store_timeout: Duration,
    pub(super) on_lapse: OnLapse,
    pub(super) store_down: StoreDown,
    pub(super) strict_finish: bool,
    pub(super) duplicates: Duplicates,
    pub(super) waiters_per_key: u32,
    pub(super) waiters: u32,
    pub(super) executions: u32,
}

/// What a request does whose key is held by another that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Duplicates {
    /// It is refused, and told when to come back. The default.
    #[default]
    Refuse,
    /// It waits for the result. Should the other give the key back, one of those that wait runs.
    Wait {
        /// The longest that it waits, above zero; less when its [`Deadline`](crate::Deadline) comes
        /// sooner.
        max: Duration,
    },
}

/// What a request does for which the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum StoreDown {
    /// It is refused. The default.
    #[default]
    Refuse,
    /// It runs without a claim, and so do its duplicates; one that waits for another, and so knows of
    /// it, is refused all the same. Its response is [marked](super::Capture::bypassed), and its result is
    /// kept if the store comes back.
    Run,
}

/// The default is [`at_most_once`](IdempotencyConfig::at_most_once).
impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self::at_most_once()
    }
}

const LEASE_MIN: Duration = Duration::from_secs(1);
/// A hundred years: what every store can add to its clock.
const RETENTION_MAX: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

impl IdempotencyConfig {
    /// A request whose execution was lost is not run again: its key answers
    /// [`OutcomeUnknown`](crate::Kind::OutcomeUnknown) until someone finds out.
    pub const fn at_most_once() -> Self {
        Self {
            lease: Duration::from_secs(30),
            ceiling: Duration::from_secs(5 * 60),
            retention: Duration::from_secs(24 * 60 * 60),
            store_timeout: Duration::from_secs(1),
            on_lapse: OnLapse::Indeterminate,
            store_down: StoreDown::Refuse,
            strict_finish: false,
            duplicates: Duplicates::Refuse,
            waiters_per_key: 64,
            waiters: 4096,
            executions: 4096,
        }
    }

    /// A request whose execution was lost is run again by the first duplicate after its lease. What it
    /// does must bear that; a duplicate that comes before is still held off.
    pub const fn at_least_once() -> Self {
        Self::at_most_once().on_lapse(OnLapse::TakeOver)
    }

    /// How long a claim stands after its owner was last heard of, at least 1 s. It is renewed at every
    /// third of it while the handler runs. Default 30 s.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long a claim is renewed, at least the lease: after it a handler that hangs loses its key. As
    /// long is a result offered to a store that does not take it. Default 5 min.
    pub const fn ceiling(mut self, ceiling: Duration) -> Self {
        self.ceiling = ceiling;
        self
    }

    /// How long a key is remembered after what was last said of it, at least the ceiling and at most a
    /// hundred years. Clients must know it: after it, a repeat runs again. Default 24 h.
    pub const fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How long one answer of the store is waited for, above zero and below the lease; each is asked
    /// for twice. Default 1 s.
    pub const fn store_timeout(mut self, store_timeout: Duration) -> Self {
        self.store_timeout = store_timeout;
        self
    }

    /// What becomes of a key whose execution was lost. Default [`OnLapse::Indeterminate`].
    pub const fn on_lapse(mut self, on_lapse: OnLapse) -> Self {
        self.on_lapse = on_lapse;
        self
    }

    /// What a request does for which the store does not answer. Default [`StoreDown::Refuse`].
    pub const fn store_down(mut self, store_down: StoreDown) -> Self {
        self.store_down = store_down;
        self
    }

    /// Refuses with [`StoreUnavailable`](crate::Kind::StoreUnavailable) what ran and could not be kept.
    /// Default: the client gets its response.
    pub const fn strict_finish(mut self, strict_finish: bool) -> Self {
        self.strict_finish = strict_finish;
        self
    }

    /// What a request does whose key is held by another. Default [`Duplicates::Refuse`].
    pub const fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// How many may wait for one key. Default 64; 0 refuses all.
    pub const fn waiters_per_key(mut self, waiters_per_key: u32) -> Self {
        self.waiters_per_key = waiters_per_key;
        self
    }

    /// How many may wait in all. Default 4096; 0 refuses all.
    pub const fn waiters(mut self, waiters: u32) -> Self {
        self.waiters = waiters;
        self
    }

    /// How many executions may run at once, at least 1: they outlive their callers, so no limit further
    /// out bounds them. Default 4096.
    pub const fn executions(mut self, executions: u32) -> Self {
        self.executions = executions;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |field, value, allowed| Err(ConfigError::duration(field, value, allowed));
        if self.lease < LEASE_MIN {
            return wrong("lease", self.lease, "at least 1 s");
        }
        if self.ceiling < self.lease {
            return wrong("ceiling", self.ceiling, "at least the lease");
        }
        if self.retention < self.ceiling || self.retention > RETENTION_MAX {
            let allowed = "at least the ceiling and at most 36500 days";
            return wrong("retention", self.retention, allowed);
        }
        if self.store_timeout.is_zero() || self.store_timeout >= self.lease {
            let allowed = "above zero and below the lease";
            return wrong("store_timeout", self.store_timeout, allowed);
        }
        if self.executions == 0 {
            return Err(ConfigError::new("executions", 0, "at least 1"));
        }
        match self.duplicates {
            Duplicates::Wait { max } if max.is_zero() => {
                let allowed = "above zero (to refuse at once, set `refuse`)";
                wrong("duplicates.wait.max", max, allowed)
            }
            Duplicates::Wait { .. } | Duplicates::Refuse => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANO: Duration = Duration::from_nanos(1);

    fn refused(config: IdempotencyConfig) -> &'static str {
        config.validate().unwrap_err().field()
    }

    #[test]
    fn durations_that_contradict_each_other_are_refused_and_their_edges_are_not() {
        let config = IdempotencyConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(IdempotencyConfig::at_least_once().validate(), Ok(()));

        let second = Duration::from_secs(1);
        let below = second.checked_sub(NANO).unwrap();
        let least = config
            .lease(second)
            .ceiling(second)
            .retention(second)
            .store_timeout(below);
        assert_eq!(least.validate(), Ok(()));
        assert_eq!(refused(least.lease(below)), "lease");
        assert_eq!(refused(least.lease(Duration::ZERO)), "lease");
        assert_eq!(refused(least.ceiling(below)), "ceiling");
        assert_eq!(refused(least.retention(below)), "retention");
        assert_eq!(refused(least.store_timeout(second)), "store_timeout");
        assert_eq!(
            refused(least.store_timeout(Duration::ZERO)),
            "store_timeout"
        );

        let most = config
            .lease(RETENTION_MAX)
            .ceiling(RETENTION_MAX)
            .retention(RETENTION_MAX);
        assert_eq!(most.validate(), Ok(()));
        assert_eq!(refused(most.retention(RETENTION_MAX + NANO)), "retention");
        assert_eq!(refused(most.retention(Duration::MAX)), "retention");
    }

    #[test]
    fn counts_and_waits_that_would_let_nothing_happen_are_refused() {
        let config = IdempotencyConfig::default();
        assert_eq!(refused(config.executions(0)), "executions");
        assert_eq!(config.executions(1).validate(), Ok(()));
        let most = config
            .executions(u32::MAX)
            .waiters(u32::MAX)
            .waiters_per_key(u32::MAX);
        assert_eq!(most.validate(), Ok(()));
        assert_eq!(config.waiters(0).waiters_per_key(0).validate(), Ok(()));

        let wait = |max| config.duplicates(Duplicates::Wait { max });
        assert_eq!(refused(wait(Duration::ZERO)), "duplicates.wait.max");
        assert_eq!(wait(NANO).validate(), Ok(()));
        assert_eq!(wait(Duration::MAX).validate(), Ok(()));
    }
}
