//! What the patterns need to know of gRPC: what a status code means, in the head of a response or in its
//! trailers, when to come back, which calls may be repeated, and how a refusal is answered.
//!
//! Use it for services of `http::Request` and `http::Response` that carry gRPC, on either side: tonic's
//! channels and servers since 0.12, which is when it came to these types, or another library's. It reads
//! heads and trailers, never messages, and stands on [`http`](crate::http), whose
//! [`Extensions`](crate::http::Extensions) and [`ReplayBodyLayer`](crate::http::ReplayBodyLayer) serve here as
//! they are.
//!
//! Do **not** use [`http::ByStatus`](crate::http::ByStatus) for gRPC: a call that failed is a 200 to it.
//!
//! | Piece | For | Is given to |
//! |---|---|---|
//! | [`ByCode`] | reads outcomes from status codes and [`pushback()`] | retry, breaker |
//! | `AtTrailers` | settles outcomes by the trailers | breaker |
//! | [`http::UntilBodyEnd`](crate::http) | holds a permit until the trailers | bulkhead |
//! | `IdempotentMethods` | repeats the methods that it is given | retry |
//! | `ResultPolicy` | says by the code what of a reply is kept, for [`http`](crate::http)'s `RecordResponse` | idempotency |
//! | [`RespondLayer`] | answers refusals as a gRPC status | a server's stack or a client's, outermost |
//! | [`Code`] | the status codes, and how they are read from metadata | |
//!
//! Each pattern's layer has a constructor `grpc` that sets it up with these, such as
//! `BreakerLayer::grpc`.
//!
//! A failure that comes when half of the answer has been sent opens the circuit, and the refusal after it is a
//! status that any gRPC client can read:
//!
//! ```
//! use bytes::Bytes;
//! use http::{HeaderMap, HeaderValue, Request, Response};
//! use http_body::Frame;
//! use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
//! use mainstay::breaker::{BreakerConfig, BreakerLayer};
//! use mainstay::error;
//! use mainstay::grpc::{Code, RespondLayer};
//! use std::convert::Infallible;
//! use std::num::NonZeroU32;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What a server sends that fails after its first message.
//! let stock = tower::service_fn(|_: Request<()>| async {
//!     let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(14))]);
//!     let message = Bytes::from_static(b"\0\0\0\0\x02hi");
//!     let frames = [Ok::<_, Infallible>(Frame::data(message)), Ok(Frame::trailers(trailers))];
//!     let body = StreamBody::new(futures::stream::iter(frames));
//!     Ok::<_, Infallible>(Response::new(UnsyncBoxBody::new(body)))
//! });
//!
//! let one_is_enough = BreakerConfig::default().consecutive_failures(NonZeroU32::MIN);
//! let mut stock = ServiceBuilder::new()
//!     .layer(RespondLayer::new()) // outermost: makes responses of refusals
//!     .layer(BreakerLayer::grpc("stock", one_is_enough)?)
//!     .layer(error::layer()) // innermost: makes the service's error hold refusals
//!     .service(stock);
//!
//! let request = || Request::post("/shop.Stock/List").body(()).unwrap();
//! let answer = stock.ready().await?.call(request()).await?;
//! assert_eq!(Code::of_metadata(answer.headers()), None); // it is under way
//! let read = answer.into_body().collect().await?;
//! assert_eq!(Code::of_metadata(read.trailers().unwrap()), Some(Code::Unavailable));
//!
//! let answer = stock.ready().await?.call(request()).await?; // the circuit is open
//! assert_eq!(Code::of_metadata(answer.headers()), Some(Code::Unavailable));
//! assert!(answer.headers().contains_key("grpc-retry-pushback-ms"));
//! # Ok(())
//! # }
//! ```
//!
//! # What a code means
//! As a client reads it ([`ByCode`], where each has its reason), and as a server says it
//! ([`RespondLayer`]):
//!
//! | Code | To a client | Is repeated | A server answers with it |
//! |---|---|---|---|
//! | `OK` 0 | success | | |
//! | `CANCELLED` 1 | ignored | | |
//! | `UNKNOWN` 2 | failure | | an error that is no refusal |
//! | `INVALID_ARGUMENT` 3 | success: an answer | | `KeyMissing`, `KeyMalformed`, `ScopeMissing`, `KeyReused`, `BodyTooLarge`, `BodyFailed`, `TokenMissing`, `TokenMalformed` |
//! | `DEADLINE_EXCEEDED` 4 | failure | | `Timeout`, `DeadlineExceeded` |
//! | `NOT_FOUND` 5, `ALREADY_EXISTS` 6, `PERMISSION_DENIED` 7 | success: an answer | | |
//! | `RESOURCE_EXHAUSTED` 8 | failure by overload | where the method may be | `BulkheadFull`, `QueueTimeout` |
//! | `FAILED_PRECONDITION` 9 | success: an answer | | `OutcomeUnknown`, `ResultUnavailable`; `StaleToken`, with `fencing-token-high` |
//! | `ABORTED` 10 | success: an answer | | `InFlight`, `LeadershipLost` |
//! | `OUT_OF_RANGE` 11, `UNIMPLEMENTED` 12 | success: an answer | | |
//! | `INTERNAL` 13 | failure | | |
//! | `UNAVAILABLE` 14 | failure | where the method may be | `CircuitOpen`, `NotReady`, `StoreUnavailable`, `StoreFull`, `TooManyWaiters`, `ShuttingDown`, `TermUnrecorded`; `NotLeader`, with `leader-node` |
//! | `DATA_LOSS` 15 | failure | | |
//! | `UNAUTHENTICATED` 16 | success: an answer | | |
//!
//! A number that is not listed, and a `grpc-status` that is no number, are `UNKNOWN`. A head without a
//! status whose HTTP status is not 200 has the code of gRPC's `http-grpc-status-mapping.md`
//! ([`Code::of_http`]); a stream that ends without a status is `UNKNOWN`.
//!
//! # Where the status is
//! A call that fails before it sends anything has its status in the head: *Trailers-Only*. Any other is
//! under way when its head comes, and says in its trailers how it went. **No layer waits for them**, but
//! that of idempotency:
//!
//! - the retry commits to a head without a status, as gRFC A6 says of Response-Headers, and gives the
//!   response on, also where trailers follow it without a message between;
//! - the breaker gives it on too, and settles the call when its trailers are read (`AtTrailers`);
//! - the bulkhead gives it on, and keeps the permit until then (`UntilBodyEnd`);
//! - the timeout has ended with the head;
//! - the idempotency layer reads a reply to its trailers before it gives it on, for as long as
//!   [`RecordResponse::stream_after`](crate::http) says; so a stream's first message comes that much later,
//!   where the call has a key.
//!
//! What is read of the body is read by the caller, when it asks.
//!
//! # Pushback
//! `grpc-retry-pushback-ms`, or else a `RetryInfo` in `grpc-status-details-bin`, says when a failed call may be
//! repeated: see [`pushback()`]. A retry waits exactly so long, or ends where that is longer than it may wait; a
//! breaker stays open for it, at most as long as its settings allow.
//!
//! # What is repeated
//! Every call is a POST, so nothing is safe to run twice unless you say so: `IdempotentMethods`. The rest is
//! repeated only when it did not run, of which a status from afar is no proof: gRPC's clients make
//! `UNAVAILABLE` also of a connection that broke after the request was sent. Each further attempt says in
//! `grpc-previous-rpc-attempts` how many there were before (gRFC A6, *Exposed Retry Metadata*).
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`ByCode::transient`] | `UNAVAILABLE`, `RESOURCE_EXHAUSTED` | any but `OK` |
//! | [`ByCode::answers`] | the table above | any |
//! | `IdempotentMethods` | none | `/package.Service/Method`, `/package.Service/*` |
//! | [`RespondLayer::code`] | the table above | any but `OK` |
//! | `ResultPolicy` | `at_most_once`: `ABORTED` and `RESOURCE_EXHAUSTED` give the key back; `CANCELLED`, `DEADLINE_EXCEEDED`, `UNAVAILABLE` and `UNKNOWN` are of unknown outcome; all else is kept | |
//! | [`RespondLayer::name_layers`] | off: an instance's name is nothing for clients | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_respond_errors_total` | errors that were no refusals and were answered with `UNKNOWN`, with `layer="respond"`, `name="grpc"`; each is an event too |
//!
//! `mainstay_calls_total` of the breaker counts a call as `ok` when its head is given on, whatever its trailers
//! say: it is the circuit that learns from those.
//!
//! # Anti-patterns
//! - **To hold a response and not read it.** It settles nothing and keeps its permit. A client that stops
//!   reading before the trailers has given the call up.
//! - **Streams without an end below `AtTrailers` or `UntilBodyEnd`.** The call lasts as long as they do: permits run
//!   out, and a probe outlasts its lease. Give such methods layers of their own, with `AtResponse` and
//!   `UntilResponse`.
//! - **To repeat what changes something** because `UNAVAILABLE` sounds as if nothing happened.
//! - **Quotas of one caller in one circuit.** `RESOURCE_EXHAUSTED` may be that of a single user, and may say
//!   that a message was too large: where it does, name it in [`ByCode::answers`].
//! - **Two retries.** Some gRPC libraries retry by themselves: have one do it.
//!
//! # In a stack
//! A client: [`RespondLayer`], where refusals are to reach the generated client as statuses; then
//! bulkhead, [`ReplayBodyLayer`](crate::http::ReplayBodyLayer) (a streamed body is no copy of itself), retry,
//! breaker, timeout, `error::layer()`, and below it what makes the recorded body one of the channel's:
//!
//! ```ignore
//!     .layer(error::layer())
//!     .map_request(|request: http::Request<ReplayBody<Body>>| request.map(Body::new))
//!     .service(channel) // tonic::transport::Channel, and tonic::body::Body
//! ```
//!
//! A server: [`RespondLayer`] outermost, bulkhead, timeout, `error::layer()`, then the services.
//!
//! # Around a channel of tonic
//! Three of its habits want an answer; `examples/tonic_kit/mod.rs` has the code (`answered` and `read`):
//!
//! | tonic | So |
//! |---|---|
//! | A channel fails with `tonic::transport::Error`, which [`RespondLayer`] answers with `UNKNOWN`, as any error that is no refusal. | Make it a response below the breaker: `Status::from_error(error.into()).into_http()`. What is `UNKNOWN` there is a connection that broke, which gRPC calls `UNAVAILABLE`. |
//! | A channel ends a call itself when the time of its `grpc-timeout` is over, which is before the layers do, and calls that `CANCELLED`. | Where `tonic::TimeoutExpired` is among the error's sources, fail with a [`Rejection`](crate::Rejection) of `DeadlineExceeded`: no breaker counts it, and it is answered as that. |
//! | A generated client reads an error of a body that is no `Status` as `UNKNOWN`, also the refusal of a deadline that ends a stream. | Outermost, map the errors of the body. |

mod classify;
mod code;
#[cfg(feature = "deadline")]
mod cover;
mod details;
#[cfg(feature = "idempotency")]
mod idempotency;
mod presets;
mod protobuf;
mod pushback;
#[cfg(feature = "retry")]
mod replay;
mod respond;
#[cfg(feature = "breaker")]
mod settle;

pub use classify::ByCode;
pub use code::Code;
#[cfg(feature = "deadline")]
pub use cover::{CoverStream, CoveredStream};
#[cfg(feature = "idempotency")]
pub use idempotency::ResultPolicy;
pub use pushback::pushback;
#[cfg(feature = "retry")]
pub use replay::IdempotentMethods;
pub use respond::RespondLayer;
#[cfg(feature = "breaker")]
pub use settle::{AtTrailers, SettledBody};
