//! Idempotency, set up for HTTP.

use crate::error::ConfigError;
use crate::http::{Extensions, KeyHeader, PostAndPatch, RecordResponse};
use crate::idempotency::{IdempotencyConfig, IdempotencyKeyLayer, IdempotencyLayer, Unscoped};
use crate::name::Name;

impl<T> IdempotencyLayer<KeyHeader, RecordResponse, T, Unscoped, Extensions> {
    /// Finds keys in the `Idempotency-Key` of POST and PATCH requests ([`KeyHeader`]), keeps and replays
    /// responses as [`RecordResponse`] does, and reads deadlines from a request's [`Extensions`].
    /// [`prepare`](Self::prepare) and [`capture`](Self::capture) take others of them.
    ///
    /// The handler finds an [`Execution`](crate::idempotency::Execution) in the extensions of its request.
    ///
    /// Results are kept by [`ResultPolicy::at_most_once`](crate::http::ResultPolicy::at_most_once), whatever
    /// `config` says of lapsed claims. With [`IdempotencyConfig::at_least_once`] goes
    /// `.capture(RecordResponse::new(ResultPolicy::at_least_once()))`.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn http(
        name: impl Into<Name>,
        config: IdempotencyConfig,
        store: T,
    ) -> Result<Self, ConfigError> {
        let (prepare, capture) = (KeyHeader::default(), RecordResponse::default());
        let layer = IdempotencyLayer::new(name, config, prepare, capture, store)?;
        Ok(layer.context(Extensions::default()))
    }
}

impl IdempotencyKeyLayer<PostAndPatch> {
    /// Gives keys to POST and PATCH requests that have none, in the header `Idempotency-Key`. A retry below
    /// it then repeats them, as `SafeMethods` says: use it for callees that honour the header.
    pub fn http(name: impl Into<Name>) -> Self {
        IdempotencyKeyLayer::new(name).only(PostAndPatch)
    }
}
