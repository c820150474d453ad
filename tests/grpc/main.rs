//! The patterns set up for gRPC, over answers made by hand and over tonic, on a paused clock.
#![cfg(all(feature = "grpc", feature = "timeout", feature = "retry"))]
#![cfg(all(feature = "breaker", feature = "bulkhead", feature = "metrics"))]
#![cfg(feature = "deadline")]

mod bulkhead;
mod connection;
mod kit;
mod refusals;
mod retry;
mod streams;
#[path = "../../examples/tonic_kit/mod.rs"]
mod tonic_kit;
mod tonic_stack;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
