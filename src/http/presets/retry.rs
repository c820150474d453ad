//! The retry, set up for HTTP.

use crate::error::ConfigError;
use crate::http::{ByStatus, Extensions, SafeMethods};
use crate::name::Name;
use crate::retry::{RetryConfig, RetryLayer};

impl RetryLayer<ByStatus, SafeMethods, Extensions> {
    /// Reads outcomes from statuses and `Retry-After` ([`ByStatus`]), repeats what [`SafeMethods`]
    /// allows, and carries deadline and attempt in a request's [`Extensions`].
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: RetryConfig) -> Result<Self, ConfigError> {
        Ok(RetryLayer::new(name, config)?
            .classify(ByStatus)
            .replay(SafeMethods::default())
            .context(Extensions::default()))
    }
}
