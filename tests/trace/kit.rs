//! Requests, and a service that writes down what it was called with.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::HeaderMap;
use mainstay::trace::{Baggage, TraceContext};
use tower::{Layer, Service, ServiceExt};

pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) type Request = http::Request<()>;

pub(crate) fn request<const N: usize>(headers: [(&str, &str); N]) -> Request {
    let mut request = Request::default();
    for (name, value) in headers {
        let name = http::HeaderName::try_from(name).unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// What one call saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) attached: Option<TraceContext>,
    pub(crate) current: Option<TraceContext>,
    pub(crate) baggage: Baggage,
}

impl Seen {
    /// What the headers say; exactly one `traceparent`.
    #[track_caller]
    pub(crate) fn sent(&self) -> TraceContext {
        assert_eq!(self.all("traceparent").len(), 1, "{:?}", self.headers);
        assert!(self.all("tracestate").len() <= 1, "{:?}", self.headers);
        TraceContext::extract(&self.headers).expect("what is sent is valid")
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).into_iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}

/// A service that keeps what it sees, and fails as often as it was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callee {
    seen: Arc<Mutex<Vec<Seen>>>,
    failures: usize,
}

impl Callee {
    pub(crate) fn failing(failures: usize) -> Self {
        Self {
            failures,
            ..Self::default()
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("it was called")
    }
}

impl Service<Request> for Callee {
    type Response = ();
    type Error = mainstay::Error<&'static str>;
    type Future = Ready<Result<(), Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let mut seen = self.seen.lock().unwrap();
        seen.push(Seen {
            attached: request.extensions().get().cloned(),
            current: TraceContext::current(),
            baggage: Baggage::current(),
            headers: request.into_parts().0.headers,
        });
        ready(if seen.len() > self.failures {
            Ok(())
        } else {
            Err(mainstay::Error::Inner("not yet"))
        })
    }
}

/// Calls a new service of the layer.
pub(crate) async fn through<L>(layer: &L, request: Request) -> Seen
where
    L: Layer<
            Callee,
            Service: Service<Request, Response = (), Error = mainstay::Error<&'static str>>,
        >,
{
    let callee = Callee::default();
    let answer = layer.layer(callee.clone()).oneshot(request).await;
    answer.expect("the callee answers");
    callee.last()
}

pub(crate) fn parent() -> TraceContext {
    PARENT.parse().unwrap()
}

/// A service of a closure that does not fail.
pub(crate) fn handler<F, Fut>(
    handle: F,
) -> impl Service<Request, Response = Fut::Output, Error = Infallible> + Clone
where
    F: Fn(Request) -> Fut + Clone,
    Fut: Future,
{
    tower::service_fn(move |request| {
        let answer = handle(request);
        async move { Ok(answer.await) }
    })
}
