//! A limit of 30 s.

use std::time::Duration;

use ::mainstay::timeout::{TimeoutConfig, TimeoutLayer};

use super::{Case, Inner};

pub(crate) fn mainstay(inner: impl Inner) -> impl Case {
    super::layer(TimeoutLayer::new("bench", TimeoutConfig::default()), inner)
}

pub(crate) fn tower(inner: impl Inner) -> impl Case {
    ::tower::timeout::Timeout::new(inner, Duration::from_secs(30))
}
