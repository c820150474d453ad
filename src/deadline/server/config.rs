//! The settings of the server's layer.

use std::time::Duration;

use crate::error::ConfigError;
use crate::ratio::Ratio;

/// How much time a request has that says so, and one that does not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct DeadlineServerConfig {
    pub(super) max: Duration,
    pub(super) default_time: Duration,
    pub(super) expired: Expired,
    pub(super) refusals_max: Ratio,
}

/// What is done with a request that has no time left when it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Expired {
    /// It is refused, up to [`refusals_max`](DeadlineServerConfig::refusals_max).
    #[default]
    Refuse,
    /// It is counted and let through, to see what would be refused.
    Observe,
}

impl Default for DeadlineServerConfig {
    fn default() -> Self {
        Self {
            max: Duration::MAX,
            default_time: Duration::MAX,
            expired: Expired::Refuse,
            refusals_max: Ratio::ONE,
        }
    }
}

impl DeadlineServerConfig {
    /// The most time that any request has, whatever it says; above zero. [`Duration::MAX`], the
    /// default, is no bound.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// The time that a request has that says nothing of it, or nothing valid; above zero.
    /// [`Duration::MAX`], the default, is for ever, but for [`max`](Self::max).
    pub const fn default_time(mut self, default_time: Duration) -> Self {
        self.default_time = default_time;
        self
    }

    /// What is done with a request that has no time left when it arrives. Refused by default.
    pub const fn expired(mut self, expired: Expired) -> Self {
        self.expired = expired;
        self
    }

    /// The most of the requests that arrive in 10 s that may be refused because they have no time left;
    /// the others of these are let through. All by default.
    ///
    /// A share below the whole is for peers whose word is in doubt: it keeps one who sends nonsense
    /// from being refused altogether. It costs every request a clock read and a lock.
    pub const fn refusals_max(mut self, refusals_max: Ratio) -> Self {
        self.refusals_max = refusals_max;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        for (field, time) in [("max", self.max), ("default_time", self.default_time)] {
            if time.is_zero() {
                return Err(ConfigError::duration(field, time, "above zero"));
            }
        }
        Ok(())
    }
}
