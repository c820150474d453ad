//! The layer by which the leader alone serves, from outside.

#![cfg(all(feature = "test-util", feature = "coordination"))]

mod admission;
#[cfg(feature = "grpc")]
#[path = "../grpc/connection.rs"]
mod connection;
mod elected;
#[cfg(feature = "serde")]
mod files;
mod kit;
mod loss;
#[cfg(feature = "metrics")]
mod metrics;
mod page;
mod readiness;
#[cfg(feature = "grpc")]
mod rpc;
#[cfg(all(feature = "http", feature = "idempotency"))]
mod stacks;
#[cfg(feature = "grpc")]
#[expect(dead_code, reason = "a server alone needs no more")]
#[path = "../../examples/tonic_kit/mod.rs"]
mod tonic_kit;
#[cfg(feature = "http")]
mod web;

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const NS: Duration = Duration::from_nanos(1);
