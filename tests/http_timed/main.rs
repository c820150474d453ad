//! Bodies under limits, from outside: when they are cut, by what, and what is left of them.

#![cfg(all(feature = "test-util", feature = "http", feature = "metrics"))]
#![cfg(all(feature = "bulkhead", feature = "deadline", feature = "timeout"))]

mod cover;
mod endings;
#[cfg(feature = "grpc")]
mod grpc;
mod kit;
mod layer;
mod limits;
mod metrics;
mod model;
mod passes;
mod sockets;
