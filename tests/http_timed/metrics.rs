//! Every body is counted once, and the gauge of open ones returns to zero.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::{Empty, Full, StreamBody};
use mainstay::Deadline;
use mainstay::deadline::Cover;
use mainstay::http::{BodyTimeout, BodyTimeoutLayer, CoverBody};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tower::{Layer, ServiceExt, service_fn};

use super::kit::{
    Broken, MILLI, NEARLY, NEVER, SECOND, config, data, limits, next, paced, poll, read, silent,
    trailers,
};

fn recorded<T>(make: impl FnOnce() -> T) -> (T, Snapshotter) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    (::metrics::with_local_recorder(&recorder, make), snapshotter)
}

/// What has changed since the last look, as `name{what} by`.
fn changes(layer: &str, metrics: &Snapshotter) -> Vec<String> {
    let snapshot = metrics.snapshot().into_vec().into_iter();
    let mut changes: Vec<_> = snapshot
        .filter_map(|(key, _, _, value)| {
            let key = key.key();
            let label = |name| {
                let found = key.labels().find(|label| label.key() == name);
                found.map(::metrics::Label::value)
            };
            assert_eq!((label("layer"), label("name")), (Some(layer), Some("db")));
            let what = label("outcome").or(label("kind")).or(label("limit"));
            let name = key.name().trim_start_matches("mainstay_");
            match value {
                DebugValue::Counter(0) => None,
                DebugValue::Counter(by) => {
                    Some(format!("{name}{{{}}} {by}", what.unwrap_or_default()))
                }
                DebugValue::Gauge(by) if *by == 0.0 => None,
                DebugValue::Gauge(by) => Some(format!("{name} {by}")),
                DebugValue::Histogram(_) => Some(name.to_owned()),
            }
        })
        .collect();
    changes.sort();
    changes
}

fn layer() -> (BodyTimeoutLayer, Snapshotter) {
    recorded(|| BodyTimeoutLayer::new("db", config(SECOND, SECOND, 5 * SECOND)).unwrap())
}

