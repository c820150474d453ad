//! What is wrong with a setting.

use std::fmt;

/// A setting outside its range: names the field, the value and what is allowed.
///
/// Layers return it when they are built or reconfigured; no call ever does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: &'static str,
    value: String,
    allowed: &'static str,
}

impl ConfigError {
    /// For `field`, which was `value` and should have been `allowed` (a range or a condition).
    pub fn new(field: &'static str, value: impl fmt::Display, allowed: &'static str) -> Self {
        Self {
            field,
            value: value.to_string(),
            allowed,
        }
    }

    /// For a field that holds a duration.
    pub(crate) fn duration(
        field: &'static str,
        value: std::time::Duration,
        allowed: &'static str,
    ) -> Self {
        Self {
            field,
            value: format!("{value:?}"),
            allowed,
        }
    }

    /// The name of the setting.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {}, but must be {}",
            self.field, self.value, self.allowed
        )
    }
}

impl std::error::Error for ConfigError {}
