//! Bulkhead, retry, breaker and timeout together; of tower the three it has.

use std::time::Duration;

use tower::ServiceBuilder;

use ::mainstay::breaker::{BreakerConfig, BreakerLayer};
use ::mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use ::mainstay::retry::{RetryConfig, RetryLayer};
use ::mainstay::timeout::{TimeoutConfig, TimeoutLayer};

use super::{Case, Inner};

pub(crate) fn mainstay(inner: impl Inner) -> impl Case {
    let bulkhead = BulkheadConfig::default().concurrency(1000);
    let timeout = super::layer(TimeoutLayer::new("bench", TimeoutConfig::default()), inner);
    let breaker = super::layer(
        BreakerLayer::new("bench", BreakerConfig::default()),
        timeout,
    );
    let retry = super::layer(RetryLayer::new("bench", RetryConfig::default()), breaker);
    super::layer(BulkheadLayer::new("bench", bulkhead), retry)
}

pub(crate) fn tower(inner: impl Inner) -> impl Case {
    ServiceBuilder::new()
        .concurrency_limit(1000)
        .retry(super::retry::backing_off())
        .timeout(Duration::from_secs(30))
        .service(inner)
}