/// One call over a body that is made by `body`.
async fn call<B>(
    layer: &BodyTimeoutLayer,
    body: impl FnOnce() -> B,
) -> std::pin::Pin<Box<mainstay::http::TimedBody<B>>>
where
    B: http_body::Body<Data = Bytes>,
{
    let body = std::sync::Mutex::new(Some(body()));
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, Broken>(Response::new(body.lock().unwrap().take().unwrap()))
    });
    let service: BodyTimeout<_> = layer.layer(inner);
    let response = service.oneshot(Request::new(())).await.unwrap();
    Box::pin(response.into_body())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_counted_when_its_body_is_over_and_open_until_then() {
    let (layer, metrics) = layer();
    let mut body = call(&layer, || paced(vec![(MILLI, data("a"))], false)).await;
    assert_eq!(changes("body_timeout", &metrics), ["bodies_open 1"]);
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
    assert_eq!(changes("body_timeout", &metrics), [""; 0]);
    assert!(next(&mut body).await.is_none());
    let over = ["bodies_open -1", "calls_total{ok} 1"];
    assert_eq!(changes("body_timeout", &metrics), over, "the body is there");
    drop(body);
    assert_eq!(changes("body_timeout", &metrics), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn each_end_is_counted_once() {
    let (layer, metrics) = layer();
    let ok = ["calls_total{ok} 1"];
    let error = ["calls_total{error} 1"];
    drop(call(&layer, Empty::<Bytes>::new).await);
    assert_eq!(changes("body_timeout", &metrics), ok, "no body");
    let mut body = call(&layer, || Full::new(Bytes::from_static(b"a"))).await;
    assert!(poll(&mut body).is_ready());
    assert_eq!(changes("body_timeout", &metrics), ok, "its last frame");
    let mut body = call(&layer, || paced(vec![(MILLI, trailers())], true)).await;
    assert!(next(&mut body).await.is_some());
    assert_eq!(changes("body_timeout", &metrics), ok, "trailers");
    let broken = vec![(MILLI, Err(Broken(1))), (MILLI, Err(Broken(2)))];
    let mut body = call(&layer, || paced(broken, false)).await;
    for _ in 0..2 {
        assert!(next(&mut body).await.unwrap().is_err());
    }
    assert!(next(&mut body).await.is_none());
    assert_eq!(changes("body_timeout", &metrics), error, "its error");

    let fails = service_fn(|_: Request<()>| async { Err::<Response<Empty<Bytes>>, _>(Broken(7)) });
    let failed = layer.layer(fails).oneshot(Request::new(())).await;
    assert!(failed.is_err());
    assert_eq!(changes("body_timeout", &metrics), error, "no head");
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_counted_once_by_its_limit_and_its_kind() {
    let (layer, metrics) = layer();
    let pace = |wait| move || paced((0..9).map(|_| (wait, data("x"))).collect(), true);
    let expected = |kind, limit| {
        [
            format!("body_timeouts_total{{{limit}}} 1"),
            "calls_total{rejected} 1".to_owned(),
            format!("rejections_total{{{kind}}} 1"),
        ]
    };
    for (wait, limit) in [
        (2 * SECOND, "first"),
        (Duration::ZERO, "idle"),
        (NEARLY, "total"),
    ] {
        let mut body = call(&layer, pace(wait)).await;
        changes("body_timeout", &metrics);
        assert!(read(&mut body).await.1.is_some());
        let mut counted = changes("body_timeout", &metrics);
        counted.retain(|change| !change.starts_with("bodies_open"));
        assert_eq!(counted, expected("timeout", limit));
    }
    changes("body_timeout", &metrics);
    let calling = call(&layer, silent);
    let mut body = Deadline::within(MILLI).scope(calling).await;
    assert!(read(&mut body).await.1.is_some());
    let counted = changes("body_timeout", &metrics);
    assert_eq!(counted, expected("deadline_exceeded", "deadline"));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_or_unwinds_is_cancelled() {
    let (layer, metrics) = layer();
    let cancelled = ["calls_total{cancelled} 1"];
    drop(call(&layer, silent).await);
    assert_eq!(changes("body_timeout", &metrics), cancelled, "unread");
    let mut body = call(&layer, silent).await;
    assert!(poll(&mut body).is_pending());
    drop(body);
    assert_eq!(changes("body_timeout", &metrics), cancelled, "half read");

    let panics = futures::stream::poll_fn(|_| -> std::task::Poll<Option<super::kit::Item>> {
        panic!("as it was told")
    });
    let mut body = call(&layer, || StreamBody::new(panics)).await;
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut body).is_ready())).is_err());
    drop(body);
    assert_eq!(changes("body_timeout", &metrics), cancelled, "a panic");

    let hangs = service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<Empty<Bytes>>, Broken>>()
    });
    let call = layer.layer(hangs).oneshot(Request::new(()));
    assert!(call.now_or_never().is_none());
    assert_eq!(changes("body_timeout", &metrics), cancelled, "no head yet");
}

#[tokio::test(start_paused = true)]
async fn a_covered_body_is_counted_as_one_of_the_deadline() {
    let (cover, metrics) = recorded(|| CoverBody::new("db"));
    let response = cover.cover(Response::new(silent()), Deadline::within(SECOND));
    assert_eq!(changes("body_deadline", &metrics), ["bodies_open 1"]);
    let mut body = Box::pin(response.into_body());
    assert!(read(&mut body).await.1.is_some());
    let counted = [
        "bodies_open -1",
        "body_timeouts_total{deadline} 1",
        "calls_total{rejected} 1",
        "rejections_total{deadline_exceeded} 1",
    ];
    assert_eq!(changes("body_deadline", &metrics), counted);
}

#[tokio::test(start_paused = true)]
async fn a_body_wrapped_by_hand_is_not_counted() {
    let (mut body, metrics) = recorded(|| {
        let limits = limits(SECOND, SECOND, NEVER);
        Box::pin(mainstay::http::TimedBody::new(silent(), limits, "db"))
    });
    assert!(read(&mut body).await.1.is_some());
    assert!(metrics.snapshot().into_vec().is_empty());
}
