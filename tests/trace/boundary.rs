//! Peers that are not believed.

use mainstay::trace::{
    Always, Baggage, Boundary, Never, ParentBased, TraceClientLayer, TraceServerLayer,
};
use tower::ServiceBuilder;

use crate::kit::*;

fn asked() -> Request {
    request([
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("baggage", "b=2"),
    ])
}

#[tokio::test]
async fn a_restart_makes_all_anew_and_keeps_nothing() {
    let layer = TraceServerLayer::new("edge")
        .boundary(Boundary::Restart)
        .baggage(true);
    let mut asked = asked();
    asked.extensions_mut().insert(parent());
    asked.extensions_mut().insert(Baggage::parse(b"old=1"));
    let seen = through(&layer, asked).await;
    assert_ne!(seen.sent().trace_id(), parent().trace_id());
    assert_ne!(seen.sent().span_id(), parent().span_id());
    assert_eq!(seen.sent().flags().bits(), 0b10);
    assert!(seen.all("tracestate").is_empty() && seen.all("baggage").is_empty());
    assert!(seen.baggage.is_empty());
    assert_eq!(seen.attached, Some(seen.sent()));
}

#[tokio::test]
async fn a_restart_that_keeps_the_state_keeps_that_alone() {
    let layer = TraceServerLayer::new("edge").boundary(Boundary::RestartKeepState);
    let seen = through(&layer, asked()).await;
    assert_ne!(seen.sent().trace_id(), parent().trace_id());
    assert_eq!(seen.all("tracestate"), ["a=1"]);
    assert!(seen.all("baggage").is_empty());

    // Without a valid parent there is no state to keep.
    let seen = through(&layer, request([("tracestate", "a=1")])).await;
    assert!(seen.all("tracestate").is_empty());
}

#[tokio::test]
async fn baggage_from_outside_does_not_pass_with_a_trace_that_begins_here() {
    for headers in [
        vec![("baggage", "b=2")],
        vec![("traceparent", "not valid"), ("baggage", "b=2")],
    ] {
        let layer = TraceServerLayer::new("edge")
            .boundary(Boundary::Restart)
            .baggage(true);
        let stack = ServiceBuilder::new()
            .layer(layer)
            .layer(TraceClientLayer::new("peer").baggage(true));
        let mut asked = Request::default();
        for (name, value) in headers {
            asked.headers_mut().append(name, value.parse().unwrap());
        }
        asked.extensions_mut().insert(Baggage::parse(b"old=1"));
        let seen = through(&stack, asked).await;
        assert!(seen.all("baggage").is_empty() && seen.baggage.is_empty());
    }
}

#[tokio::test]
async fn a_boundary_can_be_decided_by_request() {
    let layer = TraceServerLayer::new("edge").boundary(|request: &Request| {
        if request.headers().contains_key("x-ours") {
            Boundary::Continue
        } else {
            Boundary::Restart
        }
    });
    let seen = through(&layer, asked()).await;
    assert_ne!(seen.sent().trace_id().to_string(), TRACE);
    let ours = request([("traceparent", PARENT), ("x-ours", "1")]);
    let seen = through(&layer, ours).await;
    assert_eq!(seen.sent().trace_id().to_string(), TRACE);
}

#[tokio::test]
async fn a_sampler_may_believe_the_flag_of_a_peer_whose_ids_are_not_believed() {
    let unsampled = PARENT.replace("-01", "-00");
    let based = |header: String, root_sampled: bool| async move {
        let layer = TraceServerLayer::new("edge").boundary(Boundary::Restart);
        let asked = request([("traceparent", &header)]);
        let seen = if root_sampled {
            through(&layer.sampler(ParentBased::new(Always)), asked).await
        } else {
            through(&layer.sampler(ParentBased::new(Never)), asked).await
        };
        assert_ne!(seen.sent().trace_id().to_string(), TRACE);
        seen.sent().flags().is_sampled()
    };
    assert!(based(PARENT.to_owned(), false).await);
    assert!(!based(unsampled, true).await);
    assert!(based("not valid".to_owned(), true).await);
    assert!(!based("not valid".to_owned(), false).await);
}
