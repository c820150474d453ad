//! The stacks around tonic's own client and server, over one connection within the process.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use mainstay::breaker::{BreakerConfig, BreakerHandle, BreakerLayer, State};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::deadline::{Deadline, DeadlineClientConfig, DeadlineClientLayer};
use mainstay::grpc::{IdempotentMethods, RespondLayer};
use mainstay::http::{ReplayBody, ReplayBodyLayer};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Ratio, error};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tower::{Service, ServiceBuilder};

use super::SECOND;
use super::connection::connection;
use super::tonic_kit::{Kit, KitClient, answered, many, one, read};

/// A server without layers.
fn serve(kit: Kit) -> Channel {
    let (channel, incoming) = connection();
    let router = Server::builder().add_service(kit);
    tokio::spawn(router.serve_with_incoming(incoming));
    channel
}

/// A client's stack, complete.
fn client(
    channel: Channel,
) -> (
    KitClient<impl Service<Request<Body>, Response = http::Response<Body>, Error = Infallible>>,
    BreakerHandle,
) {
    let breaker = BreakerConfig::default().volume_min(4).jitter(Ratio::ZERO);
    let breaker = BreakerLayer::grpc("kit", breaker).unwrap();
    let circuit = breaker.handle();
    let methods = IdempotentMethods::new(["/kit.Kit/Get"]).unwrap();
    let retry = RetryLayer::grpc("kit", RetryConfig::default()).unwrap();
    let deadline = DeadlineClientConfig::default();
    let stack = ServiceBuilder::new()
        .map_response(read)
        .layer(RespondLayer::new())
        .layer(BulkheadLayer::grpc("kit", BulkheadConfig::default()).unwrap())
        .layer(ReplayBodyLayer::new())
        .layer(retry.replay(methods))
        .layer(breaker)
        .layer(TimeoutLayer::grpc("kit", TimeoutConfig::default()).unwrap())
        .layer(DeadlineClientLayer::grpc("kit", deadline).unwrap())
        .map_result(answered)
        .layer(error::layer())
        .map_request(|request: Request<ReplayBody<Body>>| request.map(Body::new))
        .service(channel);
    (KitClient::new(stack), circuit)
}

const GET: &str = "/kit.Kit/Get";

#[tokio::test(start_paused = true)]
async fn failures_in_trailers_open_the_circuit_and_the_refusal_is_a_status() {
    let channel = serve(Kit::new(|_, _| async {
        Ok(many([
            Ok(Bytes::from("first")),
            Err(Status::unavailable("lost")),
        ]))
    }));
    let (mut client, circuit) = client(channel);
    for _ in 0..4 {
        assert_eq!(circuit.state(), State::Closed);
        let mut stream = client.stream(GET, Bytes::new()).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), "first");
        let status = stream.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
    assert_eq!(circuit.state(), State::Open);

    let status = client.unary(GET, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let message = "The service cannot take the request now.";
    assert_eq!(status.message(), message);
    let pushback = status.metadata().get("grpc-retry-pushback-ms");
    assert_eq!(pushback.unwrap(), "5000");
}

#[tokio::test(start_paused = true)]
async fn successes_are_settled_by_tonics_own_reading() {
    let channel = serve(Kit::new(|_, request| async {
        Ok(one(request.into_inner()))
    }));
    let (mut client, circuit) = client(channel);
    for _ in 0..3 {
        let reply = client.unary(GET, Bytes::from("echo")).await.unwrap();
        assert_eq!(reply, "echo");
    }
    let mut stream = client.stream(GET, Bytes::from("echo")).await.unwrap();
    while stream.next().await.is_some() {}
    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.calls(), snapshot.failures()), (4, 0));
}

