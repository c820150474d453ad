//! The breaker, set up for HTTP.

use crate::breaker::{BreakerConfig, BreakerLayer};
use crate::error::ConfigError;
use crate::http::ByStatus;
use crate::name::Name;

impl BreakerLayer<ByStatus> {
    /// Reads outcomes from statuses and `Retry-After` ([`ByStatus`]).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: BreakerConfig) -> Result<Self, ConfigError> {
        Ok(BreakerLayer::new(name, config)?.classify(ByStatus))
    }
}
