//! The layers around HTTP, over a service of numbers, and what HTTP itself costs there.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use tower::util::{MapRequest, MapResponse};
use tower::{Layer as _, Service};

use ::mainstay::Rng;
use ::mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use ::mainstay::grpc;
use ::mainstay::http::{BodyTimeoutConfig, BodyTimeoutLayer, ReplayBodyLayer, RespondLayer};
use ::mainstay::idempotency::IdempotencyKeyLayer;
use ::mainstay::trace::{NormalizeTraceLayer, TraceClientLayer, TraceContext, TraceServerLayer};

use super::{Case, Inner};

type Body = Full<Bytes>;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) fn floor(inner: impl Inner) -> impl Case {
    over(under::<_, Body>(inner), traced)
}

pub(crate) fn mainstay_trace_server(inner: impl Inner) -> impl Case {
    let layer = TraceServerLayer::new("bench");
    over(layer.layer(under::<_, Body>(inner)), traced)
}

pub(crate) fn mainstay_trace_client(inner: impl Inner) -> impl Case {
    let layer = TraceClientLayer::new("bench");
    over(layer.layer(under::<_, Body>(inner)), traced)
}

pub(crate) fn mainstay_trace_both(inner: impl Inner) -> impl Case {
    let client = TraceClientLayer::new("bench").layer(under::<_, Body>(inner));
    over(TraceServerLayer::new("bench").layer(client), traced)
}

/// Nothing is attached to the request.
pub(crate) fn mainstay_trace_current(inner: impl Inner) -> impl Case {
    let client = TraceClientLayer::new("bench").layer(under::<_, Body>(inner));
    let server = TraceServerLayer::new("bench").attach(false);
    over(server.layer(client), traced)
}

/// By values, without a layer.
pub(crate) fn mainstay_trace_values(inner: impl Inner) -> impl Case {
    let pass_on = |mut request: Request<Body>| {
        if let Some(context) = TraceContext::extract(request.headers()) {
            context.child(&Rng::thread()).inject(request.headers_mut());
        }
        request
    };
    over(MapRequest::new(under::<_, Body>(inner), pass_on), traced)
}

pub(crate) fn mainstay_trace_normalize(inner: impl Inner) -> impl Case {
    let layer = NormalizeTraceLayer::new("bench");
    over(layer.layer(under::<_, Body>(inner)), traced)
}

pub(crate) fn mainstay_deadline_server(inner: impl Inner) -> impl Case {
    let layer = DeadlineServerLayer::new("bench", DeadlineServerConfig::default());
    over(super::layer(layer, under::<_, Body>(inner)), timed)
}

pub(crate) fn mainstay_deadline_both(inner: impl Inner) -> impl Case {
    let client = DeadlineClientLayer::new("bench", DeadlineClientConfig::default());
    let client = super::layer(client, under::<_, Body>(inner));
    let server = DeadlineServerLayer::new("bench", DeadlineServerConfig::default());
    over(super::layer(server, client), timed)
}

pub(crate) fn mainstay_body_timeout(inner: impl Inner) -> impl Case {
    let layer = BodyTimeoutLayer::new("bench", BodyTimeoutConfig::default());
    over(super::layer(layer, under::<_, Body>(inner)), traced)
}

pub(crate) fn mainstay_replay_body(inner: impl Inner) -> impl Case {
    over(ReplayBodyLayer::new().layer(under(inner)), traced)
}

pub(crate) fn mainstay_idempotency_key(inner: impl Inner) -> impl Case {
    let layer = IdempotencyKeyLayer::new("bench");
    over(layer.layer(under::<_, Body>(inner)), traced)
}

pub(crate) fn mainstay_respond(inner: impl Inner) -> impl Case {
    over(RespondLayer::new().layer(under::<_, Body>(inner)), traced)
}

pub(crate) fn mainstay_respond_grpc(inner: impl Inner) -> impl Case {
    let layer = grpc::RespondLayer::new();
    over(layer.layer(under::<_, Body>(inner)), traced)
}

/// Of a trace, as it comes from a peer.
fn traced(_number: u64) -> Request<Body> {
    with_header("traceparent", TRACE)
}

/// Whose caller waits for half a minute.
fn timed(_number: u64) -> Request<Body> {
    with_header("x-request-timeout-ms", "30000")
}

fn with_header(name: &'static str, value: &'static str) -> Request<Body> {
    let mut request = Request::new(Body::default());
    let value = HeaderValue::from_static(value);
    request
        .headers_mut()
        .insert(HeaderName::from_static(name), value);
    request
}

type Under<S, B> = MapResponse<MapRequest<S, fn(Request<B>) -> u64>, fn(u64) -> Response<Body>>;

fn under<S: Inner, B>(inner: S) -> Under<S, B> {
    let inner = MapRequest::new(inner, (|_| 1) as fn(Request<B>) -> u64);
    MapResponse::new(inner, |_| Response::new(Body::default()))
}

fn over<S, B>(service: S, request: fn(u64) -> Request<Body>) -> impl Case
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send,
{
    let service = MapResponse::new(service, |answer: Response<B>| {
        answer.status().as_u16().into()
    });
    MapRequest::new(service, request)
}