/// tonic's channel ends the call by `grpc-timeout` before the layers would, but for a stream.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_here_is_that_status_and_no_failure_of_the_service() {
    let channel = serve(Kit::new(|method, _| async move {
        if method == "Hang" {
            return std::future::pending().await;
        }
        let replies = futures::stream::iter([Ok(Bytes::from("first"))]);
        let replies = replies.chain(futures::stream::pending());
        Ok(tonic::Response::new(replies.boxed()))
    }));
    let (mut client, circuit) = client(channel);
    for _ in 0..3 {
        let call = client.unary("/kit.Kit/Hang", Bytes::new());
        let status = Deadline::within(SECOND / 10).scope(call).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);

        let call = client.stream(GET, Bytes::new());
        let stream = Deadline::within(SECOND / 10).scope(call).await;
        let mut stream = stream.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), "first");
        let status = stream.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.calls(), snapshot.failures()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_a_service_is_unavailable_and_a_failure() {
    let (channel, incoming) = connection();
    drop(incoming);
    let (mut client, circuit) = client(channel);
    let status = client.unary(GET, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(circuit.snapshot().failures() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_head_is_repeated_after_exactly_its_pushback() {
    type Seen = Arc<Mutex<Vec<(Instant, Option<String>)>>>;
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    let channel = serve(Kit::new(move |_, request| {
        let before = request.metadata().get("grpc-previous-rpc-attempts");
        let before = before.map(|value| value.to_str().unwrap().to_owned());
        let first = before.is_none();
        record.lock().unwrap().push((Instant::now(), before));
        async move {
            if first {
                let mut status = Status::unavailable("later");
                let wait = "1234".parse().unwrap();
                status.metadata_mut().insert("grpc-retry-pushback-ms", wait);
                return Err(status);
            }
            Ok(one(request.into_inner()))
        }
    }));
    // The breaker would keep to the pushback as well.
    let retry = RetryLayer::grpc("kit", RetryConfig::default()).unwrap();
    let stack = ServiceBuilder::new()
        .layer(ReplayBodyLayer::new())
        .layer(retry.replay(IdempotentMethods::new([GET]).unwrap()))
        .layer(error::layer())
        .map_request(|request: Request<ReplayBody<Body>>| request.map(Body::new))
        .service(channel);
    let mut client = KitClient::new(stack);
    let reply = client.unary(GET, Bytes::from("echo")).await.unwrap();
    assert_eq!(reply, "echo", "the message was sent again");

    let seen = seen.lock().unwrap();
    let [(first, None), (second, Some(before))] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(before, "1");
    assert_eq!((*second - *first).as_millis(), 1234);
}

#[tokio::test(start_paused = true)]
async fn a_servers_refusals_reach_the_client_as_statuses() {
    let (channel, incoming) = connection();
    let limit = TimeoutConfig::default().limit(SECOND);
    let room = BulkheadConfig::default().concurrency(1);
    let server = Server::builder()
        .layer(RespondLayer::new())
        .layer(BulkheadLayer::grpc("api", room).unwrap())
        .layer(TimeoutLayer::grpc("api", limit).unwrap())
        .layer(error::layer())
        .add_service(Kit::new(|method, _| async move {
            match &*method {
                "Hang" => std::future::pending().await,
                "Stream" => {
                    let replies = futures::stream::iter([Ok(Bytes::from("first"))]);
                    let replies = replies.chain(futures::stream::pending());
                    Ok(tonic::Response::new(replies.boxed()))
                }
                _ => Ok(one("here")),
            }
        }));
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut client = KitClient::new(channel);

    let timeout = client.unary("/kit.Kit/Hang", Bytes::new()).await;
    let timeout = timeout.unwrap_err();
    assert_eq!(timeout.code(), Code::DeadlineExceeded);
    assert_eq!(timeout.message(), "The request took too long.");

    let mut stream = client
        .stream("/kit.Kit/Stream", Bytes::new())
        .await
        .unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), "first");
    let full = client.unary(GET, Bytes::new()).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted, "the stream goes on");
    drop(stream);
    tokio::time::sleep(SECOND).await;
    assert_eq!(client.unary(GET, Bytes::new()).await.unwrap(), "here");
}
