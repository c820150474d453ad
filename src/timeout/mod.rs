//! Ends calls that take too long.
//!
//! Use it around every call that leaves the process, directly above the transport. Set the limit
//! from the latency you observe, at the percentile of false timeouts you accept (p99.9 for one in a
//! thousand), and below the caller's own.
//!
//! Do **not** use it to bound a whole stack with retries in it: give the call a
//! [`Deadline`](crate::Deadline), which every layer honours. And it covers the response's head
//! only: a body that stalls after the head has come is not its concern.
//!
//! ```
//! use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
//! use mainstay::{Executed, Kind, StackError};
//! use std::time::Duration;
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let limit = TimeoutConfig::default().limit(Duration::from_millis(200));
//! let mut service = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new("search", limit)?)
//!     .service_fn(|millis: u64| async move {
//!         tokio::time::sleep(Duration::from_millis(millis)).await;
//!         Ok::<_, BoxError>(millis)
//!     });
//!
//! assert_eq!(service.ready().await?.call(199).await?, 199);
//!
//! let error = service.ready().await?.call(60_000).await.unwrap_err();
//! let refusal = error.rejection().expect("the layer ended the call");
//! assert_eq!(refusal.kind(), Kind::Timeout);
//! assert_eq!(refusal.executed(), Executed::Unknown); // it may have run all the same
//! # Ok(())
//! # }
//! ```
//!
//! # When the time runs
//! The limit runs from the first time the inner future is not ready: a call that is answered at once
//! costs no timer, no clock read, no lock and no allocation. A [`Deadline`](crate::Deadline) that
//! comes sooner replaces the limit, and one that has passed already refuses the call before the
//! inner service sees it. Readiness is not timed.
//!
//! A response that is ready in the same poll in which the limit passes wins. On expiry the inner
//! future is dropped before the refusal is returned. A panic in the inner service unwinds through.
//!
//! # Refusals
//! | Kind | Executed | When |
//! |---|---|---|
//! | [`Timeout`](crate::Kind::Timeout) | `Unknown` | the limit passed |
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `Unknown` | the caller's deadline passed while the call ran |
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `No` | it had passed before the call |
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`limit`](TimeoutConfig::limit) | 30 s | above zero; [`Duration::MAX`](std::time::Duration::MAX) is never |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="timeout"` |
//! | `mainstay_timeout_pending` | gauge: calls that wait with a timer running |
//!
//! # In a stack
//! Innermost of the layers that decide, so that each attempt of a retry has its own limit and a
//! breaker sees the timeouts as failures.

mod config;
mod future;
mod layer;
mod limit;
mod policy;
mod service;

pub use config::TimeoutConfig;
pub use future::ResponseFuture;
pub use layer::{TimeoutHandle, TimeoutLayer};
pub use limit::{Fixed, Limit};
pub use service::Timeout;
