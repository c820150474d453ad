//! The deadline's layers, set up for gRPC.

use crate::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer, Format,
};
use crate::error::ConfigError;
use crate::grpc::CoverStream;
use crate::http::CoverBody;
use crate::name::Name;

impl DeadlineServerLayer<CoverStream> {
    /// Reads `grpc-timeout`. The deadline holds until the response's trailers; a stream that it cuts
    /// ends with the status `DEADLINE_EXCEEDED`, see [`CoverStream`].
    ///
    /// tonic's server reads `grpc-timeout` too, outside of all layers that it is given, and cancels what
    /// has no head by then. So there [`Expired::Observe`](crate::deadline::Expired::Observe) and
    /// [`refusals_max`](DeadlineServerConfig::refusals_max) let through only what is ready at once.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(name: impl Into<Name>, config: DeadlineServerConfig) -> Result<Self, ConfigError> {
        let name = name.into();
        let layer = DeadlineServerLayer::new(name.clone(), config)?;
        Ok(layer
            .formats([Format::GRPC_TIMEOUT])
            .cover(CoverStream::new(name)))
    }
}

impl DeadlineClientLayer<CoverBody> {
    /// Writes `grpc-timeout`. The call's deadline holds until the response's trailers; a stream that it
    /// cuts fails, see [`CoverBody`].
    ///
    /// tonic's channel reads `grpc-timeout` too, and ends a call without a head when that has gone by, a
    /// margin before this layer would: with its own `TimeoutExpired`, which is no refusal. What a
    /// breaker above makes of that is for its classifier to say.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(name: impl Into<Name>, config: DeadlineClientConfig) -> Result<Self, ConfigError> {
        Ok(Self::http(name, config)?.formats([Format::GRPC_TIMEOUT]))
    }
}
