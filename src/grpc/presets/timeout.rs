//! The timeout, set up for gRPC.

use crate::error::ConfigError;
use crate::http::Extensions;
use crate::name::Name;
use crate::timeout::{Fixed, TimeoutConfig, TimeoutLayer};

impl TimeoutLayer<Fixed, Extensions> {
    /// A limit that reads deadlines from a request's extensions too; see
    /// [`Extensions`](crate::http::Extensions). It ends with the head of the response, which a
    /// service may send before its first message or with it.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(name: impl Into<Name>, config: TimeoutConfig) -> Result<Self, ConfigError> {
        Self::http(name, config)
    }
}
