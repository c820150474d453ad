//! Over a service that answers at once, closed and open; tower has none.

use tower::Service;

use ::mainstay::breaker::{BreakerConfig, BreakerLayer, Window};

use super::Answer;

pub fn mainstay_time_window() -> impl Service<u64, Response = u64> {
    super::layer(BreakerLayer::new("bench", BreakerConfig::default()), Answer)
}

pub fn mainstay_count_window() -> impl Service<u64, Response = u64> {
    let config = BreakerConfig::default().window(Window::Count { calls: 100 });
    super::layer(BreakerLayer::new("bench", config), Answer)
}

/// Refuses every call.
pub fn mainstay_open() -> impl Service<u64, Response = u64> {
    let layer = BreakerLayer::new("bench", BreakerConfig::default()).expect("settings in range");
    layer.handle().force_open();
    ::tower::Layer::layer(&layer, Answer)
}
