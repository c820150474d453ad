//! A thousand permits, of which one is wanted.

use ::mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};

use super::{Case, Inner};

pub(crate) fn mainstay(inner: impl Inner) -> impl Case {
    super::layer(
        BulkheadLayer::new("bench", BulkheadConfig::default().concurrency(1000)),
        inner,
    )
}

pub(crate) fn tower(inner: impl Inner) -> impl Case {
    ::tower::limit::ConcurrencyLimit::new(inner, 1000)
}
