//! A limit of 30 s over a service that answers at once.

use std::time::Duration;

use tower::Service;

use ::mainstay::timeout::{TimeoutConfig, TimeoutLayer};

use super::Answer;

pub fn mainstay() -> impl Service<u64, Response = u64> {
    super::layer(TimeoutLayer::new("bench", TimeoutConfig::default()), Answer)
}

pub fn tower() -> impl Service<u64, Response = u64> {
    ::tower::timeout::Timeout::new(Answer, Duration::from_secs(30))
}
