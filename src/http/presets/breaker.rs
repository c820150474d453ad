//! The breaker, set up for HTTP.

use crate::breaker::{BreakerConfig, BreakerLayer};
use crate::error::ConfigError;
use crate::http::{ByStatus, Extensions};
use crate::name::Name;

impl BreakerLayer<ByStatus, Extensions> {
    /// Reads outcomes from statuses and `Retry-After` ([`ByStatus`]), and deadlines from the request's
    /// extensions ([`Extensions`]).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: BreakerConfig) -> Result<Self, ConfigError> {
        let layer = BreakerLayer::new(name, config)?;
        Ok(layer.classify(ByStatus).context(Extensions::default()))
    }
}
