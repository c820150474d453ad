//! Closed over a service that answers at once; tower has none.

use tower::Service;

use ::mainstay::breaker::{BreakerConfig, BreakerLayer};

use super::Answer;

pub fn mainstay_time_window() -> impl Service<u64, Response = u64> {
    super::layer(BreakerLayer::new("bench", BreakerConfig::default()), Answer)
}

pub fn mainstay_count_window() -> impl Service<u64, Response = u64> {
    todo!()
}
