//! A server layer that attaches nothing: the context is current alone.

use mainstay::Rng;
use mainstay::trace::{TraceClientLayer, TraceContext, TraceServerLayer};
use tower::{Layer, ServiceBuilder};

use crate::kit::*;

/// A server that attaches nothing, around a client.
fn unattached() -> impl Layer<
    Callee,
    Service: tower::Service<Request, Response = (), Error = mainstay::Error<&'static str>>,
> {
    ServiceBuilder::new()
        .layer(TraceServerLayer::new("in").attach(false))
        .layer(TraceClientLayer::new("out"))
}

#[tokio::test]
async fn what_is_not_attached_is_current_all_the_same() {
    for asked in [
        request([("traceparent", PARENT), ("tracestate", "a=1")]),
        request([("traceparent", PARENT), ("tracestate", "a = 1")]),
        request([("traceparent", PARENT)]),
    ] {
        let seen = through(&unattached(), asked).await;
        assert_eq!(seen.attached, None);
        let current = seen.current.clone().expect("it is current");
        assert_eq!(current.span_id(), parent().span_id());
        assert_eq!(seen.sent().trace_id(), parent().trace_id());
        assert_eq!(seen.sent().state(), current.state());
        assert_ne!(seen.sent().span_id(), parent().span_id());
    }
    let seen = through(&unattached(), Request::default()).await;
    let root = seen.current.clone().expect("a root is current");
    assert_eq!(seen.attached, None);
    assert_eq!(seen.sent().trace_id(), root.trace_id());
}

#[tokio::test]
async fn what_another_attached_does_not_speak_for_a_request_that_is_not_attached_to() {
    let mut asked = request([("traceparent", PARENT)]);
    asked
        .extensions_mut()
        .insert(TraceContext::root(&Rng::thread()));
    let seen = through(&unattached(), asked).await;
    assert_eq!(seen.attached, None);
    assert_eq!(seen.sent().trace_id(), parent().trace_id());
}
