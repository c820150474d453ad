//! Layers with room for very many.

use std::time::Duration;

use tower::Layer;

use super::subject::bulkhead::{BulkheadConfig, BulkheadLayer};
use crate::subject::Inner;

/// So many at once, and as many more that wait, for at most an hour.
pub fn bulkhead(inner: impl Inner<u64>, concurrency: u32) -> impl Inner<u64> {
    let config = BulkheadConfig::default().concurrency(concurrency);
    let config = config.queue(20_000).wait_max(Duration::from_secs(3600));
    let layer = BulkheadLayer::new("bench", config);
    layer.expect("settings in range").layer(inner)
}
