//! A server whose stack refuses: what its clients read.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::http::{RespondLayer, UntilBodyEnd};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Deadline, Error, Executed, Kind, Rejection, error};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

fn app() -> Router {
    let limit = TimeoutConfig::default().limit(Duration::from_millis(100));
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(TimeoutLayer::http("slow-ledger", limit).unwrap())
        .layer(error::layer());
    Router::new()
        .route("/fast", get(|| async { "done" }))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/slow", get(|| tokio::time::sleep(Duration::from_secs(9))))
        .layer(stack)
}

fn request(method: Method, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.body(Body::empty()).unwrap()
}

async fn ask(request: Request<Body>) -> (StatusCode, String, Bytes) {
    let response = app().oneshot(request).await.unwrap();
    let content_type = response.headers().get("content-type");
    let content_type = content_type.map_or("", |value| value.to_str().unwrap());
    let (status, content_type) = (response.status(), content_type.to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, content_type, body)
}

#[tokio::test(start_paused = true)]
async fn what_the_handlers_answer_passes_through() {
    let (status, _, body) = ask(request(Method::GET, "/fast")).await;
    assert_eq!((status, &*body), (StatusCode::OK, &b"done"[..]));
    for path in ["/missing", "/nowhere"] {
        let (status, content_type, body) = ask(request(Method::GET, path)).await;
        assert_eq!((status, &*content_type), (StatusCode::NOT_FOUND, ""));
        assert!(body.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_problem_and_names_nothing_inside() {
    let (status, content_type, body) = ask(request(Method::GET, "/slow")).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(content_type, "application/problem+json");
    let problem: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({
        "type": "about:blank",
        "title": "Gateway Timeout",
        "status": 504,
        "detail": "The request took too long.",
        "kind": "timeout",
    });
    assert_eq!(problem, expected);
}

#[tokio::test(start_paused = true)]
async fn a_head_request_gets_the_status_without_the_problem() {
    let (status, content_type, body) = ask(request(Method::HEAD, "/slow")).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(content_type, "application/problem+json");
    assert!(body.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_held_until_the_answer_has_been_read_and_the_next_is_refused() {
    let one = BulkheadConfig::default().concurrency(1);
    let bulkhead = BulkheadLayer::http("api", one).unwrap().hold(UntilBodyEnd);
    let handle = bulkhead.handle();
    let router = Router::new().route("/", get(async || "read me")).layer(
        ServiceBuilder::new()
            .layer(RespondLayer::new())
            .layer(bulkhead)
            .layer(error::layer()),
    );
    let ask = || router.clone().oneshot(request(Method::GET, "/"));

    let first = ask().await.unwrap();
    assert_eq!((first.status(), handle.in_flight()), (StatusCode::OK, 1));
    assert_eq!(
        ask().await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );

    let body = first.into_body().collect().await.unwrap().to_bytes();
    assert_eq!((&*body, handle.in_flight()), (&b"read me"[..], 0));
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_in_a_requests_extensions_ends_the_call() {
    let mut late = request(Method::GET, "/slow");
    Deadline::within(Duration::from_millis(10)).attach(late.extensions_mut());
    let started = tokio::time::Instant::now();
    let (status, _, body) = ask(late).await;
    // tokio's timers are exact to the millisecond.
    assert!(started.elapsed() < Duration::from_millis(15));
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(problem["kind"], "deadline_exceeded");
}

type Reply = Response<Full<Bytes>>;

/// Refuses, or fails, when it is to become ready and when it is called, as the flags say.
#[derive(Clone)]
struct Failing<E> {
    ready: Option<E>,
    call: Option<E>,
}

impl<E: Clone> Service<()> for Failing<E> {
    type Response = Reply;
    type Error = E;
    type Future = std::future::Ready<Result<Reply, E>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(self.ready.take().map_or(Ok(()), Err))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        let reply = || Reply::new(Full::new(Bytes::from_static(b"done")));
        std::future::ready(self.call.take().map_or_else(|| Ok(reply()), Err))
    }
}

fn refusal(kind: Kind) -> Rejection {
    Rejection::new(kind, Executed::No, "ledger".into())
}

async fn status<S>(service: &mut S) -> StatusCode
where
    S: Service<(), Response = Reply, Error = Infallible>,
{
    let service = service.ready().await.unwrap();
    service.call(()).await.unwrap().status()
}

#[tokio::test]
async fn a_service_that_fails_to_become_ready_is_answered_for_and_asked_again() {
    let inner = Failing {
        ready: Some(Error::<&str>::from(refusal(Kind::CircuitOpen))),
        call: None,
    };
    let mut service = RespondLayer::new().layer(inner.clone());
    assert_eq!(status(&mut service).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status(&mut service).await, StatusCode::OK);

    // What one instance met is not its clone's.
    let mut service = RespondLayer::new().layer(inner);
    service.ready().await.unwrap();
    let mut clone = service.clone();
    assert_eq!(status(&mut clone).await, StatusCode::OK);
    assert_eq!(status(&mut service).await, StatusCode::SERVICE_UNAVAILABLE);

    let unexpected = Failing {
        ready: Some(Error::Inner("lost")),
        call: None,
    };
    let mut service = RespondLayer::new().layer(unexpected);
    assert_eq!(
        status(&mut service).await,
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test]
async fn every_kind_has_a_status_and_another_when_asked_for() {
    let busy = [
        Kind::CircuitOpen,
        Kind::BulkheadFull,
        Kind::QueueTimeout,
        Kind::NotReady,
    ];
    let late = [Kind::Timeout, Kind::DeadlineExceeded];
    let expected = busy.map(|kind| (kind, StatusCode::SERVICE_UNAVAILABLE));
    let late = late.map(|kind| (kind, StatusCode::GATEWAY_TIMEOUT));
    let plain = RespondLayer::new();
    let own = RespondLayer::new()
        .status(Kind::BulkheadFull, StatusCode::BAD_GATEWAY)
        .and_then(|layer| layer.status(Kind::BulkheadFull, StatusCode::TOO_MANY_REQUESTS))
        .unwrap();
    for (kind, expected) in expected.into_iter().chain(late) {
        let inner = Failing {
            ready: None,
            call: Some(Error::<&str>::from(refusal(kind))),
        };
        assert_eq!(status(&mut plain.layer(inner.clone())).await, expected);
        let own_status = status(&mut own.layer(inner)).await;
        if kind == Kind::BulkheadFull {
            assert_eq!(own_status, StatusCode::TOO_MANY_REQUESTS);
        } else {
            assert_eq!(own_status, expected, "{kind:?}");
        }
    }
}

#[test]
fn a_refusal_cannot_be_answered_as_a_success() {
    for (status, good) in [
        (100, false),
        (200, false),
        (399, false),
        (400, true),
        (599, true),
        (600, false),
        (999, false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let layer = RespondLayer::new().status(Kind::Timeout, status);
        assert_eq!(layer.is_ok(), good, "{status}");
    }
}

#[tokio::test]
async fn an_error_that_is_no_refusal_is_a_500_without_a_word_of_it_and_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let layer = metrics::with_local_recorder(&recorder, RespondLayer::new);
    let refuse =
        service_fn(|(): ()| async { Err::<Reply, BoxError>(refusal(Kind::Timeout).into()) });
    let reply = layer.layer(refuse).oneshot(()).await.unwrap();
    assert_eq!(reply.status(), StatusCode::GATEWAY_TIMEOUT, "not counted");
    let mut service = ServiceBuilder::new()
        .layer(layer)
        .service_fn(|(): ()| async { Err::<Reply, BoxError>("password is hunter2".into()) });
    let reply = service.ready().await.unwrap().call(()).await.unwrap();
    assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({"type": "about:blank", "title": "Internal Server Error", "status": 500});
    assert_eq!(problem, expected);

    let metrics = snapshotter.snapshot().into_vec();
    let counted = metrics
        .iter()
        .find(|metric| metric.0.key().name() == "mainstay_respond_errors_total");
    assert_eq!(counted.unwrap().3, DebugValue::Counter(1));
}
