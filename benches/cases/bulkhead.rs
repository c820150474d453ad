//! A thousand permits, of which one is wanted.

use tower::Service;

use ::mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};

use super::Answer;

pub fn mainstay() -> impl Service<u64, Response = u64> {
    super::layer(
        BulkheadLayer::new("bench", BulkheadConfig::default().concurrency(1000)),
        Answer,
    )
}

pub fn tower() -> impl Service<u64, Response = u64> {
    ::tower::limit::ConcurrencyLimit::new(Answer, 1000)
}
