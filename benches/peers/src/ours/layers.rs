//! Each layer with the settings of its row.

use std::num::NonZeroU32;
use std::time::Duration;

use tower::Layer;

use super::subject::Ratio;
use super::subject::breaker::{BreakerConfig, BreakerLayer, Window};
use super::subject::bulkhead::{BulkheadConfig, BulkheadLayer};
use super::subject::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use super::subject::retry::{RetryConfig, RetryLayer};
use super::subject::timeout::{TimeoutConfig, TimeoutLayer};
use super::subject::trace::{TraceClientLayer, TraceContext, TraceServerLayer};
use crate::subject::{Call, Http, Inner, Request};

pub fn timeout<Q: Request>(inner: impl Inner<Q>, limit: Duration) -> impl Inner<Q> {
    let layer = TimeoutLayer::new("bench", TimeoutConfig::default().limit(limit));
    layer.expect("settings in range").layer(inner)
}

pub fn retry<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let config = RetryConfig::default().attempts(3);
    let layer = RetryLayer::new("bench", config.base(Duration::from_millis(10)));
    layer.expect("settings in range").layer(inner)
}

pub fn breaker_layer(config: BreakerConfig) -> BreakerLayer {
    let config = config.open_base(Duration::from_secs(3600));
    let config = config.open_max(Duration::from_secs(3600));
    BreakerLayer::new("bench", config).expect("settings in range")
}

fn half_of(window: Window) -> BreakerConfig {
    let config = BreakerConfig::default().window(window).volume_min(100);
    config.failure_ratio(Ratio::new(0.5).expect("a half is a ratio"))
}

pub fn breaker_of_calls<Q: Request>(inner: impl Inner<Q>, calls: u32) -> impl Inner<Q> {
    breaker_layer(half_of(Window::Count { calls })).layer(inner)
}

pub fn breaker_of_time<Q: Request>(inner: impl Inner<Q>, length: Duration) -> impl Inner<Q> {
    let window = Window::Time {
        length,
        buckets: 10,
    };
    breaker_layer(half_of(window)).layer(inner)
}

pub fn breaker_in_a_row<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let config = BreakerConfig::default().failure_ratio(None);
    breaker_layer(config.consecutive_failures(NonZeroU32::new(5))).layer(inner)
}

/// With the flat error, which holds a refusal as it is; a boxed error has to allocate for it.
pub fn breaker_of_flat_errors(inner: impl Inner<u64>, length: Duration) -> impl Call<u64> {
    let window = Window::Time {
        length,
        buckets: 10,
    };
    breaker_layer(half_of(window)).layer(super::subject::error::layer().layer(inner))
}

pub fn bulkhead<Q: Request>(inner: impl Inner<Q>, concurrency: u32) -> impl Inner<Q> {
    let config = BulkheadConfig::default().concurrency(concurrency);
    let layer = BulkheadLayer::new("bench", config);
    layer.expect("settings in range").layer(inner)
}

/// Takes up the trace of a request, and goes on with a span of its own.
pub fn trace_both(inner: impl Inner<Http>) -> impl Inner<Http> {
    TraceServerLayer::new("server").layer(trace_client(inner))
}

pub fn trace_client(inner: impl Inner<Http>) -> impl Inner<Http> {
    TraceClientLayer::new("client").layer(inner)
}

/// The same, and nothing is attached to the request.
pub fn trace_current(inner: impl Inner<Http>) -> impl Inner<Http> {
    let server = TraceServerLayer::new("server").attach(false);
    server.layer(trace_client(inner))
}

/// The same by values, without a layer.
pub fn trace_values(request: &mut Http) {
    if let Some(context) = TraceContext::extract(request.headers()) {
        let child = context.child(&super::subject::Rng::thread());
        child.inject(request.headers_mut());
    }
}

pub fn deadline_server(inner: impl Inner<Http>) -> impl Inner<Http> {
    let layer = DeadlineServerLayer::new("server", DeadlineServerConfig::default());
    layer.expect("settings in range").layer(inner)
}

pub fn deadline_both(inner: impl Inner<Http>) -> impl Inner<Http> {
    let client = DeadlineClientLayer::new("client", DeadlineClientConfig::default());
    deadline_server(client.expect("settings in range").layer(inner))
}
