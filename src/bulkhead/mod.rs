//! Bounds how many calls are in flight, and how many wait.
//!
//! Use it in front of every dependency that can become slow, one for each: a caller that keeps waiting
//! on one slow dependency otherwise ends up with all its memory, connections and tasks there. Use it on
//! a server in front of what it can do only so much of at once.
//!
//! Do **not** use it to limit calls per second: calls in flight are what it counts, however long each
//! takes. And it does not end a call that hangs: that is [`timeout`](crate::timeout)'s, and every
//! permit needs one below it.
//!
//! ```
//! use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
//! use mainstay::{Executed, Kind, StackError};
//! use std::time::Duration;
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let ledger = BulkheadLayer::new("ledger", BulkheadConfig::default().concurrency(1).queue(1))?;
//! let handle = ledger.handle();
//! let mut service = ServiceBuilder::new().layer(ledger).service_fn(|n: u32| async move {
//!     tokio::time::sleep(Duration::from_millis(100)).await;
//!     Ok::<_, BoxError>(n)
//! });
//!
//! let runs = service.ready().await?.call(1);
//! let waits = service.ready().await?.call(2);
//! let error = service.ready().await?.call(3).await.unwrap_err();
//! let refusal = error.rejection().expect("there is no room");
//! assert_eq!(refusal.kind(), Kind::BulkheadFull);
//! assert_eq!(refusal.executed(), Executed::No); // another replica may be tried at once
//! assert_eq!(refusal.retry_after(), Some(Duration::from_secs(1)));
//!
//! assert_eq!((handle.in_flight(), handle.waiting()), (1, 1));
//! let (first, second) = tokio::join!(runs, waits);
//! assert_eq!((first?, second?), (1, 2));
//! assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # Permits
//! A call takes its permit in `call`; a clone that is ready and idle holds none. The permit is given
//! back when the inner service has answered and its future is dropped, when the call is dropped, and
//! when it panics. A [`Hold`] can keep it longer: with the `http` feature, until the response's body
//! has ended.
//!
//! A permit that is given back while somebody waits goes to the next in [order](Order), never to one
//! who comes: in that it is fair. Handed to a call that is dropped before it runs, it goes on to the
//! next. A future that is kept but not polled keeps what it has, its permit included.
//!
//! # Waiting
//! The queue is bounded in number and in time, and the wait ends at the caller's
//! [`Deadline`](crate::Deadline) when that comes first. A permit that comes in the same poll as the end
//! of the longest time is taken. One that comes after the deadline goes on to the next: nobody waits
//! for the answer. Nothing about a wait costs more when more calls wait.
//!
//! # Readiness
//! The bulkhead is ready at all times. It asks its inner service in `call`, once the call has its
//! permit, so that neither idle clones nor calls that wait reserve anything below; a load balancer
//! above it therefore sees no back-pressure, but refusals. A service that is ready on the spot is
//! called on the spot, without being cloned. For one that is not, the response's future waits: with
//! its permit, since that call too is one the caller has in flight, and until the caller's deadline:
//! a service that becomes ready only then is not called. An error of the inner service's readiness
//! comes out of the future.
//!
//! # Refusals
//! | Kind | Executed | When | Says |
//! |---|---|---|---|
//! | [`BulkheadFull`](crate::Kind::BulkheadFull) | `No` | no permit is free and the queue is full | when to come back |
//! | [`QueueTimeout`](crate::Kind::QueueTimeout) | `No` | no permit came in the longest time | when to come back |
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `No` | the deadline passed before the inner service was called | the limit and the time gone by |
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`concurrency`](BulkheadConfig::concurrency) | 25 | at least 1 |
//! | [`queue`](BulkheadConfig::queue) | 0: refuse at once | any |
//! | [`wait_max`](BulkheadConfig::wait_max) | 1 s | above zero; [`Duration::MAX`](std::time::Duration::MAX) is never, with FIFO only |
//! | [`order`](BulkheadConfig::order) | [`Order::Fifo`] | |
//! | [`retry_hint`](BulkheadConfig::retry_hint) | 1 s | above zero |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="bulkhead"` |
//! | `mainstay_bulkhead_in_flight` | gauge: calls that hold a permit, but for those that count as waiting |
//! | `mainstay_bulkhead_waiting` | gauge: calls in the queue, and those that were handed a permit and have not run since |
//! | `mainstay_bulkhead_wait_seconds` | histogram: time in the queue, until a permit or a refusal, of the calls that were in it |
//!
//! # Anti-patterns
//! - One bulkhead around two dependencies: the slow one takes the permits of the other.
//! - A large queue: it turns overload into latency. What waits longer than the caller does is work
//!   for nobody. A queue is for bursts, a fraction of the concurrency long.
//! - A limit that was never reached in a test: it bounds nothing. Set it from what the dependency
//!   answers well at, or a little above the highest number in flight that is observed in good times.
//!
//! # In a stack
//! Outside the retry, so that a call takes one permit for all its attempts, and inside the overall
//! deadline, from which the wait is derived.

mod config;
mod future;
mod gate;
mod hold;
mod layer;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
#[cfg(all(test, not(mainstay_loom)))]
mod model_tests;
mod permit;
mod policy;
mod semaphore;
mod service;
mod waiters;

pub use config::{BulkheadConfig, Order};
pub use future::ResponseFuture;
pub use hold::{Hold, UntilResponse};
pub use layer::{BulkheadHandle, BulkheadLayer, BulkheadSnapshot};
pub use permit::Permit;
pub use service::Bulkhead;
