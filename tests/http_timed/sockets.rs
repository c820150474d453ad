//! Over real sockets. The clock is paused and jumps when nothing is left to do but wait, so only the
//! outcome is asked for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::http::{BodyTimeoutLayer, RespondLayer, UntilBodyEnd};
use mainstay::{Kind, error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::kit::{SECOND, config, read, refusal};

type HttpClient = Client<hyper_util::client::legacy::connect::HttpConnector, Empty<Bytes>>;

fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

fn ask(peer: SocketAddr, path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("http://{peer}{path}");
    Request::get(uri).body(Empty::new()).unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test(start_paused = true)]
async fn a_server_breaks_off_a_body_that_stalls_and_goes_on_with_the_next_call() {
    let first = || stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"a"))]);
    let stalls = move || async move { Body::from_stream(first().chain(stream::pending())) };
    let drips = || async {
        let drops = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(998)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
        });
        Body::from_stream(drops)
    };
    let limits = config(SECOND, SECOND, 10 * SECOND);
    let one = BulkheadConfig::default().concurrency(1).queue(0);
    let bulkhead = BulkheadLayer::http("api", one).unwrap().hold(UntilBodyEnd);
    let handle = bulkhead.handle();
    let app: Router = Router::new()
        .route("/stalls", get(stalls))
        .route("/drips", get(drips))
        .route("/whole", get(|| async { "whole" }))
        .layer(
            ServiceBuilder::new()
                .layer(RespondLayer::new())
                .layer(BodyTimeoutLayer::new("api", limits).unwrap())
                .layer(bulkhead)
                .layer(error::layer()),
        );
    let (listener, address) = listen().await;
    let server = tokio::spawn(async { axum::serve(listener, app).await });

    for (path, min) in [("/stalls", 1), ("/drips", 9)] {
        let response = client().request(ask(address, path)).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut body = Box::pin(response.into_body());
        let (all, error) = read(&mut body).await;
        assert!(all.len() >= min, "{path}: {all}");
        assert!(error.is_some(), "{path}: broken off, and not as if whole");
        assert_eq!(handle.in_flight(), 0, "{path}");
    }
    let response = client().request(ask(address, "/whole")).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "whole");
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_gives_up_a_server_that_stalls_after_the_head() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(peer.read(&mut request).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc";
        peer.write_all(head).await.unwrap();
        // Reads on, so as to see that the client hangs up.
        peer.read(&mut request).await.unwrap_or(0)
    });
    let limits = config(3600 * SECOND, SECOND, Duration::MAX);
    let layer = BodyTimeoutLayer::new("ledger", limits).unwrap();
    let service = layer.layer(client());
    let response = service.oneshot(ask(address, "/")).await.unwrap();
    assert_eq!(response.headers()["content-length"], "10");
    let mut body = Box::pin(response.into_body());
    let (all, error) = read(&mut body).await;
    assert_eq!(all, "abc");
    let refusal = refusal(error);
    assert_eq!((refusal.kind(), refusal.layer()), (Kind::Timeout, "ledger"));
    assert_eq!(server.await.unwrap(), 0, "the connection is closed");
}
