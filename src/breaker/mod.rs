//! Refuses calls while the service behind it fails, so that nobody waits for it and it can recover.
//!
//! Use it around every dependency that can fail as a whole: one layer value for each, so that each
//! has its own circuit. It spares callers the wait for an answer that will not come, and the
//! dependency the calls that keep it down.
//!
//! Do **not** put one circuit in front of many independent things: failures of one tenant, shard or
//! host would refuse calls to all. And do not use it to bound load that the service merely cannot
//! take; that is a bulkhead's.
//!
//! ```
//! use mainstay::breaker::{BreakerConfig, BreakerLayer, State};
//! use mainstay::{Executed, Kind, Ratio, StackError};
//! use std::time::Duration;
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let config = BreakerConfig::default().volume_min(4).jitter(Ratio::ZERO);
//! let layer = BreakerLayer::new("payments", config)?;
//! let circuit = layer.handle();
//! let mut service = ServiceBuilder::new()
//!     .layer(layer)
//!     .service_fn(|works: bool| async move {
//!         if works { Ok::<_, BoxError>("paid") } else { Err("down".into()) }
//!     });
//!
//! for _ in 0..4 {
//!     assert!(service.ready().await?.call(false).await.is_err());
//! }
//! let error = service.ready().await?.call(true).await.unwrap_err();
//! let refusal = error.rejection().expect("the circuit is open");
//! assert_eq!(refusal.kind(), Kind::CircuitOpen);
//! assert_eq!(refusal.executed(), Executed::No); // a repeat is safe
//! assert_eq!(refusal.retry_after(), Some(Duration::from_secs(5)));
//!
//! tokio::time::sleep(Duration::from_secs(5)).await;
//! for _ in 0..3 {
//!     assert_eq!(service.ready().await?.call(true).await?, "paid"); // probes
//! }
//! assert_eq!(circuit.state(), State::Closed);
//! # Ok(())
//! # }
//! ```
//!
//! # States
//! ```text
//!                a ratio at the smallest volume, failures in a row, or pushback
//!        +--------+ ------------------------------------------------> +------+
//!   +--> | closed |                                                   | open | <-- open_for
//!   |    +--------+            n - k + 1 probes failed,               +------+
//!   |      ^                   or one was pushed back                  ^   |
//! reset    | k of n probes     +---------------------------------------+   | the open time has
//!   |      | succeeded         |                                           | passed, and a call
//!   |      |               +-----------+                                   | asks: the first probe
//!   |      +---------------| half open | <---------------------------------+
//!   |                      +-----------+
//!   |    +-------------+                 +----------+
//!   +--- | forced open | <-- force_open  | disabled | <-- disable
//!   |    +-------------+                 +----------+
//!   +--------------------------------------+
//! ```
//! The handle's methods work from every state.
//!
//! **Closed.** Results go into the window. After a failed or slow call, and only then, the ratios of
//! the window are compared with the limits, so a success never opens the circuit; and in a window by
//! time, the part that is filling counts as well as the full ones. What the classifier calls
//! [`Outcome::Ignored`](crate::Outcome::Ignored), such as a refusal of a layer further in, counts
//! neither way.
//!
//! **Open.** Calls are refused for `min(open_base · 2^f, open_max)` less the jitter, where `f` is the
//! number of probations that have failed since the circuit was closed. A failure that asks callers to
//! come back later opens the circuit for exactly as long as it asks, at most `open_max`, whatever the
//! window holds; after a failed probation, for no less than the doubled time. See [`OnPushback`].
//!
//! **Half open.** `probes` calls are admitted in all, counting those in flight and those that have
//! ended. A probe that is dropped, or whose outcome is ignored, gives its place back. One that has not
//! ended when its lease does has failed. So neither hung nor dropped probes can keep the circuit half
//! open and shut.
//!
//! **Closed again.** With a [`ramp`](BreakerConfig::ramp), a share of calls is admitted that grows to
//! all, so that what has just recovered is not hit by everything at once.
//!
//! # Late results
//! Every change of state begins a new *epoch*, and every call remembers the one it was admitted in. A
//! result from another epoch changes nothing and is counted as stale: a call from before the circuit
//! opened can neither close it nor open it again.
//!
//! # Calls that are given up
//! A call that is dropped counts as [`Cancelled`] says: by default as nothing, since its caller may
//! have had reasons of its own. So does one that a layer below ended while it ran because the caller's
//! [`Deadline`](crate::Deadline) passed. A timeout *inside* the breaker (below it in the stack) is a failure.
//! A call is accounted from before the inner service sees it, so one that is never polled counts too.
//!
//! A panic in the inner service unwinds through and counts as a failure: whatever caused it, the call
//! did not succeed. A call that is dropped because its caller panics was given up.
//!
//! # When a call is settled
//! With its response, by default ([`AtResponse`]). Where a failure can come after the response's head, as in gRPC's
//! trailers, [`settle`](BreakerLayer::settle) takes a strategy that keeps the call [`Unsettled`] for
//! as long. All else holds as before: the result counts in the epoch that the call was admitted in, a
//! probe keeps its place until then or until its lease ends, and what is dropped unsettled was given
//! up. How long the call took is the time until its response, so a long stream is not a slow call.
//!
//! # Readiness
//! An open circuit is ready, to refuse: it neither asks the inner service for readiness nor keeps any.
//! If an instance was made ready (or waits for that) and its call is refused after all, a clone takes
//! the inner service's place, so that a permit or a place in a queue is given back; hence the inner
//! service must be `Clone`, and a service that is not can be put behind `tower::buffer`. An instance
//! that was ready to refuse refuses its next call, also when the circuit has closed in the meantime:
//! the inner service was not asked. One that waits for the inner service's readiness is woken when the
//! circuit opens. Once the open time is over the inner service is asked again, and while it is not
//! ready, neither is the circuit. An instance that was made ready and is then left alone keeps the readiness, as with
//! any other layer. An error of the inner `poll_ready` passes through and is not counted.
//!
//! For load balancers, [`not_ready_while_open`](BreakerLayer::not_ready_while_open) makes services
//! that are not ready instead, and wakes those that wait.
//!
//! # Refusals
//! | Kind | Executed | When |
//! |---|---|---|
//! | [`CircuitOpen`](crate::Kind::CircuitOpen) | `No` | the circuit is open; `retry_after` is the time that was left when the instance was found ready to refuse, or is left now if it has opened anew since |
//! | | `No` | all probes are taken; `retry_after` is the time until the first lease ends |
//! | | `No` | the ramp refuses its share; `retry_after` is the time until it ends |
//! | | `No` | it is forced open, or open until someone says otherwise; no `retry_after` |
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `No` | the caller's deadline had passed; the circuit was not asked |
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`window`](BreakerConfig::window) | 10 s in 10 buckets | from 1 ms, 1 to 120 buckets; or 1 to 100 000 calls |
//! | [`volume_min`](BreakerConfig::volume_min) | 20 | from 1, at most the calls of a window by count |
//! | [`failure_ratio`](BreakerConfig::failure_ratio) | 50 % | above 0, or off |
//! | [`slow_ratio`](BreakerConfig::slow_ratio) | off | above 0 |
//! | [`slow_duration`](BreakerConfig::slow_duration) | 5 s | above zero |
//! | [`consecutive_failures`](BreakerConfig::consecutive_failures) | off | 1 to 16 777 215 |
//! | [`open_base`](BreakerConfig::open_base) | 5 s | above zero |
//! | [`open_max`](BreakerConfig::open_max) | 5 min | from `open_base` |
//! | [`jitter`](BreakerConfig::jitter) | 10 % | any share |
//! | [`pushback`](BreakerConfig::pushback) | [`Trip`](OnPushback::Trip) | |
//! | [`probes`](BreakerConfig::probes) | 5 | 1 to 64 |
//! | [`probe_successes`](BreakerConfig::probe_successes) | 3 | 1 to `probes` |
//! | [`probe_lease`](BreakerConfig::probe_lease) | 30 s | above zero |
//! | [`ramp`](BreakerConfig::ramp) | off | above zero; [`Duration::MAX`](std::time::Duration::MAX) is never, with a floor only |
//! | [`ramp_floor`](BreakerConfig::ramp_floor) | 10 % | any share |
//! | [`cancelled`](BreakerConfig::cancelled) | [`Ignore`](Cancelled::Ignore) | |
//!
//! [`Duration::MAX`](std::time::Duration::MAX) is never, everywhere. The lease is as long as the
//! default timeout: what a timeout inside the breaker would have ended has ended by then.
//!
//! # Cost
//! A call of a closed circuit loads one word to be admitted, and holds the circuit by a count of its
//! thread's stripe. Its success takes no lock. In a window by time it is one clock read and one exchange on
//! a word of the stripe; in one by count it is one exchange at most, and only a load while the window holds
//! nothing but successes; to end a row of failures is a load where there are none. What fails, is slow or
//! is a probe takes locks, and where calls can be slow or age, each reads the clock twice. Nothing is
//! allocated. The window's memory is fixed when the layer is made or reconfigured: 24 bytes a bucket and
//! stripe (at most 16 stripes), or 2 bits a call.
//!
//! A refusal of an open circuit reads the clock once, when the instance is found ready to refuse. It
//! allocates nothing where the stack's error holds it as it is, as [`mainstay::Error`](crate::Error)
//! does; a boxed error ([`tower::BoxError`]) is one allocation.
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="breaker"` |
//! | `mainstay_breaker_state{state}` | gauge: 1 for the state the circuit is in, 0 for the others |
//! | `mainstay_breaker_transitions_total{to}` | changes of state, by the state that began |
//! | `mainstay_breaker_stale_total` | results that came too late to count |
//! | `mainstay_breaker_probes_in_flight` | gauge: probes that have not ended, given up or not |
//!
//! One event per change of state, with the epoch, and for an opening its cause and time. Two layers
//! with the same name add up in one gauge.
//!
//! # Anti-patterns
//! - **A timeout outside only**, or deadlines that are all sooner than the timeout inside. A service
//!   that hangs is then seen as calls that are given up, which count as nothing. Put a shorter timeout
//!   inside, or set [`Cancelled::FailureAfter`].
//! - **Client errors as failures.** A classifier that takes each 4xx for a failure lets one bad caller
//!   open the circuit for all.
//! - **Pushback that is meant for one caller.** Where a 429 limits each tenant on its own, one tenant
//!   over its limit would shut out the others: set [`OnPushback::Ignore`], or have the classifier call
//!   it a success.
//! - **A lease shorter than good calls take.** Every probe then fails, and the circuit never closes. To
//!   a strategy that settles at the end of a stream, the whole stream is the call.
//! - **A breaker for each request or connection.** Calls are judged together or not at all: make the
//!   layer once and clone it, or the services it makes.
//!
//! # In a stack
//! Inside the retry, so that each attempt is judged and none is spent on an open circuit, and outside
//! the timeout of one attempt, so that timeouts are failures.

// The rule is `policy`, with its parts `probation`, `ramp` and `open_time`: plain and synchronous, told
// by `ruling` what happened and what follows. `circuit` keeps it behind a lock, and beside it what calls
// use without that lock: `gate` (the state), `dials` (the settings), `window` (the results).
// `shared` adds clock, randomness, metrics and events; `service`, `permit` and `future` are one call.

mod circuit;
mod config;
mod dials;
mod epoch;
mod future;
mod gate;
mod handle;
mod layer;
mod open_time;
mod passage;
mod permit;
mod policy;
mod probation;
mod ramp;
mod refusal;
mod ruling;
mod service;
mod settle;
mod shared;
mod source;
mod state;
mod wait;
mod watch;
mod window;

#[cfg(all(test, mainstay_loom))]
mod loom_tests;
#[cfg(all(test, not(mainstay_loom)))]
mod model_tests;
#[cfg(test)]
mod policy_tests;

pub use config::{BreakerConfig, Cancelled, OnPushback};
pub use future::ResponseFuture;
pub use handle::BreakerHandle;
pub use layer::BreakerLayer;
pub use service::Breaker;
pub use settle::{AtResponse, Settle, Unsettled};
pub use state::{Cause, Snapshot, State};
pub use watch::StateWatch;
pub use window::Window;
