//! The crates of tower-resilience, without metrics and events: its cheapest build.

use std::time::Duration;

use tower::Layer;
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::cache::{CacheLayer, EvictionPolicy};
use tower_resilience::circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};
use tower_resilience::retry::{ExponentialRandomBackoff, RetryLayer};
use tower_resilience::timelimiter::TimeLimiterLayer;

use crate::peers::stores::KEYS;
use crate::subject::{Call, Inner, Request};

const HOUR: Duration = Duration::from_secs(3600);

pub fn timeout<Q: Request, S: Call<Q>>(inner: S, limit: Duration) -> impl Call<Q> {
    let layer = TimeLimiterLayer::builder().timeout_duration(limit);
    layer.name("bench").build().layer(inner)
}

pub fn retry<Q: Request, S: Call<Q>>(inner: S) -> impl Call<Q> {
    let backoff = ExponentialRandomBackoff::new(Duration::from_millis(10), 0.5);
    let layer = RetryLayer::<Q, Q::Answer, S::Error>::builder()
        .max_attempts(3)
        .backoff(backoff.expect("settings in range"));
    layer.name("bench").build().layer(inner)
}

pub fn breaker_of_calls<Q: Request, S: Call<Q>>(inner: S, calls: usize) -> impl Call<Q> {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(calls)
        .minimum_number_of_calls(100)
        .wait_duration_in_open(HOUR)
        .name("bench");
    layer.build().expect("settings in range").layer(inner)
}

pub fn breaker_of_time<Q: Request, S: Call<Q>>(inner: S, length: Duration) -> impl Call<Q> {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(length)
        .minimum_number_of_calls(100)
        .wait_duration_in_open(HOUR)
        .name("bench");
    layer.build().expect("settings in range").layer(inner)
}

pub fn breaker_in_a_row<Q: Request, S: Call<Q>>(inner: S) -> impl Call<Q> {
    let layer = CircuitBreakerLayer::builder()
        .consecutive_failures(5)
        .wait_duration_in_open(HOUR)
        .name("bench");
    layer.build().expect("settings in range").layer(inner)
}

pub fn bulkhead<Q: Request, S: Call<Q>>(inner: S, most: usize) -> impl Call<Q> {
    let layer = BulkheadLayer::builder().max_concurrent_calls(most);
    let layer = layer.reject_when_full().name("bench").build();
    layer.expect("settings in range").layer(inner)
}

/// Bulkhead, retry, breaker, timeout.
pub fn stack<Q: Request>(inner: impl Inner<Q>) -> impl Call<Q> {
    let breaker = breaker_of_calls(timeout(inner, Duration::from_secs(30)), 100);
    bulkhead(retry(breaker), 1000)
}

pub fn cache(inner: impl Inner<u64>) -> impl Call<u64> {
    let layer = CacheLayer::builder()
        .max_size(KEYS as usize)
        .ttl(HOUR)
        .eviction_policy(EvictionPolicy::Lru)
        .key_extractor(|number: &u64| *number);
    let layer = layer.name("bench").build().expect("settings in range");
    layer.layer(inner)
}
