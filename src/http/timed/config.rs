//! How long a body may take.

use std::time::Duration;

use crate::context::Deadline;
use crate::error::ConfigError;

/// How long a body may keep its reader waiting, and last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct BodyTimeoutConfig {
    pub(super) first: Duration,
    pub(super) idle: Duration,
    pub(super) total: Duration,
}

impl Default for BodyTimeoutConfig {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            total: Duration::MAX,
        }
    }
}

impl BodyTimeoutConfig {
    /// The longest from the head to the first frame; above zero. [`Duration::MAX`] is never. Default
    /// 30 s.
    pub const fn first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// The longest that a reader waits for a frame after the first; above zero. The time in which
    /// nobody reads does not count. [`Duration::MAX`] is never. Default 30 s.
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// The longest from the head to the end of the body; above zero. [`Duration::MAX`], the default,
    /// is never.
    pub const fn total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        for (field, value) in [
            ("first", self.first),
            ("idle", self.idle),
            ("total", self.total),
        ] {
            if value.is_zero() {
                return Err(ConfigError::duration(field, value, "above zero"));
            }
        }
        Ok(())
    }
}

/// What bounds one body: limits that were checked, and a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BodyLimits {
    pub(super) first: Duration,
    pub(super) idle: Duration,
    pub(super) total: Duration,
    pub(super) deadline: Deadline,
}

impl BodyLimits {
    /// These limits, and no deadline.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(config: &BodyTimeoutConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            first: config.first,
            idle: config.idle,
            total: config.total,
            deadline: Deadline::NEVER,
        })
    }

    /// The deadline alone.
    pub const fn until(deadline: Deadline) -> Self {
        Self {
            first: Duration::MAX,
            idle: Duration::MAX,
            total: Duration::MAX,
            deadline,
        }
    }

    /// With this deadline too. The sooner counts, where there was one before.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = self.deadline.sooner(deadline);
        self
    }

    /// Whether a limit runs from the head, so that its time must be known.
    pub(super) fn runs_from_head(&self) -> bool {
        self.first.min(self.total) < Duration::MAX
    }
}
