//! Over a service that answers at once, closed and open; tower has none.

use std::num::NonZeroU32;

use ::mainstay::breaker::{BreakerConfig, BreakerLayer, Window};

use super::{Answer, Case};

pub(crate) fn mainstay_time_window() -> impl Case {
    super::layer(BreakerLayer::new("bench", BreakerConfig::default()), Answer)
}

pub(crate) fn mainstay_count_window() -> impl Case {
    let config = BreakerConfig::default().window(Window::Count { calls: 100 });
    super::layer(BreakerLayer::new("bench", config), Answer)
}

pub(crate) fn mainstay_consecutive() -> impl Case {
    let config = BreakerConfig::default()
        .failure_ratio(None)
        .consecutive_failures(NonZeroU32::new(5));
    super::layer(BreakerLayer::new("bench", config), Answer)
}

/// Refuses every call.
pub(crate) fn mainstay_open() -> impl Case {
    let layer = BreakerLayer::new("bench", BreakerConfig::default()).expect("settings in range");
    layer.handle().force_open();
    ::tower::Layer::layer(&layer, Answer)
}
