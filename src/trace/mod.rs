//! Carries the trace context of W3C from hop to hop.
//!
//! A request that crosses five services keeps one trace id, and each call and each retry in it has a span
//! id of its own. Use [`TraceServerLayer`] around whatever answers requests and [`TraceClientLayer`]
//! around each call that leaves the process, over HTTP, gRPC or any other [`Carrier`](crate::context::Carrier).
//! It is W3C Trace Context level 2, read and written strictly.
//!
//! Do **not** use the two where OpenTelemetry's layers already write `traceparent`: only one may. There,
//! [`NormalizeTraceLayer`] makes good what arrives. And this records no spans; it carries the ids by which
//! logs and spans of several services are found together.
//!
//! ```
//! use http::Request;
//! use mainstay::trace::{TraceClientLayer, TraceContext, TraceServerLayer};
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // Stands for the transport: gives back what it would have sent.
//! let peer = ServiceBuilder::new()
//!     .layer(TraceClientLayer::new("stock"))
//!     .service_fn(|call: Request<()>| async move { Ok::<_, BoxError>(TraceContext::extract(&call)) });
//!
//! // A handler that calls it, and does not know of traces.
//! let mut api = ServiceBuilder::new()
//!     .layer(TraceServerLayer::new("api"))
//!     .service_fn(move |_: Request<()>| peer.clone().oneshot(Request::new(())));
//!
//! let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
//! let request = Request::get("/").header("traceparent", caller).body(())?;
//! let sent = api.ready().await?.call(request).await?.expect("a context is sent");
//!
//! let caller: TraceContext = caller.parse()?;
//! assert_eq!(sent.trace_id(), caller.trace_id());
//! assert_ne!(sent.span_id(), caller.span_id());
//! # Ok(())
//! # }
//! ```
//!
//! # What comes in
//! [`TraceServerLayer`] reads one `traceparent` and all `tracestate` of a request. What is valid goes on;
//! where there is none, or what there is breaks a rule, a trace begins, once for the request. The context is
//! attached to the request ([`Carrier::attach`](crate::context::Carrier::attach); with HTTP, in the
//! extensions) and is [current](TraceContext::current) while the inner service is called and its future is
//! polled; with [`attach(false)`](TraceServerLayer::attach) it is current alone. The request's own headers
//! are made to say the same, in canonical form, so that a service which forwards the request as it is
//! sends nothing stale and nothing invalid.
//!
//! | [`Boundary`] | A peer's context | Baggage |
//! |---|---|---|
//! | [`Continue`](Boundary::Continue) | goes on | is left alone, or carried if asked |
//! | [`Restart`](Boundary::Restart) | is given up: ids, flags and state | is removed |
//! | [`RestartKeepState`](Boundary::RestartKeepState) | is given up but for the `tracestate` | is removed |
//!
//! A closure instead of a `Boundary` decides for each request.
//!
//! # What goes out
//! [`TraceClientLayer`] takes the context that is attached to the request, else the task's, else begins a
//! trace; and writes a child of it, the same trace with a new span id, in the place of whatever
//! `traceparent` and `tracestate` there are. Below a retry each attempt is so a call of its own. A trace that
//! begins in this layer is attached to the request and written as it is; the attempts of a retry above
//! would each begin one. Where no server layer is around, begin it further out:
//!
//! ```
//! use mainstay::Rng;
//! use mainstay::trace::TraceContext;
//!
//! # async fn nightly_export() {}
//! # futures::executor::block_on(async {
//! TraceContext::root(&Rng::thread()).in_scope(nightly_export()).await;
//! # });
//! ```
//!
//! A spawned task is in no trace, unless it is told:
//! `tokio::spawn(context.in_scope(task))`, with what [`TraceContext::current`] gave before. Nor is the
//! stream of a response's body, which is polled when the handler has answered: what it calls, it calls
//! `in_scope`. What is attached to a request goes wherever the request goes, through `Buffer` too, whose
//! worker is a task of its own; attach it where a client's stack has one above the client layer.
//!
//! # Sampling
//! Whether a trace is recorded is decided where it begins, by a [`Sampler`]: [`Always`], [`Never`],
//! [`ByRatio`], [`ParentBased`], or a closure. Everyone further down passes the decision on unchanged.
//!
//! # Beside OpenTelemetry
//! Put [`NormalizeTraceLayer`] outside of its server layer: OpenTelemetry's propagator for Rust (0.33) takes the
//! first of several `traceparent`, reads one `tracestate` only and takes ids of the wrong length. For
//! outgoing calls, inside of its client layer, [`Writer::Other`] has a [`TraceClientLayer`] do
//! likewise. Neither mints anything, and the parent stays as it is.
//!
//! # Refusals
//! None. Responses, errors and readiness pass through untouched, and the error need not hold a refusal.
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`boundary`](TraceServerLayer::boundary) | [`Boundary::Continue`] | |
//! | [`sampler`](TraceServerLayer::sampler) | [`Never`] | |
//! | [`state_bytes_max`](TraceServerLayer::state_bytes_max) | 8192 | from 512 |
//! | [`attach`](TraceServerLayer::attach) | on | |
//! | [`baggage`](TraceServerLayer::baggage) | off | |
//! | [`writer`](TraceClientLayer::writer) | [`Writer::Own`] | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_trace_contexts_total` | calls by `origin`, how their context came; with `layer="trace_server"`: `continued`, `minted`, `restarted`, `malformed`; `"trace_client"`: `attached`, `current`, `minted`, and those of the normaliser; `"trace_normalize"`: `continued`, `malformed` |
//! | `mainstay_trace_states_dropped_total` | lists of states that were dropped from valid contexts: malformed, of more than 32 members, or none that fits |
//!
//! `minted` of a client layer counts calls that have lost their trace: they were made in a spawned task,
//! by a response's body, below a `Buffer`, or without a server layer around.
//!
//! With the `tracing` feature the layers record ids on the span around, in the fields that it was made
//! with (`trace_id = tracing::field::Empty`): the server `trace_id`, and `parent_id`, or `span_id` when the
//! trace began there; the client `trace_id` and `span_id`, of the call. Give each call a span of its own
//! if several are made in one: the next writes over these, and a subscriber that writes spans as text
//! (`tracing_subscriber::fmt`) appends them each time. Nothing else depends on a span.
//! No value of a header is logged or is a label.
//!
//! # Anti-patterns
//! - [`Boundary::Continue`] towards the public: strangers then choose the ids, have everything sampled, and
//!   fill the `tracestate` and the baggage of your calls.
//! - The client layer above the retry: all attempts say to be one and the same call.
//! - Two that write: the callee's span then has a parent which nobody recorded.
//!
//! # In a stack
//! Server: outside of everything that may refuse a request but `http::RespondLayer`, so that what is logged
//! of the refusal has the ids. Client: below retry and breaker, above the transport.

mod client;
mod normalize;
mod origin;
mod policy;
mod sampler;
mod server;

pub use crate::context::{
    Baggage, BaggageMember, InScope, SpanId, TraceContext, TraceFlags, TraceId, TraceState,
};
pub use client::{TraceClient, TraceClientLayer, Writer};
pub use normalize::{NormalizeTrace, NormalizeTraceLayer};
pub use sampler::{Always, ByRatio, Never, ParentBased, Sampler};
pub use server::{Boundary, TraceServer, TraceServerLayer, Trust};

use origin::Origin;
