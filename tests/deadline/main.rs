//! Deadlines from hop to hop, from outside: what is read, what is said, and when a call ends.

#![cfg(all(feature = "test-util", feature = "deadline"))]

#[cfg(all(
    feature = "timeout",
    feature = "retry",
    feature = "breaker",
    feature = "bulkhead"
))]
mod chain;
mod client;
mod covers;
mod endings;
#[cfg(feature = "serde")]
mod files;
mod kit;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "grpc")]
mod rpc;
mod server;
mod shares;
#[cfg(all(
    feature = "timeout",
    feature = "retry",
    feature = "breaker",
    feature = "bulkhead"
))]
mod stacks;
mod trust;
#[cfg(feature = "http")]
mod web;

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
