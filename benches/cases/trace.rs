//! The trace of an HTTP request, taken up and passed on with a new span id.

use http::{HeaderName, HeaderValue};
use tower::util::MapRequest;
use tower::{BoxError, Layer, Service};

use ::mainstay::Rng;
use ::mainstay::trace::{TraceClientLayer, TraceContext, TraceServerLayer};

use super::{Answer, Case};

type Request = http::Request<u64>;

/// The request alone.
pub(crate) fn floor() -> impl Case {
    numbered(answer())
}

/// By the layers of a server and of a client.
pub(crate) fn mainstay() -> impl Case {
    let client = TraceClientLayer::new("bench").layer(answer());
    numbered(TraceServerLayer::new("bench").layer(client))
}

/// The same, and nothing is attached to the request.
pub(crate) fn mainstay_current() -> impl Case {
    let client = TraceClientLayer::new("bench").layer(answer());
    let server = TraceServerLayer::new("bench").attach(false);
    numbered(server.layer(client))
}

/// By values.
pub(crate) fn mainstay_values() -> impl Case {
    let pass_on = |mut request: Request| {
        if let Some(context) = TraceContext::extract(request.headers()) {
            context.child(&Rng::thread()).inject(request.headers_mut());
        }
        request
    };
    numbered(MapRequest::new(answer(), pass_on))
}

/// Answers a request with its number.
pub(crate) fn answer() -> impl Service<Request, Response = u64, Error = BoxError> + Clone + Send {
    MapRequest::new(Answer, |request: Request| {
        *std::hint::black_box(&request).body()
    })
}

/// Has a number come as a request, which has a trace.
fn numbered<S>(service: S) -> impl Case
where
    S: Service<Request, Response = u64, Error = BoxError> + Clone + Send,
{
    MapRequest::new(service, |number| {
        let mut request = Request::new(number);
        request.headers_mut().insert(
            HeaderName::from_static("traceparent"),
            HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        );
        request
    })
}
