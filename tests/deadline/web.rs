//! Set up for HTTP.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use http::header::HeaderName;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use mainstay::http::RespondLayer;
use mainstay::{Deadline, Error, Kind, Rejection, error};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::MS;

const LEFT: &str = "x-request-timeout-ms";

fn app() -> Router {
    let slow_body = || async {
        let parts = stream::unfold(0, |part| async move {
            tokio::time::sleep(100 * MS).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"part")), part + 1))
        });
        Body::from_stream(parts)
    };
    let left = |request: Request<Body>| async move {
        let deadline = Deadline::of(request.extensions());
        assert_eq!(deadline, Deadline::current());
        format!("{:?}", deadline.map(|at| at.remaining(Instant::now())))
    };
    let hang = || std::future::pending::<()>();
    Router::new()
        .route("/left", get(left))
        .route("/hang", get(hang))
        .route("/stream", get(slow_body))
        .layer(
            ServiceBuilder::new()
                .layer(RespondLayer::new())
                .layer(DeadlineServerLayer::http("api", DeadlineServerConfig::default()).unwrap())
                .layer(error::layer()),
        )
}

async fn ask(path: &str, name: &str, value: &[u8]) -> Response<Body> {
    let request = Request::get(path).header(name, value).body(Body::empty());
    app().oneshot(request.unwrap()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_over_on_arrival_or_while_it_runs_is_a_504() {
    for (path, left) in [("/left", "0"), ("/hang", "250")] {
        let answer = ask(path, LEFT, left.as_bytes()).await;
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["kind"], "deadline_exceeded");
    }
}

#[tokio::test(start_paused = true)]
async fn the_handler_is_told_what_is_left() {
    for (name, value, left) in [
        (LEFT, &b"250"[..], "Some(250ms)"),
        ("grpc-timeout", b"3S", "Some(3s)"),
        ("X-Request-Timeout-Ms", b"7", "Some(7ms)"),
        (LEFT, b"\xff\xfe", "None"),
        ("x-envoy-expected-rq-timeout-ms", b"5", "None"),
    ] {
        let body = ask("/left", name, value).await.into_body();
        let said = body.collect().await.unwrap().to_bytes();
        assert_eq!(said, left.as_bytes(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_streams_past_the_deadline_breaks_off() {
    let answer = ask("/stream", LEFT, b"250").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut body = answer.into_body();
    for _ in 0..2 {
        assert!(body.frame().await.unwrap().is_ok());
    }
    let cut = body.frame().await.unwrap().unwrap_err();
    let mut cause: &dyn std::error::Error = &cut;
    let kind = loop {
        if let Some(refusal) = cause.downcast_ref::<Rejection>() {
            break refusal.kind();
        }
        cause = cause.source().expect("a refusal is the cause");
    };
    assert_eq!(kind, Kind::DeadlineExceeded);
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_client_writes_one_header_and_bounds_the_body() {
    let transport = service_fn(|request: Request<()>| async move {
        let said = request.headers().get_all(LEFT).iter().cloned();
        let said: Vec<HeaderValue> = said.collect();
        assert!(!request.headers().contains_key("grpc-timeout"));
        assert_eq!(
            Deadline::of(request.extensions()),
            Some(Deadline::within(105 * MS))
        );
        assert_eq!(said, ["100"]);
        let stalls = stream::pending::<Result<Bytes, Infallible>>();
        Ok::<_, Error<()>>(Response::new(Body::from_stream(stalls)))
    });
    let config = DeadlineClientConfig::default().max(100 * MS);
    let service = ServiceBuilder::new()
        .layer(DeadlineClientLayer::http("db", config).unwrap())
        .service(transport);
    let request = Request::get("http://db/").header("grpc-timeout", "9H");
    let request = request.header(LEFT, "9000").header(LEFT, "8000");
    let began = Instant::now();
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert!((105 * MS..=106 * MS).contains(&began.elapsed()));
}

/// A header map that is full takes no more, and panics when it is made to.
#[tokio::test(start_paused = true)]
async fn a_request_with_as_many_headers_as_there_can_be_is_bounded_all_the_same() {
    let mut request = Request::get("http://db/").body(()).unwrap();
    for number in 0..u32::MAX {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        let added = request
            .headers_mut()
            .try_append(name, HeaderValue::from(number));
        if added.is_err() {
            break;
        }
    }
    let hang = service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<Full<Bytes>>, Error<()>>>()
    });
    let config = DeadlineClientConfig::default().max(Duration::from_secs(1));
    let service = ServiceBuilder::new()
        .layer(DeadlineServerLayer::http("api", DeadlineServerConfig::default()).unwrap())
        .layer(DeadlineClientLayer::http("db", config).unwrap())
        .service(hang);
    let Err(Error::Rejected(refusal)) = service.oneshot(request).await.map(|_| ()) else {
        panic!("it hangs");
    };
    assert_eq!(refusal.kind(), Kind::Timeout);
}
