//! A limit of 30 s over a service that pends once, so that the timer is armed and dropped.

use std::time::Duration;

use tower::Service;

use ::mainstay::timeout::{TimeoutConfig, TimeoutLayer};

use super::AnswerLater;

pub fn mainstay() -> impl Service<u64, Response = u64> {
    super::layer(
        TimeoutLayer::new("bench", TimeoutConfig::default()),
        AnswerLater,
    )
}

pub fn tower() -> impl Service<u64, Response = u64> {
    ::tower::timeout::Timeout::new(AnswerLater, Duration::from_secs(30))
}
