//! Layers upon layers, outermost first: trace, bulkhead, retry, breaker, timeout.

use std::time::Duration;

use super::layers;
use crate::subject::{Http, Inner, Request};

const LIMIT: Duration = Duration::from_secs(30);
const WINDOW: Duration = Duration::from_secs(10);

pub fn four<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let breaker = layers::breaker_of_calls(layers::timeout(inner, LIMIT), 100);
    layers::bulkhead(layers::retry(breaker), 1000)
}

pub fn four_by_time<Q: Request>(inner: impl Inner<Q>) -> impl Inner<Q> {
    let breaker = layers::breaker_of_time(layers::timeout(inner, LIMIT), WINDOW);
    layers::bulkhead(layers::retry(breaker), 1000)
}

pub fn five(inner: impl Inner<Http>) -> impl Inner<Http> {
    layers::trace_both(four(inner))
}
