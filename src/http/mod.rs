//! What the patterns need to know of HTTP: what a status means, which requests may be repeated, and
//! how a refusal is answered.
//!
//! Use it for services of `http::Request` and `http::Response`, on either side: hyper's clients,
//! axum's servers, and reqwest's clients by way of [two lines](#around-reqwest). For gRPC over HTTP the
//! status is not where this looks; a call that failed there is a 200 here.
//!
//! | Piece | For | Is given to |
//! |---|---|---|
//! | [`ByStatus`] | reads outcomes from statuses and `Retry-After` | retry, breaker |
//! | `SafeMethods` | repeats safe methods, and requests with an `Idempotency-Key` | retry |
//! | [`Extensions`] | carries deadline and attempt with the request | timeout, retry, breaker, bulkhead |
//! | [`ReplayBodyLayer`] | records streamed request bodies, so that they can be repeated | a client's stack, above retry |
//! | `UntilBodyEnd` | holds a permit until the response has been read | bulkhead |
//! | [`BodyTimeoutLayer`], [`TimedBody`] | ends bodies that stall or last too long | a stack on either side; bodies of requests |
//! | `CoverBody` | lets the deadline end a body while it streams | deadline, on either side |
//! | `KeyHeader` | finds the `Idempotency-Key` of a request, and what makes two the same | idempotency |
//! | `RecordResponse`, `ResultPolicy`, `Verdict` | keep and replay responses | idempotency |
//! | `PostAndPatch` | says which requests get a key | a client's `IdempotencyKeyLayer` |
//! | [`RespondLayer`] | answers refusals as `application/problem+json` | a server's stack, outermost |
//!
//! Each pattern's layer has a constructor `http` that sets it up with these, such as
//! `TimeoutLayer::http`.
//!
//! A server that refuses what takes too long, and says so in a way that clients can read:
//!
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use http::{Request, StatusCode};
//! use mainstay::error;
//! use mainstay::http::RespondLayer;
//! use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = TimeoutConfig::default().limit(Duration::from_millis(500));
//! let app: Router = Router::new()
//!     .route("/balance", get(|| async { "42.00" }))
//!     .route("/report", get(|| tokio::time::sleep(Duration::from_secs(60))))
//!     .layer(
//!         ServiceBuilder::new()
//!             .layer(RespondLayer::new()) // outermost: makes responses of refusals
//!             .layer(TimeoutLayer::http("api", limit)?)
//!             .layer(error::layer()), // innermost: axum's handlers fail with `Infallible`
//!     );
//!
//! let ask = |path| Request::get(path).body(Body::empty());
//! let answer = app.clone().oneshot(ask("/balance")?).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//!
//! let answer = app.oneshot(ask("/report")?).await?;
//! assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
//! assert_eq!(answer.headers()["content-type"], "application/problem+json");
//! # Ok(())
//! # }
//! ```
//!
//! # Around reqwest
//! reqwest's client takes and gives types of its own, which convert from and to those of `http`. With
//! two lines below `error::layer()` it stands under the same stack as hyper's:
//!
//! ```ignore
//!     .layer(error::layer())
//!     .map_response(http::Response::<reqwest::Body>::from)
//!     .map_request(|request: http::Request<Bytes>| {
//!         reqwest::Request::try_from(request).expect("the URI has a scheme and a host")
//!     })
//!     .service(reqwest::Client::new())
//! ```
//!
//! # A server that runs each request once
//! `IdempotencyLayer::http` follows draft-ietf-httpapi-idempotency-key-header-07. The handler runs once for
//! each key of a tenant; a repeat gets the response of the first, marked `Idempotency-Replayed: true`.
//!
//! ```
//! use axum::{Router, body::Body, routing::post};
//! use http::{Request, StatusCode};
//! use mainstay::error;
//! use mainstay::http::{KeyHeader, RespondLayer};
//! use mainstay::idempotency::{
//!     IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
//! };
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! /// Who is logged in: what a layer further out found out.
//! #[derive(Clone)]
//! struct Account(&'static str);
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(MemoryStoreConfig::default())?;
//! let once = IdempotencyLayer::http("payments", IdempotencyConfig::default(), store)?
//!     .prepare(KeyHeader::new().required())
//!     .scope(|request: &Request<Body>| request.extensions().get().map(|Account(name)| *name));
//! let app: Router = Router::new()
//!     .route("/charges", post(|| async { (StatusCode::CREATED, "charged") }))
//!     .layer(
//!         ServiceBuilder::new()
//!             .layer(RespondLayer::new())
//!             .layer(once)
//!             .layer(error::layer()),
//!     );
//!
//! let charge = |amount: &'static str| {
//!     let request = Request::post("/charges").extension(Account("7"));
//!     request.header("idempotency-key", "\"8e03978e\"").body(Body::from(amount))
//! };
//! let first = app.clone().oneshot(charge("12")?).await?;
//! assert_eq!(first.status(), StatusCode::CREATED);
//! let repeat = app.clone().oneshot(charge("12")?).await?;
//! assert_eq!(repeat.status(), StatusCode::CREATED);
//! assert_eq!(repeat.headers()["idempotency-replayed"], "true");
//! let other = app.oneshot(charge("13")?).await?;
//! assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
//! # Ok(())
//! # }
//! ```
//!
//! # What a status means
//! As a client reads it ([`ByStatus`]), and as a server says it ([`RespondLayer`]):
//!
//! | Status | To a client | A server answers with it |
//! |---|---|---|
//! | 1xx, 2xx, 3xx | success | |
//! | 408 | transient failure | |
//! | 429 | transient failure by overload | what [`RespondLayer::status`] says |
//! | 400 | success | `KeyMissing`, `KeyMalformed`, `ScopeMissing`, `BodyFailed`, `TokenMissing`, `TokenMalformed` |
//! | 409 | success | `InFlight`, with `Retry-After`; `OutcomeUnknown`, `ResultUnavailable`; `StaleToken`, with `fencing-token-high` |
//! | 413 | success | `BodyTooLarge` |
//! | 422 | success | `KeyReused` |
//! | other 4xx | success: the service is there and judged the request; never repeated | |
//! | 500 | transient failure | an error that is no refusal |
//! | 503 | transient failure by overload | `CircuitOpen`, `BulkheadFull`, `QueueTimeout`, `NotReady`, `StoreUnavailable`, `StoreFull`, `TooManyWaiters`, `ShuttingDown`, `TermUnrecorded`; `NotLeader`, with `leader-node` |
//! | 504 | transient failure | `Timeout`, `DeadlineExceeded`, `LeadershipLost` |
//! | other 5xx | transient failure | |
//!
//! # When a body takes too long
//! A timeout ends with the head of the response. What comes after it is bounded by
//! [`BodyTimeoutLayer`]: the wait for the first frame, the wait for each further one, the whole, and the
//! deadline that the request carries. [`TimedBody`] says when each time runs, and what happens while
//! nobody reads. A body that is cut fails with a refusal:
//!
//! | Kind | Executed | When |
//! |---|---|---|
//! | [`Timeout`](crate::Kind::Timeout) | `Unknown` | `first`, `idle` or `total` passed |
//! | [`DeadlineExceeded`](crate::Kind::DeadlineExceeded) | `Unknown` | the caller's deadline passed, at the same instant perhaps |
//!
//! The status has been sent by then: a client reads a body that breaks off. A gRPC client can be told
//! more, by `grpc::CoverStream`.
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`BodyTimeoutConfig::first`] | 30 s | above zero; [`Duration::MAX`](std::time::Duration::MAX) is never |
//! | [`BodyTimeoutConfig::idle`] | 30 s | as above |
//! | [`BodyTimeoutConfig::total`] | never | as above |
//! | [`ReplayBodyLayer::cap`] | 64 KiB, and 1024 frames | 0 records nothing |
//! | `SafeMethods::idempotent_methods` | off: PUT and DELETE are not repeated | |
//! | [`Extensions::attempt_header`] | none | `x-retry-attempt`, `grpc-previous-rpc-attempts` |
//! | [`RespondLayer::status`] | the table above | 4xx and 5xx |
//! | [`RespondLayer::name_layers`] | off: an instance's name is nothing for clients | |
//! | [`RespondLayer::type_base`] | none: `about:blank` | |
//! | `KeyHeader::field`, `KeyHeader::methods` | `idempotency-key` of POST and PATCH | keys of 1 to 255 visible ASCII characters |
//! | `KeyHeader::required`, `KeyHeader::per_route` | off: a key is optional, and its caller's wherever it is used | |
//! | `KeyHeader::body_max` | 1 MiB, then 413 | 0 takes empty bodies only |
//! | `RecordResponse::record_max` | 1 MiB, then a tombstone | 0 keeps no response |
//! | `RecordResponse::stream_after` | 1 s, then a tombstone | 0 keeps what is there with its head |
//! | `RecordResponse::replayed_header` | `idempotency-replayed` | |
//! | `ResultPolicy` | `at_most_once`: 408, 409, 425, 429 and 503 give the key back, all else is kept | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_respond_errors_total` | errors that were no refusals and were answered with 500, with `layer="respond"`, `name="http"`; each is an event too |
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="body_timeout"`, or `"body_deadline"` for `CoverBody` and `grpc::CoverStream`; a call is counted when its body is over, as `cancelled` when that was dropped unread |
//! | `mainstay_body_timeouts_total` | bodies that were cut, by `limit`: `first`, `idle`, `total`, `deadline`; labels as above |
//! | `mainstay_bodies_open` | gauge: bodies that are watched and not over; labels as above |
//!
//! Other refusals are counted by the layers that make them. A [`TimedBody`] made by hand counts nothing.
//!
//! # Anti-patterns
//! - To classify every 4xx as a failure: one client's bad requests then open the breaker for all.
//! - To give an `Idempotency-Key` to a request whose callee does not know the header: it is then
//!   repeated, and runs twice.
//! - To hold permits until the body ends (`UntilBodyEnd`) and to keep responses unread. Or to read them
//!   without a [`BodyTimeoutLayer`]: a sender that stalls then keeps the permit.
//! - To set `idle` below the pause between the events of a stream that is meant to be silent.
//! - To stand `RespondLayer` below an idempotency layer: a timeout is then a 504 like any other, and is
//!   kept, where its refusal would have said that nobody knows.
//! - To read whose a key is from a header that the client can set: name the tenant that it was
//!   authenticated as.
//!
//! # In a stack
//! Client: [`ReplayBodyLayer`] above retry, the rest is settings of other layers. Server:
//! [`RespondLayer`] outermost, `error::layer()` innermost. [`BodyTimeoutLayer`] anywhere; above a bulkhead
//! with `UntilBodyEnd` or below it, a body that is cut gives its permit back.

mod body;
mod carrier;
mod classify;
mod extensions;
#[cfg(feature = "coordination")]
mod fencing;
#[cfg(feature = "bulkhead")]
mod hold;
#[cfg(feature = "idempotency")]
mod idempotency;
mod presets;
#[cfg(feature = "retry")]
mod replay;
mod respond;
mod retry_after;
mod timed;

pub use body::{BodyLost, RecordBody, ReplayBody, ReplayBodyLayer};
pub use classify::ByStatus;
pub use extensions::{AttemptHeader, Extensions};
#[cfg(feature = "bulkhead")]
pub use hold::{HeldBody, UntilBodyEnd};
#[cfg(feature = "idempotency")]
pub(crate) use idempotency::Judge;
#[cfg(feature = "idempotency")]
pub use idempotency::{KeyHeader, PostAndPatch, ReadBody, RecordResponse, ResultPolicy, Verdict};
#[cfg(feature = "retry")]
pub use replay::SafeMethods;
pub(crate) use respond::{Answer, Answers, detail, hint};
pub use respond::{Respond, RespondLayer, ResponseFuture};
pub use retry_after::retry_after;
#[cfg(feature = "deadline")]
pub use timed::CoverBody;
pub use timed::{
    BodyLimits, BodyTimeout, BodyTimeoutConfig, BodyTimeoutFuture, BodyTimeoutHandle,
    BodyTimeoutLayer, TimedBody,
};

#[cfg(all(feature = "deadline", feature = "grpc"))]
pub(crate) use timed::{Bodies, Cut, Watched};
