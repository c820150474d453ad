//! What it allocates to read the trace context of one request and to write it on the next, counted by
//! an allocator. Each peer does the same on the same headers, and its answer is checked.
//!
//! ```text
//! cd benches/peers && cargo test --test trace_allocations -- --nocapture
//! ```

use std::convert::Infallible;
use std::hint::black_box;

use http::{HeaderMap, HeaderValue, Request, Response};
use mainstay::trace::{TraceClientLayer, TraceContext, TraceServerLayer};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};
use tower_otel::trace::HttpLayer;
use tracing_subscriber::layer::SubscriberExt;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";

/// The headers of an inbound request.
fn inbound(state: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert("traceparent", HeaderValue::from_static(PARENT));
    if state {
        headers.insert("tracestate", HeaderValue::from_static(STATE));
    }
    headers
}

/// The trace goes on, with another parent.
fn assert_carried(headers: &HeaderMap, state: bool) {
    let parent = headers["traceparent"].to_str().unwrap();
    assert_eq!(parent[..36], PARENT[..36]);
    assert_ne!(parent, PARENT);
    let carried = headers.get("tracestate").filter(|list| !list.is_empty());
    assert_eq!(carried.is_some(), state);
}

fn mainstay_values(inbound: &HeaderMap, outbound: &mut HeaderMap) {
    let context = TraceContext::extract(inbound).unwrap();
    context.child(&mainstay::Rng::thread()).inject(outbound);
}

fn opentelemetry_values(inbound: &HeaderMap, outbound: &mut HeaderMap) {
    let propagator = TraceContextPropagator::new();
    let context = propagator.extract_with_context(&Context::new(), &HeaderExtractor(inbound));
    let remote = context.span().span_context().clone();
    let child = SpanContext::new(
        remote.trace_id(),
        SpanId::from(7),
        remote.trace_flags(),
        false,
        remote.trace_state().clone(),
    );
    let child = context.with_remote_span_context(child);
    propagator.inject_context(&child, &mut HeaderInjector(outbound));
}

/// Allocations of the second run: the first fills the thread's caches.
fn count(mut run: impl FnMut()) -> u64 {
    run();
    allocation_counter::measure(run).count_total
}

fn values(work: fn(&HeaderMap, &mut HeaderMap), state: bool) -> u64 {
    let inbound = inbound(state);
    // Room for what is written, so that only the work itself is counted.
    let mut outbound = HeaderMap::with_capacity(16);
    let count = count(|| {
        outbound.clear();
        work(black_box(&inbound), &mut outbound);
    });
    assert_carried(&outbound, state);
    count
}

type Chain = BoxCloneService<Request<()>, Response<HeaderMap>, Infallible>;

/// Answers with the headers it was sent.
async fn callee(request: Request<()>) -> Result<Response<HeaderMap>, Infallible> {
    Ok(Response::new(request.into_parts().0.headers))
}

/// The request that a handler makes, with room for what is written on it.
fn next_request() -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = HeaderMap::with_capacity(16);
    request
}

/// A server whose handler makes a request of its own, without any layer.
fn bare() -> Chain {
    let client = service_fn(callee);
    BoxCloneService::new(service_fn(move |_: Request<()>| {
        client.oneshot(next_request())
    }))
}

fn mainstay_layers() -> Chain {
    let client = TraceClientLayer::new("callee").layer(service_fn(callee));
    let handler = service_fn(move |_: Request<()>| client.clone().oneshot(next_request()));
    BoxCloneService::new(TraceServerLayer::new("server").layer(handler))
}

fn tower_otel_layers() -> Chain {
    let client = HttpLayer::client(tracing::Level::INFO).layer(service_fn(callee));
    let handler = service_fn(move |_: Request<()>| client.clone().oneshot(next_request()));
    BoxCloneService::new(HttpLayer::server(tracing::Level::INFO).layer(handler))
}

fn layers(chain: &Chain, state: bool, is_traced: bool) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut outbound = HeaderMap::new();
    let inbound = || {
        let mut request = Request::new(());
        *request.headers_mut() = inbound(state);
        Some(request)
    };
    let mut request = None;
    let mut run = |request: &mut Option<Request<()>>| {
        let call = chain.clone().oneshot(request.take().unwrap());
        outbound = runtime.block_on(call).unwrap().into_body();
    };
    let mut count = 0;
    for _ in 0..3 {
        request = inbound();
        count = allocation_counter::measure(|| run(&mut request)).count_total;
    }
    drop(request);
    if is_traced {
        assert_carried(&outbound, state);
    }
    count
}

/// One test: the propagator and the subscriber of the peers are global.
#[test]
fn it_allocates_less_than_any_peer() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder().build();
    let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("peers"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(otel)).unwrap();

    println!("allocations of one extract and inject, without and with tracestate");
    let mut ours = [0; 2];
    for (name, work) in [
        (
            "mainstay",
            mainstay_values as fn(&HeaderMap, &mut HeaderMap),
        ),
        ("opentelemetry_sdk", opentelemetry_values),
    ] {
        let counts = [values(work, false), values(work, true)];
        println!("{name:>20} {:>4} {:>4}", counts[0], counts[1]);
        if name == "mainstay" {
            ours = counts;
        } else {
            assert!(ours[0] < counts[0] && ours[1] < counts[1], "{name}");
        }
    }

    println!("the same by a server's and a client's layer, less what the handler allocates itself");
    let floor = layers(&bare(), true, false);
    for (name, chain) in [
        ("mainstay", mainstay_layers()),
        ("tower-otel", tower_otel_layers()),
    ] {
        let counts = [false, true].map(|state| layers(&chain, state, true) - floor);
        println!("{name:>20} {:>4} {:>4}", counts[0], counts[1]);
        if name == "mainstay" {
            ours = counts;
        } else {
            assert!(ours[0] < counts[0] && ours[1] < counts[1], "{name}");
        }
    }
}
