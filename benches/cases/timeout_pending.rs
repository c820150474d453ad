//! A limit of 30 s over a service that pends once, so that the timer is armed and dropped.

use std::time::Duration;

use ::mainstay::timeout::{TimeoutConfig, TimeoutLayer};

use super::{AnswerLater, Case};

pub(crate) fn mainstay() -> impl Case {
    super::layer(
        TimeoutLayer::new("bench", TimeoutConfig::default()),
        AnswerLater,
    )
}

pub(crate) fn tower() -> impl Case {
    ::tower::timeout::Timeout::new(AnswerLater, Duration::from_secs(30))
}
