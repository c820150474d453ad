//! What comes in: continued, or begun once.

use mainstay::Rng;
use mainstay::trace::{
    Always, Baggage, ByRatio, NormalizeTraceLayer, TraceClientLayer, TraceContext, TraceServerLayer,
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::kit::*;

#[tokio::test]
async fn a_context_goes_on_as_it_came_attached_current_and_canonical() {
    for (header, flags) in [
        (PARENT.to_owned(), "01"),
        (format!(" \t{PARENT}  "), "01"),
        (PARENT.replacen("00-", "cc-", 1) + "-more", "01"),
        (PARENT.replacen("00-", "cc-", 1), "01"),
        (PARENT.replace("-01", "-05"), "01"),
        (PARENT.replace("-01", "-11"), "01"),
        (PARENT.replace("-01", "-02"), "02"),
        (PARENT.replace("-01", "-ff"), "03"),
    ] {
        for state in [" a=1 ,, b=2 ", "a=1,b=2"] {
            let asked = request([("traceparent", &header), ("tracestate", state)]);
            let seen = through(&TraceServerLayer::new("api"), asked).await;
            let expected = PARENT.replace("-01", &format!("-{flags}"));
            assert_eq!(seen.all("traceparent"), [expected.as_str()]);
            assert_eq!(seen.all("tracestate"), ["a=1,b=2"]);
            assert_eq!(seen.attached, Some(seen.sent()));
            assert_eq!(seen.current, seen.attached);
        }
    }
}

#[tokio::test]
async fn a_state_without_a_member_is_removed() {
    for state in ["", " ", ",,", " , "] {
        let asked = request([("traceparent", PARENT), ("tracestate", state)]);
        let seen = through(&TraceServerLayer::new("api"), asked).await;
        assert!(seen.all("tracestate").is_empty(), "{state:?}");
        assert_eq!(seen.all("traceparent"), [PARENT]);
    }
}

#[tokio::test]
async fn what_is_not_valid_begins_a_trace_and_its_state_is_dropped() {
    let upper = PARENT.to_uppercase();
    for headers in [
        vec![],
        vec![PARENT, PARENT],
        vec![&upper],
        vec!["00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"],
        vec![""],
    ] {
        let mut asked = request([("tracestate", "a=1")]);
        for header in &headers {
            asked
                .headers_mut()
                .append("traceparent", header.parse().unwrap());
        }
        let seen = through(&TraceServerLayer::new("api"), asked).await;
        assert_ne!(seen.sent().trace_id().to_string(), TRACE, "{headers:?}");
        assert_eq!(seen.sent().flags().bits(), 0b10, "{headers:?}");
        assert!(seen.all("tracestate").is_empty(), "{headers:?}");
        assert_eq!(seen.attached, Some(seen.sent()));
        assert_eq!(seen.current, seen.attached);
    }
}

#[tokio::test]
async fn one_root_is_shared_by_all_calls_of_one_request_and_by_no_other_request() {
    let callee = Callee::default();
    let client = TraceClientLayer::new("peer").layer(callee.clone());
    let handle = handler(move |_| {
        let client = client.clone();
        async move {
            for _ in 0..3 {
                let call = client.clone().oneshot(Request::default());
                call.await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let server = TraceServerLayer::new("api").layer(handle);
    for headers in [vec![], vec!["not valid"]] {
        let mut traces = Vec::new();
        for _ in 0..2 {
            let mut asked = Request::default();
            for header in &headers {
                let value = http::HeaderValue::from_static(header);
                asked.headers_mut().append("traceparent", value);
            }
            let before = callee.seen().len();
            server.clone().oneshot(asked).await.unwrap();
            let calls: Vec<_> = callee.seen()[before..].iter().map(Seen::sent).collect();
            assert_eq!(calls.len(), 3);
            assert!(calls.iter().all(|c| c.trace_id() == calls[0].trace_id()));
            let [a, b, c] = [0, 1, 2].map(|at: usize| calls[at].span_id());
            assert!(a != b && b != c && a != c);
            traces.push(calls[0].trace_id());
        }
        assert_ne!(traces[0], traces[1]);
    }
}

#[tokio::test]
async fn a_sampler_is_asked_for_roots_alone() {
    let all = TraceServerLayer::new("api").sampler(Always);
    let unsampled = PARENT.replace("-01", "-00");
    let seen = through(&all, request([("traceparent", &unsampled)])).await;
    assert!(!seen.sent().flags().is_sampled());
    let seen = through(&all, Request::default()).await;
    assert!(seen.sent().flags().is_sampled() && seen.sent().flags().is_random());

    let none = TraceServerLayer::new("api").sampler(ByRatio::new(mainstay::Ratio::ZERO));
    let seen = through(&none, request([("traceparent", PARENT)])).await;
    assert!(seen.sent().flags().is_sampled());
    let seen = through(&none, Request::default()).await;
    assert!(!seen.sent().flags().is_sampled());
}

#[tokio::test]
async fn ids_come_from_the_given_randomness() {
    let layer = |seed| TraceServerLayer::new("api").rng(Rng::seeded(seed));
    let one = through(&layer(7), Request::default()).await;
    let same = through(&layer(7), Request::default()).await;
    let other = through(&layer(8), Request::default()).await;
    assert_eq!(one.attached, same.attached);
    assert_ne!(one.attached, other.attached);
}

/// 8 members of 100 bytes.
fn long_state() -> String {
    let members: Vec<_> = (0..8).map(|n| format!("k{n}={}", "v".repeat(97))).collect();
    members.join(",")
}

#[tokio::test]
async fn a_state_is_cut_to_its_limit_in_whole_members() {
    for wrong in [0, 511] {
        let said = TraceServerLayer::new("api").state_bytes_max(wrong);
        let said = said.expect_err("out of range").to_string();
        assert!(said.contains("state_bytes_max") && said.contains("512"));
        assert!(
            NormalizeTraceLayer::new("api")
                .state_bytes_max(wrong)
                .is_err()
        );
    }
    let state = long_state();
    for (limit, members) in [(512, 5), (807, 8), (806, 7), (usize::MAX, 8)] {
        let asked = || request([("traceparent", PARENT), ("tracestate", &state)]);
        let server = TraceServerLayer::new("api").state_bytes_max(limit).unwrap();
        let seen = through(&server, asked()).await;
        assert_eq!(seen.sent().state().iter().count(), members, "{limit}");
        let normal = NormalizeTraceLayer::new("api").state_bytes_max(limit);
        let seen = through(&normal.unwrap(), asked()).await;
        assert_eq!(seen.sent().state().iter().count(), members, "{limit}");
    }
}

#[tokio::test]
async fn a_proxy_that_forwards_the_request_sends_nothing_stale() {
    let proxy = ServiceBuilder::new()
        .layer(TraceServerLayer::new("in"))
        .layer(TraceClientLayer::new("out"));
    let valid = request([("traceparent", PARENT), ("tracestate", "a=1")]);
    let seen = through(&proxy, valid).await;
    assert_eq!(seen.sent().trace_id().to_string(), TRACE);
    assert_ne!(seen.sent().span_id(), parent().span_id());
    assert_eq!(seen.all("tracestate"), ["a=1"]);

    let twice = request([("traceparent", PARENT), ("traceparent", PARENT)]);
    let seen = through(&proxy, twice).await;
    assert_ne!(seen.sent().trace_id().to_string(), TRACE);
    let root = seen.attached.clone().expect("the root");
    assert_eq!(seen.sent().trace_id(), root.trace_id());
    assert_ne!(seen.sent().span_id(), root.span_id());
}

#[tokio::test]
async fn a_normaliser_makes_canonical_or_strips_and_mints_nothing() {
    let layer = NormalizeTraceLayer::new("api");
    let future = PARENT.replacen("00-", "01-", 1) + "-x";
    let asked = request([("traceparent", &future), ("tracestate", "a=1 ,b=2")]);
    let seen = through(&layer, asked).await;
    assert_eq!(seen.all("traceparent"), [PARENT]);
    assert_eq!(seen.all("tracestate"), ["a=1,b=2"]);
    assert_eq!((seen.attached, seen.current), (None, None));

    for headers in [
        vec![("tracestate", "a=1")],
        vec![("traceparent", "x"), ("tracestate", "a=1")],
        vec![("traceparent", PARENT), ("traceparent", PARENT)],
        vec![],
    ] {
        let mut asked = Request::default();
        for (name, value) in &headers {
            asked.headers_mut().append(*name, value.parse().unwrap());
        }
        let seen = through(&layer, asked).await;
        assert!(seen.headers.is_empty(), "{headers:?}");
    }
}

#[tokio::test]
async fn baggage_is_carried_when_asked_and_else_left_alone() {
    let asked = || request([("traceparent", PARENT), ("baggage", "a=1 , b=2,=")]);
    let seen = through(&TraceServerLayer::new("api"), asked()).await;
    assert_eq!(seen.all("baggage"), ["a=1 , b=2,="]);
    assert!(seen.baggage.is_empty());

    let carries = TraceServerLayer::new("api").baggage(true);
    let seen = through(&carries, asked()).await;
    assert_eq!(seen.all("baggage"), ["a=1,b=2"]);
    assert_eq!(seen.baggage.get("b").as_deref(), Some("2"));
}

#[tokio::test]
async fn the_scope_of_a_request_hides_the_baggage_around_it() {
    let carries = TraceServerLayer::new("api").baggage(true);
    let inner = TraceServerLayer::new("api").layer(handler(async |_| Baggage::current()));
    let mut outer = carries.layer(handler(move |_| {
        let inner = inner.clone();
        async move { (Baggage::current(), inner.oneshot(Request::default()).await) }
    }));
    let asked = request([("baggage", "a=1")]);
    let (outside, inside) = outer.ready().await.unwrap().call(asked).await.unwrap();
    assert_eq!(outside.as_str(), "a=1");
    assert!(inside.unwrap().is_empty());
    assert_eq!(TraceContext::current(), None);
}
