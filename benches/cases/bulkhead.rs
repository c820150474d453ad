//! A thousand permits, of which one is wanted.

use ::mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};

use super::{Answer, Case};

pub(crate) fn mainstay() -> impl Case {
    super::layer(
        BulkheadLayer::new("bench", BulkheadConfig::default().concurrency(1000)),
        Answer,
    )
}

pub(crate) fn tower() -> impl Case {
    ::tower::limit::ConcurrencyLimit::new(Answer, 1000)
}
