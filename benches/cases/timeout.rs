//! A limit of 30 s over a service that answers at once.

use std::time::Duration;

use ::mainstay::timeout::{TimeoutConfig, TimeoutLayer};

use super::{Answer, Case};

pub(crate) fn mainstay() -> impl Case {
    super::layer(TimeoutLayer::new("bench", TimeoutConfig::default()), Answer)
}

pub(crate) fn tower() -> impl Case {
    ::tower::timeout::Timeout::new(Answer, Duration::from_secs(30))
}
