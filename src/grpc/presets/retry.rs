//! The retry, set up for gRPC.

use crate::error::ConfigError;
use crate::grpc::{ByCode, IdempotentMethods};
use crate::http::{AttemptHeader, Extensions};
use crate::name::Name;
use crate::retry::{RetryConfig, RetryLayer};

impl RetryLayer<ByCode, IdempotentMethods, Extensions> {
    /// Reads outcomes from status codes and pushback ([`ByCode`]), carries deadline and attempt in a
    /// request's [`Extensions`], and tells the callee by `grpc-previous-rpc-attempts`.
    ///
    /// It repeats only what did not run, until [`replay`](Self::replay) names the methods that may run
    /// twice ([`IdempotentMethods`]).
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(name: impl Into<Name>, config: RetryConfig) -> Result<Self, ConfigError> {
        let context = Extensions::default().attempt_header(AttemptHeader::GrpcPreviousRpcAttempts);
        Ok(RetryLayer::new(name, config)?
            .classify(ByCode::default())
            .replay(IdempotentMethods::default())
            .context(context))
    }
}
