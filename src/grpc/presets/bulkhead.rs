//! The bulkhead, set up for gRPC.

use crate::bulkhead::{BulkheadConfig, BulkheadLayer};
use crate::error::ConfigError;
use crate::http::{Extensions, UntilBodyEnd};
use crate::name::Name;

impl BulkheadLayer<UntilBodyEnd, Extensions> {
    /// Reads deadlines from a request's [`Extensions`] too, and holds permits until the trailers: a
    /// call is in flight until it has its status ([`UntilBodyEnd`]).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(name: impl Into<Name>, config: BulkheadConfig) -> Result<Self, ConfigError> {
        let layer = BulkheadLayer::new(name, config)?;
        Ok(layer.hold(UntilBodyEnd).context(Extensions::default()))
    }
}
