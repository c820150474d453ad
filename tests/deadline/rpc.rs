//! Set up for gRPC.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use mainstay::grpc::{Code, RespondLayer};
use mainstay::{Deadline, Error, error};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::MS;

/// A message, and then silence.
fn stalls() -> Response<Body> {
    let message = Ok::<_, Infallible>(Bytes::from_static(b"message"));
    let frames = stream::iter([message]).chain(stream::pending());
    Response::new(Body::from_stream(frames))
}

#[tokio::test(start_paused = true)]
async fn what_is_over_on_arrival_while_it_runs_or_while_it_streams_is_a_status() {
    let handler = service_fn(|request: Request<()>| async move {
        if request.uri().path().ends_with("Hang") {
            std::future::pending::<()>().await;
        }
        Ok::<_, Infallible>(stalls())
    });
    let layer = DeadlineServerLayer::grpc("api", DeadlineServerConfig::default()).unwrap();
    let service = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(layer)
        .layer(error::layer())
        .service(handler);
    for (method, left, streams, ends) in [
        ("List", "0n", false, Duration::ZERO),
        ("Hang", "250m", false, 250 * MS),
        ("List", "250m", true, 250 * MS),
    ] {
        let request = Request::post(format!("http://api/shop.Stock/{method}"))
            .header("x-request-timeout-ms", "0") // not a field of gRPC
            .header("grpc-timeout", left);
        let began = Instant::now();
        let ask = service.clone().oneshot(request.body(()).unwrap());
        let (head, body) = ask.await.unwrap().into_parts();
        assert_eq!(head.status, StatusCode::OK, "{method}");
        let collected = body.collect().await.unwrap();
        let (status, data) = if streams {
            assert_eq!(Code::of_metadata(&head.headers), None);
            (collected.trailers().cloned().unwrap(), "message")
        } else {
            (head.headers, "")
        };
        assert_eq!(Code::of_metadata(&status), Some(Code::DeadlineExceeded));
        assert_eq!(collected.to_bytes(), data);
        assert!((ends..=ends + MS).contains(&began.elapsed()), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_writes_grpc_timeout_and_bounds_the_stream() {
    let transport = service_fn(|request: Request<()>| async move {
        assert!(!request.headers().contains_key("x-request-timeout-ms"));
        let said = request.headers().get_all("grpc-timeout").iter();
        assert!(said.eq(["100000u"]));
        let deadline = Deadline::of(request.extensions());
        assert_eq!(deadline, Some(Deadline::within(105 * MS)));
        Ok::<_, Error<()>>(stalls())
    });
    let config = DeadlineClientConfig::default().max(100 * MS);
    let service = ServiceBuilder::new()
        .layer(DeadlineClientLayer::grpc("db", config).unwrap())
        .service(transport);
    let request = Request::post("http://db/shop.Stock/List")
        .header("x-request-timeout-ms", "9000")
        .header("grpc-timeout", "9S");
    let began = Instant::now();
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert!((105 * MS..=106 * MS).contains(&began.elapsed()));
}
