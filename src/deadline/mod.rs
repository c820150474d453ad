//! Carries the time that is left from hop to hop.
//!
//! Use [`DeadlineServerLayer`] around every server: what nobody waits for any more is not begun, or
//! ended, and all the layers and calls below know how much time there is. Use [`DeadlineClientLayer`]
//! around every transport, so that the next hop knows it too.
//!
//! Do **not** use it in the place of a [timeout](crate::timeout): a deadline says how long the caller
//! waits, a timeout how long an answer can reasonably take. And do not give work a deadline that has to
//! be done whether or not anybody waits for it: spawn that, since a spawned task has none.
//!
//! ```
//! use mainstay::deadline::{
//!     DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
//! };
//! use mainstay::{Error, Executed, Kind, error};
//! use std::{convert::Infallible, time::Duration};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! type Request = http::Request<()>;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The next hop, as this one sees it: it answers with what it was told.
//! let stock = ServiceBuilder::new()
//!     .layer(DeadlineClientLayer::new("stock", DeadlineClientConfig::default())?)
//!     .layer(error::layer())
//!     .service_fn(|request: Request| async move {
//!         Ok::<_, Infallible>(request.headers()["x-request-timeout-ms"].clone())
//!     });
//!
//! let most = DeadlineServerConfig::default().max(Duration::from_secs(30));
//! let mut shop = ServiceBuilder::new()
//!     .layer(DeadlineServerLayer::new("shop", most)?)
//!     .service_fn(move |_: Request| {
//!         let stock = stock.clone();
//!         async move {
//!             tokio::time::sleep(Duration::from_millis(100)).await; // the shop's own work
//!             stock.oneshot(Request::new(())).await // it finds the deadline in its task
//!         }
//!     });
//!
//! let mut ask = async |left| {
//!     let request = http::Request::get("/").header("x-request-timeout-ms", left).body(());
//!     shop.ready().await?.call(request.expect("it is valid")).await
//! };
//! // 250 ms, without 100 ms of work, 5 ms of margin, and the timer's last millisecond at most.
//! assert!(["144", "145"].contains(&ask("250").await?.to_str()?));
//!
//! for (left, executed) in [("0", Executed::No), ("50", Executed::Unknown)] {
//!     let Err(Error::Rejected(refusal)) = ask(left).await else { panic!("it is over") };
//!     assert_eq!((refusal.layer(), refusal.kind()), ("shop", Kind::DeadlineExceeded));
//!     assert_eq!(refusal.executed(), executed);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # On the wire
//! The time left is a length, never an instant: two clocks disagree, and a length is only older than it
//! says by the way it came. What it loses on the way is what the margin is for.
//!
//! | Format | Field | Value |
//! |---|---|---|
//! | [`Format::MILLIS`], [`Format::millis`] | `x-request-timeout-ms`, or as named | 1 to 19 digits: milliseconds |
//! | [`Format::GRPC_TIMEOUT`] | `grpc-timeout` | 1 to 8 digits and one of `H M S m u n` |
//! | [`Format::ENVOY_EXPECTED`] | `x-envoy-expected-rq-timeout-ms` | 1 to 19 digits: milliseconds |
//!
//! Of several values, of one format or of many, the shortest valid one counts. A malformed one is
//! ignored and counted. Zero has expired. What is written is rounded down, in the finest unit that fits.
//!
//! # At the server
//! A request has the least of what it says, of the server's [`max`](DeadlineServerConfig::max), and of a
//! [`Deadline`] that is on it or around it already; one that says nothing has
//! [`default_time`](DeadlineServerConfig::default_time) in the place of the first. So a peer can only
//! shorten its time. The time runs from the call, by one clock read; where there is no bound at all,
//! there is none. The deadline is put on the request ([`Carrier::attach`](crate::context::Carrier::attach)),
//! and is [`Deadline::current`] while the inner service is called and its future is polled, and the
//! body too that `http::CoverBody` or `grpc::CoverStream` covers.
//!
//! When it passes, the inner future is dropped and then the call is refused. A response that is ready in
//! the same poll wins. From then on it is the [`Cover`]'s: [`HeadOnly`] lets the body stream on, and
//! `http::CoverBody`, which `DeadlineServerLayer::http` puts in, ends it at the deadline.
//!
//! A request whose time is over on arrival is refused before anybody sees it. That can be only
//! [observed](Expired::Observe), or bounded to [a share](DeadlineServerConfig::refusals_max) of what
//! arrives in 10 s. A request that is let through is from there on one that said nothing: the fields are
//! removed from it, and it has the `default_time`, or else no end. Otherwise it would be let through
//! only to be cut at once. But a deadline that was on it or around it before, and has passed, is the end
//! in every mode.
//!
//! [`ENVOY_EXPECTED`](Format::ENVOY_EXPECTED) counts for requests that [`Trust`] holds for, and is
//! removed from all others.
//!
//! # At the client
//! For each call, and so for each attempt of a retry above it, the next hop is given the least of what is
//! left of the deadline without the [`margin`](DeadlineClientConfig::margin), of
//! [`max`](DeadlineClientConfig::max), and of what the caller wrote to the same field. The fields of the
//! formats that it does not write are removed: a request that is passed on does not keep what was
//! true of it when it came. (But for those that you named yourself.) If there is nothing to give, less than
//! [`min`](DeadlineClientConfig::min), or less than a format can say, the call is refused and not made.
//! Where nothing bounds the call, nothing is said.
//!
//! The call ends when the margin has gone by after what was given, which is at the deadline where
//! that was the least, and never later. That instant is the call's deadline to everything below, and to the
//! [`Cover`].
//!
//! # Refusals
//! | By | Kind | Executed | When |
//! |---|---|---|---|
//! | both | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `No` | there was no time left, or too little |
//! | both | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `Unknown` | the deadline passed while the call ran |
//! | the client | [`Timeout`](crate::Kind::Timeout) | `Unknown` | its `max` and the margin went by, and the caller would have waited longer |
//!
//! So a breaker above the client's layer learns from a callee that is slow, and not from a refusal that is
//! due to a caller that was late. But a callee that keeps to what it was given ends first, by the margin,
//! and says so: 504, or `DEADLINE_EXCEEDED`. That is an answer, passed on as it is, and the
//! breaker's classifier judges it as any other.
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`DeadlineServerConfig::max`] | none | above zero; [`Duration::MAX`](std::time::Duration::MAX) is none |
//! | [`DeadlineServerConfig::default_time`] | none | as above |
//! | [`DeadlineServerConfig::expired`] | [`Expired::Refuse`] | |
//! | [`DeadlineServerConfig::refusals_max`] | 1: all | 0 to 1 |
//! | [`DeadlineServerLayer::formats`] | the three of the table | |
//! | [`DeadlineServerLayer::trust`] | [`Nobody`] | |
//! | [`DeadlineClientConfig::margin`] | 5 ms | any |
//! | [`DeadlineClientConfig::max`] | none | above zero; [`Duration::MAX`](std::time::Duration::MAX) is none |
//! | [`DeadlineClientConfig::min`] | 0: what a format can say | at most `max` |
//! | [`DeadlineClientLayer::formats`] | [`Format::MILLIS`] | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="deadline_server"` and `layer="deadline_client"` |
//! | `mainstay_deadline_malformed_total` | values that were no time; both layers |
//! | `mainstay_deadline_expired_total` | requests without time left on arrival, by `action`: `refused`, `passed`; the server |
//!
//! # Anti-patterns
//! - A point in time on the wire: it is wrong by the difference of two clocks, and a difference of
//!   seconds is ordinary.
//! - A client's layer outside of the retry: every attempt then says what was left before the first.
//! - A server's layer below a queue: it does not see the time that went by in there.
//! - A margin above what callers usually have left: no call is made.
//! - The inbound fields copied to the next hop by hand, without the client's layer.
//!
//! # In a stack
//! Server: outermost but for what answers refusals and what reads the trace context, so that waiting
//! counts. Client: innermost of all but `error::layer()`, below the timeout of the attempt. A retry above it
//! does not know the margin: a back-off may end with less than that left, and the attempt is then refused.

mod client;
mod cover;
mod future;
mod message;
mod record;
mod server;
mod share;
mod wire;

pub use crate::context::Deadline;
pub use client::{DeadlineClient, DeadlineClientConfig, DeadlineClientHandle, DeadlineClientLayer};
pub use cover::{Cover, HeadOnly};
pub use future::ResponseFuture;
pub use server::{
    DeadlineServer, DeadlineServerConfig, DeadlineServerHandle, DeadlineServerLayer, Expired,
    Nobody, Trust,
};
pub use wire::{Format, Text};
