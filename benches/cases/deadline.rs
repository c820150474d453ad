//! The deadline of an HTTP request, taken up, and said to the next hop.

use http::{HeaderName, HeaderValue, Request};
use tower::util::MapRequest;
use tower::{BoxError, Service};

use ::mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};

use super::trace::answer;
use super::{Case, layer};

/// The request alone.
pub(crate) fn floor() -> impl Case {
    timed(answer())
}

/// Taken up.
pub(crate) fn mainstay_server() -> impl Case {
    let config = DeadlineServerConfig::default();
    timed(layer(DeadlineServerLayer::new("bench", config), answer()))
}

/// And said to the next hop.
pub(crate) fn mainstay_both() -> impl Case {
    let config = DeadlineClientConfig::default();
    let client = layer(DeadlineClientLayer::new("bench", config), answer());
    let config = DeadlineServerConfig::default();
    timed(layer(DeadlineServerLayer::new("bench", config), client))
}

/// Has a number come as a request whose caller waits for half a minute.
fn timed<S>(service: S) -> impl Case
where
    S: Service<Request<u64>, Response = u64, Error = BoxError> + Clone + Send,
{
    MapRequest::new(service, |number| {
        let mut request = Request::new(number);
        request.headers_mut().insert(
            HeaderName::from_static("x-request-timeout-ms"),
            HeaderValue::from_static("30000"),
        );
        request
    })
}
