//! The gate before a service, from outside: who comes in, when, what is held, and what is answered.

#![cfg(all(feature = "test-util", feature = "coordination", feature = "http"))]

mod admission;
#[cfg(feature = "grpc")]
mod answers;
#[cfg(feature = "tracing")]
#[path = "../breaker/capture.rs"]
mod capture;
mod endings;
#[cfg(feature = "tracing")]
mod events;
mod kit;
#[cfg(feature = "metrics")]
mod metrics;
mod terms;
