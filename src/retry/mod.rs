//! Repeats calls that failed, within a budget.
//!
//! Use it at **one** place of a call's way, the outermost that knows what a repeat means, for
//! failures that go by on their own: a lost connection, a restart, a short overload.
//!
//! Do **not** use it for what must not run twice (see [replay](#what-is-sent-again)), nor to wait for
//! a service to come back: that is a queue's work. And where every caller of a service retries, the
//! service sees the sum: keep the budget.
//!
//! ```
//! use mainstay::retry::{RetryConfig, RetryLayer, Stop};
//! use mainstay::{Failure, Outcome};
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let by_status = |result: Result<&u16, &BoxError>| match result {
//!     Ok(503) => Outcome::Failure(Failure::overload()),
//!     Ok(400..500) => Outcome::Failure(Failure::permanent()),
//!     Ok(_) => Outcome::Success,
//!     Err(_) => Outcome::Failure(Failure::transient()),
//! };
//! let layer = RetryLayer::new("inventory", RetryConfig::default().attempts(4))?.classify(by_status);
//! let handle = layer.handle();
//!
//! static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
//! let mut service = ServiceBuilder::new().layer(layer).service_fn(|item: u16| async move {
//!     match ATTEMPTS.fetch_add(1, Ordering::Relaxed) {
//!         0 => Err("connection reset".into()),
//!         1 => Ok(503),
//!         _ => Ok::<u16, BoxError>(item),
//!     }
//! });
//!
//! assert_eq!(service.ready().await?.call(200).await?, 200);
//! assert_eq!(handle.snapshot().further_attempts(), 2);
//!
//! assert_eq!(service.ready().await?.call(404).await?, 404); // given back as it came
//! assert_eq!(handle.snapshot().stops(Stop::NotTransient), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What follows a failure
//! A [classifier](crate::Classify) says what a result means. Only a transient failure is repeated.
//! Each of these ends the call with the result in hand, untouched, and is counted under its
//! [name](Stop::label):
//!
//! | In this order | [`Stop`] |
//! |---|---|
//! | a repeat would not cure it | `NotTransient` |
//! | the service said [never](crate::Pushback::Never) | `Pushback` |
//! | it was the last attempt | `Attempts` |
//! | the request has no copy that can be sent | `NotReplayable` |
//! | a repeat is not safe, and the request may have run | `NotSafe` |
//! | the service asked for a wait above `delay_max` | `Pushback` |
//! | the wait would end at the caller's [`Deadline`](crate::Deadline) or past it | `Deadline` |
//! | it would end past `elapsed_max` | `Elapsed` |
//! | the [`budget`] does not pay | `Budget` |
//!
//! So no wait is begun that cannot end in time. A wait that the service asked for
//! ([`After`](crate::Pushback::After)) is kept exactly, without jitter; any other is drawn as
//! [`Jitter`] says, from `base`, or after an overload from `base_overload`.
//!
//! A failed response is dropped before the wait, and so is the attempt that gave it: they may hold a
//! connection. After the wait the service is made ready, for which it has `ready_max`. If that fails
//! ([`Stop::NotReady`]), or time runs out, the call ends with the error of the last attempt, or with
//! a refusal where it had ended with a response. An error of readiness itself ends the call as it is.
//!
//! One thing is changed in what is given back: a refusal that says `Executed::No` of the last attempt,
//! an open circuit's say, says [`Unknown`](crate::Executed::Unknown) when an attempt before it may have
//! run. Read as said of the call, it would be false.
//!
//! # What is sent again
//! [`Replay`] copies requests and says whether a repeat is safe. [`ByClone`], the default, clones and
//! holds everything to be safe: **give a rule of your own where that is not so.** What did not run
//! ([`Executed::No`](crate::Executed::No)) is repeated even when it is not safe. No copy is made for
//! the last attempt.
//!
//! # What the callee sees
//! Each attempt runs under its [`Attempt`](crate::Attempt): its number, how many there can be, and how
//! the one before ended. A retry that finds one of a layer further out hands the call through and
//! leaves the repeating to that one, so three layers of three attempts send three requests and not 27.
//! Each time is counted ([`Stop::Nested`]), and [`Nested::Retry`] turns it off. An outer layer that
//! has one attempt only is no reason to hold back.
//!
//! # Budget
//! Every layer has a [`WindowedBudget`] of its own: extra attempts are at most 20 % of the calls and
//! 10 a second. [Others](budget) can be given, and shared. It is asked before the wait; what was
//! not sent in the end is given back.
//!
//! # Refusals
//! | Kind | Executed | When |
//! |---|---|---|
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `No` | the deadline had passed before the first attempt |
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `Unknown` | it passed before the next could be sent, and the last response is gone |
//! | [`NotReady`](crate::Kind::NotReady) | `Unknown` | the next could not be sent, and the last response is gone: the service did not become ready, `elapsed_max` passed, or the copy was not intact any more |
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`attempts`](RetryConfig::attempts) | 3, the first included | at least 1 |
//! | [`base`](RetryConfig::base) | 50 ms | any |
//! | [`base_overload`](RetryConfig::base_overload) | 1 s | any |
//! | [`factor`](RetryConfig::factor) | 2 | at least 1 |
//! | [`delay_max`](RetryConfig::delay_max) | 20 s | any |
//! | [`jitter`](RetryConfig::jitter) | [`Jitter::Full`] | |
//! | [`elapsed_max`](RetryConfig::elapsed_max) | never | any |
//! | [`ready_max`](RetryConfig::ready_max) | 100 ms | any |
//! | [`nested`](RetryConfig::nested) | [`Nested::PassThrough`] | |
//!
//! Attempts, bases and bound are those of the AWS SDKs' standard mode, revision 2.1.
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="retry"`: calls, not attempts |
//! | `mainstay_retry_attempts_total` | attempts besides the first of each call |
//! | `mainstay_retry_stops_total` | calls not tried again, by `reason`: [`Stop::label`] |
//!
//! [`RetryHandle::snapshot`] reads the latter two. Events: a budget that runs dry, and one that pays
//! again after ten quiet seconds; at debug level, each call that is not tried again, with its reason.
//!
//! # Anti-patterns
//! - **Retrying at every level.** Three levels of three attempts make 27 requests of one. Within a
//!   task, and as far as a request carries its attempt in its extensions, `Nested::PassThrough` holds
//!   it at three. It does not see past a `Buffer` or a spawned task without them, nor across processes:
//!   retry at one level only.
//! - **Retrying what is not idempotent** by `ByClone`. A timeout does not say that nothing happened:
//!   the payment may be made twice.
//! - **No budget** ([`Unlimited`]). When a service fails every call, retries multiply its load by the
//!   number of attempts, and can keep it down after the cause has gone.
//! - **A longer `attempts` for a slower dependency.** What helps after the third attempt is a breaker,
//!   or a queue.
//! - **[`Jitter::None`]** for callers that fail together: they come back together.
//!
//! # In a stack
//! Outside of what each attempt needs afresh (breaker, attempt timeout, trace headers), so that each
//! attempt is admitted, timed and counted on its own; inside of what a call has once (deadline,
//! bulkhead, idempotency key). A bulkhead outside counts the waits as in flight, which is what bounds
//! them.
//!
//! A call that succeeds at once costs a copy of the request, a reference to what the layer shares, and
//! an addition to a counter of the thread's own; it allocates nothing. A call that fails allocates once.
//! Further attempts are sent by clones of a copy of the inner service, which the layer makes when it is
//! put around it, and keeps. One call in 64 of a thread reads the clock for the default budget, and takes its lock if it is free.

mod account;
mod backoff;
pub mod budget;
mod config;
mod ends;
mod future;
mod layer;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
mod policy;
mod record;
mod replay;
mod service;
mod settings;
mod stop;

pub use budget::{
    Budget, ConcurrencyBudget, ConcurrencyConfig, Receipt, ThrottleBudget, ThrottleConfig,
    TokenBudget, TokenConfig, Unlimited, WindowedBudget, WindowedConfig,
};
pub use config::{Jitter, Nested, RetryConfig};
pub use future::ResponseFuture;
pub use layer::{RetryHandle, RetryLayer};
pub use record::RetrySnapshot;
pub use replay::{ByClone, Replay};
pub use service::Retry;
pub use stop::Stop;
