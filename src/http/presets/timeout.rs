//! The timeout, set up for HTTP.

use crate::error::ConfigError;
use crate::http::Extensions;
use crate::name::Name;
use crate::timeout::{Fixed, TimeoutConfig, TimeoutLayer};

impl TimeoutLayer<Fixed, Extensions> {
    /// A limit that reads deadlines from a request's extensions too; see
    /// [`Extensions`](crate::http::Extensions).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: TimeoutConfig) -> Result<Self, ConfigError> {
        Ok(TimeoutLayer::new(name, config)?.context(Extensions::default()))
    }
}
