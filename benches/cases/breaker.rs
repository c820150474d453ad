//! Closed and open; tower has none.

use std::num::NonZeroU32;

use ::mainstay::breaker::{BreakerConfig, BreakerLayer, Window};

use super::{Case, Inner};

pub(crate) fn mainstay_time_window(inner: impl Inner) -> impl Case {
    super::layer(BreakerLayer::new("bench", BreakerConfig::default()), inner)
}

pub(crate) fn mainstay_count_window(inner: impl Inner) -> impl Case {
    let config = BreakerConfig::default().window(Window::Count { calls: 100 });
    super::layer(BreakerLayer::new("bench", config), inner)
}

pub(crate) fn mainstay_consecutive(inner: impl Inner) -> impl Case {
    let config = BreakerConfig::default()
        .failure_ratio(None)
        .consecutive_failures(NonZeroU32::new(5));
    super::layer(BreakerLayer::new("bench", config), inner)
}

/// Refuses every call.
pub(crate) fn mainstay_open(inner: impl Inner) -> impl Case {
    let layer = BreakerLayer::new("bench", BreakerConfig::default()).expect("settings in range");
    layer.handle().force_open();
    ::tower::Layer::layer(&layer, inner)
}
