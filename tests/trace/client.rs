//! What goes out: a child for each call.

use std::time::Duration;

use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::trace::{
    Always, Baggage, NormalizeTraceLayer, TraceClientLayer, TraceContext, Writer,
};
use mainstay::{Rng, trace::TraceServerLayer};
use tower::{ServiceBuilder, ServiceExt};

use crate::kit::*;

fn client() -> TraceClientLayer {
    TraceClientLayer::new("peer")
}

#[tokio::test]
async fn what_is_attached_comes_before_the_task_s_and_that_before_a_root() {
    let task = TraceContext::root(&Rng::thread());
    let mut asked = Request::default();
    asked.extensions_mut().insert(parent());
    let seen = task.clone().in_scope(through(&client(), asked)).await;
    assert_eq!(seen.sent().trace_id(), parent().trace_id());
    assert_eq!(seen.sent().flags(), parent().flags());

    let client = client();
    let call = through(&client, Request::default());
    let seen = task.clone().in_scope(call).await;
    assert_eq!(seen.sent().trace_id(), task.trace_id());
    assert_ne!(seen.sent().span_id(), task.span_id());

    let seen = through(&client, Request::default()).await;
    assert_ne!(seen.sent().trace_id(), task.trace_id());
    assert!(!seen.sent().flags().is_sampled());
    let seen = through(&client.sampler(Always), Request::default()).await;
    assert!(seen.sent().flags().is_sampled());
}

