//! The trace of a request taken up and passed on, by a layer that does it with values.

use std::task::{Context, Poll};

use opentelemetry::Context as Otel;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider};
use tower::{Layer, Service};
use tower_otel::trace::HttpLayer;
use tracing_subscriber::layer::SubscriberExt;

use crate::subject::{Call, Http, Inner};

/// Changes a request on its way.
#[derive(Clone)]
struct Rewritten<S, F> {
    inner: S,
    rewrite: F,
}

impl<S: Call<Http>, F: Fn(&mut Http)> Service<Http> for Rewritten<S, F> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Http) -> S::Future {
        (self.rewrite)(&mut request);
        self.inner.call(request)
    }
}

pub fn rewritten<F>(inner: impl Call<Http>, rewrite: F) -> impl Call<Http>
where
    F: Fn(&mut Http) + Clone + Send + Sync + 'static,
{
    Rewritten { inner, rewrite }
}

/// By OpenTelemetry's propagator: extract, a span id of one's own, inject.
pub fn opentelemetry(inner: impl Call<Http>) -> impl Call<Http> {
    let propagator = TraceContextPropagator::new();
    let ids = RandomIdGenerator::default();
    rewritten(inner, move |request| {
        let headers = HeaderExtractor(request.headers());
        let context = propagator.extract_with_context(&Otel::new(), &headers);
        let remote = context.span().span_context().clone();
        let child = SpanContext::new(
            remote.trace_id(),
            ids.new_span_id(),
            remote.trace_flags(),
            false,
            remote.trace_state().clone(),
        );
        let child = context.with_remote_span_context(child);
        propagator.inject_context(&child, &mut HeaderInjector(request.headers_mut()));
    })
}

/// A server's layer of tower-otel; without a subscriber it makes no span.
pub fn tower_otel_server(inner: impl Inner<Http>) -> impl Inner<Http> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    HttpLayer::server(tracing::Level::INFO).layer(inner)
}

/// A server's and a client's, with spans by OpenTelemetry's kit that nobody collects.
pub fn tower_otel_both(inner: impl Inner<Http>) -> impl Inner<Http> {
    let provider = SdkTracerProvider::builder().build();
    let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("peers"));
    let subscriber = tracing_subscriber::registry().with(otel);
    tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
    tower_otel_server(HttpLayer::client(tracing::Level::INFO).layer(inner))
}
