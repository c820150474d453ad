//! The deadline's layers, set up for HTTP.

use crate::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use crate::error::ConfigError;
use crate::http::CoverBody;
use crate::name::Name;

impl DeadlineServerLayer<CoverBody> {
    /// Reads the headers that [`new`](DeadlineServerLayer::new) reads, `grpc-timeout` included: gRPC
    /// may come in by the same door. The deadline holds until the response's body has ended; see
    /// [`CoverBody`].
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: DeadlineServerConfig) -> Result<Self, ConfigError> {
        let name = name.into();
        Ok(DeadlineServerLayer::new(name.clone(), config)?.cover(CoverBody::new(name)))
    }
}

impl DeadlineClientLayer<CoverBody> {
    /// Writes `x-request-timeout-ms`. The call's deadline holds until the response's body has ended;
    /// see [`CoverBody`].
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(name: impl Into<Name>, config: DeadlineClientConfig) -> Result<Self, ConfigError> {
        let name = name.into();
        Ok(DeadlineClientLayer::new(name.clone(), config)?.cover(CoverBody::new(name)))
    }
}
