//! The settings of a retry.

use std::time::Duration;

use crate::error::ConfigError;

/// How often a call is tried, how long it waits in between, and what bounds it all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct RetryConfig {
    pub(super) attempts: u32,
    pub(super) base: Duration,
    pub(super) base_overload: Duration,
    pub(super) factor: u32,
    pub(super) delay_max: Duration,
    pub(super) jitter: Jitter,
    pub(super) elapsed_max: Duration,
    pub(super) ready_max: Duration,
    pub(super) nested: Nested,
}

/// How a wait is drawn from its exponential `e = min(delay_max, base * factor^n)`, where `n` is 0
/// for the first retry.
///
/// The formulas are those of Brooker, "Exponential Backoff and Jitter" (AWS, 2015). Without jitter,
/// callers that failed together come back together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Jitter {
    /// Uniform in `0 ..= e`: the least load for the time it takes.
    #[default]
    Full,
    /// Uniform in `e / 2 ..= e`: no retry comes at once.
    Equal,
    /// Uniform in `min(base, delay_max / 3) ..= min(delay_max, 3 * s)`, where `s` is the wait before
    /// this one and `base` for the first. The bound is applied before the draw, so that waits do not bunch at it; it
    /// takes the place of `factor`.
    Decorrelated,
    /// Exactly `e`. For tests and for callers that are known to be alone.
    None,
}

/// What a retry does with a call that is an attempt of a retry further out already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Nested {
    /// Hands the call through and leaves the repeating to the outer one: 3 times 3 attempts stay 3.
    #[default]
    PassThrough,
    /// Repeats it all the same: 3 times 3 attempts are 9.
    Retry,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_millis(50),
            base_overload: Duration::from_secs(1),
            factor: 2,
            delay_max: Duration::from_secs(20),
            jitter: Jitter::Full,
            elapsed_max: Duration::MAX,
            ready_max: Duration::from_millis(100),
            nested: Nested::PassThrough,
        }
    }
}

impl RetryConfig {
    /// How often a call is tried at most, the first time included; at least 1, which never repeats.
    /// Default 3.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// What the wait before the first retry is drawn from. Default 50 ms.
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The same after an [overload](crate::Failure::overload), which further load makes worse.
    /// Default 1 s.
    pub const fn base_overload(mut self, base: Duration) -> Self {
        self.base_overload = base;
        self
    }

    /// What the wait is multiplied by from one retry to the next, at least 1. Default 2.
    ///
    /// It is whole, so that waits are exact to the nanosecond for any number of retries.
    pub const fn factor(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// The longest wait. Default 20 s. A service that asks for a longer one is not tried again.
    pub const fn delay_max(mut self, delay_max: Duration) -> Self {
        self.delay_max = delay_max;
        self
    }

    /// How waits are spread. Default [`Jitter::Full`].
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// No attempt but the first starts when a call is this old. Default [`Duration::MAX`]: never.
    ///
    /// It ends no attempt that runs. A [`Deadline`](crate::Deadline) is the caller's own bound and is
    /// kept beside it.
    pub const fn elapsed_max(mut self, elapsed_max: Duration) -> Self {
        self.elapsed_max = elapsed_max;
        self
    }

    /// How long, after the wait, the inner service may take to become ready. Default 100 ms.
    pub const fn ready_max(mut self, ready_max: Duration) -> Self {
        self.ready_max = ready_max;
        self
    }

    /// What to do with a call that a retry further out repeats already. Default
    /// [`Nested::PassThrough`].
    pub const fn nested(mut self, nested: Nested) -> Self {
        self.nested = nested;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.attempts == 0 {
            return Err(ConfigError::new("attempts", 0, "at least 1"));
        }
        if self.factor == 0 {
            return Err(ConfigError::new("factor", 0, "at least 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attempts_and_a_shrinking_back_off_are_refused_by_name_and_the_largest_are_not() {
        let config = RetryConfig::default();
        assert_eq!(config.validate(), Ok(()));
        for (wrong, field) in [
            (config.clone().attempts(0), "attempts"),
            (config.clone().factor(0), "factor"),
        ] {
            let said = wrong.validate().unwrap_err();
            assert_eq!(said.field(), field);
            assert_eq!(
                said.to_string(),
                format!("{field} is 0, but must be at least 1")
            );
        }
        let edge = config.clone().attempts(1).factor(1);
        assert_eq!(edge.validate(), Ok(()));
        let largest = config
            .attempts(u32::MAX)
            .factor(u32::MAX)
            .base(Duration::MAX)
            .base_overload(Duration::MAX)
            .delay_max(Duration::MAX)
            .ready_max(Duration::MAX);
        assert_eq!(largest.validate(), Ok(()));
    }
}
