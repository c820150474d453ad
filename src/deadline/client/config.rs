//! The settings of the client's layer.

use std::time::Duration;

use crate::error::ConfigError;

/// How much of the time left is given to the next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct DeadlineClientConfig {
    pub(super) margin: Duration,
    pub(super) max: Duration,
    pub(super) min: Duration,
}

impl Default for DeadlineClientConfig {
    fn default() -> Self {
        Self {
            margin: Duration::from_millis(5),
            max: Duration::MAX,
            min: Duration::ZERO,
        }
    }
}

impl DeadlineClientConfig {
    /// What is kept back of the time left, for the way there and back and for what is still to be done
    /// with the answer. Zero keeps nothing back. Default 5 ms.
    pub const fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// The most that the next hop is given; above zero, and at least [`min`](Self::min).
    /// [`Duration::MAX`], the default, is no bound.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// The least that is worth a call: with less, the call is refused and not made. Zero, the default,
    /// is whatever the formats can say at all.
    pub const fn min(mut self, min: Duration) -> Self {
        self.min = min;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.max.is_zero() {
            return Err(ConfigError::duration("max", self.max, "above zero"));
        }
        if self.min > self.max {
            return Err(ConfigError::duration("min", self.min, "at most `max`"));
        }
        Ok(())
    }
}
