//! Layers for [`tower`] services that keep working while what they depend on is slow, failing or
//! overloaded.
//!
//! | Module | What it does |
//! |---|---|
//! | [`timeout`] | ends a call that takes longer than its limit or its deadline |
//! | [`retry`] | repeats what failed in passing, within a budget and the deadline |
//! | [`breaker`] | stops calling what keeps failing, and probes whether it works again |
//! | [`bulkhead`] | bounds how many calls are in flight, and how many wait |
//! | [`trace`] | carries the trace context of W3C from hop to hop |
//! | [`deadline`] | carries the time that is left from hop to hop |
//! | `idempotency` | runs a request once and answers its repeats, by the feature `idempotency` |
//! | `coordination` | the parts of a leader lock that decide, by the feature `coordination` |
//! | [`http`] | reads statuses, methods, `Retry-After` and bodies for them; answers refusals |
//! | `grpc` | does the same for gRPC, by the feature `grpc` |
//! | [`error`], [`classify`], [`context`], [`telemetry`] | what they all share |
//! | `test_util` | for those who write layers, by the feature `test-util` |
//!
//! ```
//! use mainstay::breaker::{BreakerConfig, BreakerLayer};
//! use mainstay::retry::{RetryConfig, RetryLayer};
//! use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
//! use mainstay::{Attempt, Kind, StackError};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let mut service = ServiceBuilder::new()
//!     .layer(RetryLayer::new("stock", RetryConfig::default())?)
//!     .layer(BreakerLayer::new("stock", BreakerConfig::default())?)
//!     .layer(TimeoutLayer::new("stock", TimeoutConfig::default())?)
//!     .service_fn(|answers: bool| async move {
//!         match Attempt::current() {
//!             Some(attempt) if attempt.number() == 1 => Err(BoxError::from("lost on the way")),
//!             _ if answers => Ok("in stock"),
//!             _ => std::future::pending().await,
//!         }
//!     });
//!
//! assert_eq!(service.ready().await?.call(true).await?, "in stock"); // by the second attempt
//!
//! let error = service.ready().await?.call(false).await.unwrap_err();
//! let refusal = error.rejection().expect("the last attempt did not answer");
//! assert_eq!(refusal.kind(), Kind::Timeout);
//! # Ok(())
//! # }
//! ```
//!
//! # How layers fit together
//! The error type does not change along a stack: every layer asks of it only that it can hold a
//! [`Rejection`] (see [`StackError`]). [`tower::BoxError`] can; [`error::layer()`], innermost, makes
//! any other error able to.
//!
//! For a client, outermost first: bulkhead, retry, breaker, timeout, `error::layer()`. For a server:
//! `http::RespondLayer`, bulkhead, timeout, `error::layer()`. The README says why.
//!
//! The services made by one layer value share its state, so make one layer for each dependency and
//! clone the service for each call.
//!
//! Layers run on tokio's clock, and on no other.

// What the ground offers and no compiled-in pattern uses is not dead; with every feature on, it is.
#![cfg_attr(
    not(feature = "full"),
    allow(dead_code, unused_imports, reason = "a part of the whole")
)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing
)]
#![warn(clippy::panic, clippy::string_slice, clippy::unwrap_used)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test may panic"
    )
)]

pub mod classify;
pub mod context;
pub mod error;
mod name;
mod ratio;
mod rng;
mod sync;
pub mod telemetry;
mod time;
mod timer;

#[cfg(feature = "breaker")]
pub mod breaker;
#[cfg(feature = "bulkhead")]
pub mod bulkhead;
#[cfg(feature = "coordination")]
pub mod coordination;
#[cfg(feature = "deadline")]
pub mod deadline;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "idempotency")]
pub mod idempotency;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg(feature = "test-util")]
pub mod test_util;
#[cfg(feature = "timeout")]
pub mod timeout;
#[cfg(feature = "trace")]
pub mod trace;

pub use classify::{Classify, Failure, Outcome, Pushback};
pub use context::{Attempt, Deadline};
pub use error::{ConfigError, Error, Executed, Kind, Rejection, StackError};
pub use name::Name;
pub use ratio::Ratio;
pub use rng::Rng;

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
