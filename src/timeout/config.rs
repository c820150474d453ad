//! The settings of a timeout.

use std::time::Duration;

use crate::error::ConfigError;

/// How long a call may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct TimeoutConfig {
    pub(super) limit: Duration,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(30),
        }
    }
}

impl TimeoutConfig {
    /// The longest a call may take, from the first time its future is pending; above zero.
    /// [`Duration::MAX`] is never. Default 30 s.
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.limit.is_zero() {
            return Err(ConfigError::duration("limit", self.limit, "above zero"));
        }
        Ok(())
    }
}