#[tokio::test]
async fn exactly_one_header_of_each_goes_out_in_the_place_of_any() {
    let other = "00-11111111111111111111111111111111-2222222222222222-00";
    let mut asked = request([
        ("traceparent", other),
        ("traceparent", other),
        ("tracestate", "old=1"),
        ("tracestate", "old=2"),
    ]);
    asked.extensions_mut().insert(parent());
    let seen = through(&client(), asked).await;
    assert_eq!(seen.sent().trace_id(), parent().trace_id());
    assert!(seen.all("tracestate").is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_attempt_of_a_retry_has_a_span_id_of_its_own_in_one_trace() {
    let retry = RetryConfig::default()
        .attempts(3)
        .base(Duration::from_millis(1));
    let stack = ServiceBuilder::new()
        .layer(TraceServerLayer::new("api"))
        .layer(RetryLayer::new("peer", retry).unwrap())
        .layer(client());
    let callee = Callee::failing(2);
    let service = stack.service(callee.clone());
    let asked = request([("traceparent", PARENT), ("tracestate", "a=1")]);
    service.oneshot(asked).await.unwrap();
    let sent: Vec<_> = callee.seen().iter().map(Seen::sent).collect();
    assert_eq!(sent.len(), 3);
    let spans: std::collections::HashSet<_> = sent.iter().map(TraceContext::span_id).collect();
    assert_eq!(spans.len(), 3);
    assert!(!spans.contains(&parent().span_id()));
    for context in &sent {
        assert_eq!(context.trace_id(), parent().trace_id());
        assert_eq!(context.state().as_str(), "a=1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trace_begun_above_the_retry_is_one_for_all_attempts() {
    let retry = RetryConfig::default()
        .attempts(2)
        .base(Duration::from_millis(1));
    let retry = RetryLayer::new("peer", retry).unwrap();
    let callee = Callee::failing(1);
    let stack = ServiceBuilder::new().layer(retry).layer(client());
    let service = stack.service(callee.clone());
    let root = TraceContext::root(&Rng::thread());
    let call = async { service.oneshot(Request::default()).await };
    root.clone().in_scope(call).await.unwrap();
    let seen = callee.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|s| s.sent().trace_id() == root.trace_id()));
    assert_ne!(seen[0].sent().span_id(), seen[1].sent().span_id());
}

#[tokio::test]
async fn a_client_within_a_client_stays_in_the_trace_that_the_outer_one_began() {
    let stack = ServiceBuilder::new().layer(client()).layer(client());
    let seen = through(&stack, Request::default()).await;
    let begun = seen.attached.clone().expect("the root is attached");
    assert_eq!(seen.sent().trace_id(), begun.trace_id());
    assert_ne!(seen.sent().span_id(), begun.span_id());
}

#[tokio::test]
async fn where_another_writes_the_layer_makes_canonical_and_mints_nothing() {
    let layer = client().writer(Writer::Other).baggage(true);
    let task = TraceContext::root(&Rng::thread());
    let mut asked = request([
        ("traceparent", &format!(" {PARENT}")),
        ("tracestate", "a=1,,"),
    ]);
    asked.extensions_mut().insert(task.clone());
    let seen = task.clone().in_scope(through(&layer, asked)).await;
    assert_eq!(seen.all("traceparent"), [PARENT]);
    assert_eq!(seen.all("tracestate"), ["a=1"]);

    let long = ["a", "b", "c"].map(|key| format!("{key}={}", "v".repeat(256)));
    let asked = request([("traceparent", PARENT), ("tracestate", &long.join(","))]);
    let seen = through(&layer, asked).await;
    assert_eq!(seen.all("tracestate"), [long.join(",")]);

    for header in ["", "not valid"] {
        let asked = request([("traceparent", header), ("tracestate", "a=1")]);
        let seen = task.clone().in_scope(through(&layer, asked)).await;
        assert!(seen.headers.is_empty(), "{:?}", seen.headers);
    }
    let seen = task
        .clone()
        .in_scope(through(&layer, Request::default()))
        .await;
    assert!(seen.headers.is_empty(), "{:?}", seen.headers);
}

#[tokio::test]
async fn a_normaliser_keeps_its_hands_off_what_a_client_wrote() {
    let stack = ServiceBuilder::new()
        .layer(client().rng(Rng::seeded(1)))
        .layer(NormalizeTraceLayer::new("peer"));
    let one = through(&stack, Request::default()).await.sent();
    let alone = through(&client().rng(Rng::seeded(1)), Request::default()).await;
    assert_eq!(one, alone.sent());
}

#[tokio::test]
async fn baggage_is_sent_when_asked_attached_before_the_task_s() {
    let stack = |sends| {
        ServiceBuilder::new()
            .layer(TraceServerLayer::new("api").baggage(true))
            .map_request(|_| request([("baggage", "own=1")]))
            .layer(client().baggage(sends))
    };
    let asked = || request([("traceparent", PARENT), ("baggage", "a=1")]);
    assert_eq!(
        through(&stack(false), asked()).await.all("baggage"),
        ["own=1"]
    );
    assert_eq!(through(&stack(true), asked()).await.all("baggage"), ["a=1"]);
    // Where there is none to carry, what the caller set stays.
    let none = through(&stack(true), Request::default()).await;
    assert_eq!(none.all("baggage"), ["own=1"]);

    let mut attached = request([("baggage", "own=1")]);
    attached.extensions_mut().insert(Baggage::parse(b"b=2"));
    let seen = through(&client().baggage(true), attached).await;
    assert_eq!(seen.all("baggage"), ["b=2"]);
}

#[tokio::test]
async fn a_proxy_sends_the_baggage_that_it_left_of_what_came_and_else_its_own() {
    let proxy = |edit: fn(&mut Request)| {
        ServiceBuilder::new()
            .layer(TraceServerLayer::new("in").baggage(true))
            .map_request(move |mut request: Request| {
                edit(&mut request);
                request
            })
            .layer(client().baggage(true))
    };
    let without_user = |request: &mut Request| {
        let baggage = request.extensions_mut().get_mut::<Baggage>();
        baggage.expect("it was attached").remove("user");
    };
    for (came, left) in [("user=alice,a=1", vec!["a=1"]), ("user=alice", vec![])] {
        let asked = request([("traceparent", PARENT), ("baggage", came)]);
        let seen = through(&proxy(without_user), asked).await;
        assert_eq!(seen.all("baggage"), left, "of {came}");
    }

    // Where nothing came, nothing takes away what the proxy says; nor does what was attached before.
    let with_own = |request: &mut Request| {
        let own = http::HeaderValue::from_static("own=1");
        request.headers_mut().insert("baggage", own);
    };
    let mut asked = Request::default();
    asked.extensions_mut().insert(Baggage::parse(b"old=1"));
    let seen = through(&proxy(with_own), asked).await;
    assert_eq!(seen.all("baggage"), ["own=1"]);
}
