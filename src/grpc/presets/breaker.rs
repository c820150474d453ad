//! The breaker, set up for gRPC.

use crate::breaker::{BreakerConfig, BreakerLayer};
use crate::error::ConfigError;
use crate::grpc::{AtTrailers, ByCode};
use crate::http::Extensions;
use crate::name::Name;

impl BreakerLayer<ByCode, Extensions, AtTrailers> {
    /// Reads outcomes from status codes and pushback ([`ByCode`]), those in trailers too
    /// ([`AtTrailers`]), and deadlines from the request's extensions ([`Extensions`]).
    ///
    /// Where another [`ByCode`] is to be used, give it to both:
    /// `.classify(by).settle(AtTrailers::new(by))`.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(name: impl Into<Name>, config: BreakerConfig) -> Result<Self, ConfigError> {
        let layer = BreakerLayer::new(name, config)?;
        Ok(layer
            .classify(ByCode::default())
            .settle(AtTrailers::default())
            .context(Extensions::default()))
    }
}
