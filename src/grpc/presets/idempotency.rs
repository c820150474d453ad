//! Idempotency, set up for gRPC.

use http::Method;

use crate::error::ConfigError;
use crate::grpc::ResultPolicy;
use crate::http::{Extensions, KeyHeader, RecordResponse};
use crate::idempotency::{IdempotencyConfig, IdempotencyLayer, Unscoped};
use crate::name::Name;

impl<T> IdempotencyLayer<KeyHeader, RecordResponse<ResultPolicy>, T, Unscoped, Extensions> {
    /// Finds keys in the metadata `idempotency-key` of any method ([`KeyHeader`]), keeps and replays
    /// replies by their status code ([`ResultPolicy`], [`RecordResponse`]), and reads deadlines from a
    /// request's [`Extensions`].
    ///
    /// Two calls are the same when their method and the bytes of their messages are, as they are on the
    /// wire: compressed otherwise, or encoded by another version, a message is another.
    ///
    /// It is for calls with one request. Of a stream of requests it reads all before the handler sees
    /// the first; around a bidirectional stream, whose client waits for a reply before its next request,
    /// it would wait for the deadline, and without one for ever: send those without a key. A stream of
    /// replies that has not ended in time passes on as it comes, and leaves a tombstone.
    ///
    /// Results are kept by [`ResultPolicy::at_most_once`], whatever `config` says of lapsed claims. With
    /// [`IdempotencyConfig::at_least_once`] goes
    /// `.capture(RecordResponse::new(ResultPolicy::at_least_once()))`.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn grpc(
        name: impl Into<Name>,
        config: IdempotencyConfig,
        store: T,
    ) -> Result<Self, ConfigError> {
        let prepare = KeyHeader::default().methods([Method::POST]);
        let capture = RecordResponse::new(ResultPolicy::default());
        let layer = IdempotencyLayer::new(name, config, prepare, capture, store)?;
        Ok(layer.context(Extensions::default()))
    }
}
