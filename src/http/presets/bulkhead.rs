//! The bulkhead, set up for HTTP.

use crate::bulkhead::{BulkheadConfig, BulkheadLayer, UntilResponse};
use crate::error::ConfigError;
use crate::http::Extensions;
use crate::name::Name;

impl BulkheadLayer<UntilResponse, Extensions> {
    /// Reads deadlines from a request's [`Extensions`] too. Permits are given back when the response's
    /// head is there; [`hold`](Self::hold) with [`UntilBodyEnd`](crate::http::UntilBodyEnd) keeps them
    /// until its body has been read.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: BulkheadConfig) -> Result<Self, ConfigError> {
        Ok(BulkheadLayer::new(name, config)?.context(Extensions::default()))
    }
}
