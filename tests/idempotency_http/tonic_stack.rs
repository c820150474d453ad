//! A server of tonic with the layer, over one connection within the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::Request;
use mainstay::error;
use mainstay::grpc::RespondLayer;
use mainstay::http::Verdict;
use mainstay::idempotency::{
    Execution, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use tonic::body::Body;
use tonic::transport::{Channel, Server};
use tonic::{Code, Response, Status};
use tower::ServiceBuilder;

use super::connection::connection;
use super::tonic_kit::{Kit, KitClient, Replies, many, one};

const SECOND: Duration = Duration::from_secs(1);

/// What the method of this name answers, and how often it ran.
async fn answer(
    method: String,
    request: tonic::Request<Bytes>,
    number: u32,
) -> Result<Response<Replies>, Status> {
    let attempt = request
        .extensions()
        .get::<Execution>()
        .map(Execution::attempt);
    let text = format!("{number} of {:?}, attempt {attempt:?}", request.get_ref());
    match &*method {
        "Charge" => {
            let mut reply = one(text);
            reply
                .metadata_mut()
                .insert("x-charge", "1".parse().unwrap());
            Ok(reply)
        }
        "Slow" => {
            tokio::time::sleep(5 * SECOND).await;
            Ok(one(text))
        }
        "Missing" => Err(Status::not_found(text)),
        "Late" => Ok(many([
            Ok(Bytes::from(text)),
            Err(Status::aborted("a conflict")),
        ])),
        "Lost" => Err(Status::unavailable(text)),
        "Said" => {
            let mut reply = one(text);
            reply.extensions_mut().insert(Verdict::Release);
            Ok(reply)
        }
        _ => {
            let late = futures::stream::once(async {
                tokio::time::sleep(3 * SECOND).await;
                Ok(Bytes::from("last"))
            });
            let replies = futures::stream::iter([Ok(Bytes::from(text))]).chain(late);
            Ok(Response::new(replies.boxed()))
        }
    }
}

/// A channel to a server with the layer.
fn serve(ran: &Arc<AtomicU32>) -> Channel {
    let (channel, incoming) = connection();
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let layer = IdempotencyLayer::grpc("kit", IdempotencyConfig::default(), store).unwrap();
    let ran = Arc::clone(ran);
    let kit = Kit::new(move |method, request| {
        let number = ran.fetch_add(1, Ordering::SeqCst) + 1;
        answer(method, request, number)
    });
    let server = Server::builder()
        .layer(RespondLayer::new())
        .layer(layer.single_tenant())
        .layer(error::layer())
        .add_service(kit);
    tokio::spawn(server.serve_with_incoming(incoming));
    channel
}

/// A client whose calls have this key.
fn client(
    channel: &Channel,
    key: &'static str,
) -> KitClient<
    impl tower::Service<
        Request<Body>,
        Response = http::Response<Body>,
        Error = tonic::transport::Error,
        Future: Send,
    > + use<>,
> {
    let stack = ServiceBuilder::new().map_request(move |mut request: Request<Body>| {
        let value = key.parse().unwrap();
        request.headers_mut().insert("idempotency-key", value);
        request
    });
    KitClient::new(stack.service(channel.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_repeated_call_gets_the_reply_and_its_status_and_runs_once() {
    // Fault 32.
    let ran = Arc::default();
    let channel = serve(&ran);
    let message = || Bytes::from("12");
    let mut client = client(&channel, "\"k\"");
    let first = client.unary("/kit.Kit/Charge", message()).await.unwrap();
    assert_eq!(first, "1 of b\"12\", attempt Some(1)");
    for _ in 0..2 {
        assert_eq!(
            client.unary("/kit.Kit/Charge", message()).await.unwrap(),
            first
        );
    }
    assert_eq!(ran.load(Ordering::SeqCst), 1);

    let other = client
        .unary("/kit.Kit/Charge", Bytes::from("13"))
        .await
        .unwrap_err();
    assert_eq!(other.code(), Code::InvalidArgument);
    assert_eq!(
        other.message(),
        "The Idempotency-Key was used for another request."
    );
    let elsewhere = client.unary("/kit.Kit/Said", message()).await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::InvalidArgument);
    let mut unkeyed = KitClient::new(channel);
    let reply = unkeyed.unary("/kit.Kit/Charge", message()).await.unwrap();
    assert_eq!(reply, "2 of b\"12\", attempt None");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_replayed_released_or_unknown_by_its_code() {
    // Faults 25, 27 and 32.
    let ran: Arc<AtomicU32> = Arc::default();
    let channel = serve(&ran);
    let call = async |path, key| {
        let reply = client(&channel, key).unary(path, Bytes::new()).await;
        reply.map_err(|status| (status.code(), status.message().to_owned()))
    };
    for _ in 0..2 {
        let missing = call("/kit.Kit/Missing", "missing").await.unwrap_err();
        assert_eq!(
            missing,
            (Code::NotFound, "1 of b\"\", attempt Some(1)".to_owned())
        );
    }
    // After its message, so in the trailers.
    for number in 2..=3 {
        let aborted = call("/kit.Kit/Late", "late").await.unwrap_err();
        assert_eq!(aborted.0, Code::Aborted);
        assert_eq!(ran.load(Ordering::SeqCst), number, "the key was given back");
    }
    for number in ["4", "5"] {
        assert!(
            call("/kit.Kit/Said", "said")
                .await
                .unwrap()
                .starts_with(number.as_bytes())
        );
    }
    assert_eq!(
        call("/kit.Kit/Lost", "lost").await.unwrap_err().0,
        Code::Unavailable
    );
    assert_eq!(
        call("/kit.Kit/Lost", "lost").await.unwrap_err().0,
        Code::Aborted,
        "in flight"
    );
    tokio::time::sleep(31 * SECOND).await;
    let unknown = call("/kit.Kit/Lost", "lost").await.unwrap_err();
    assert_eq!(unknown.0, Code::FailedPrecondition);
    assert_eq!(ran.load(Ordering::SeqCst), 6);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_in_flight_is_aborted_with_its_pushback_and_a_bad_key_is_an_invalid_argument() {
    // Faults 1 and 29.
    let ran = Arc::default();
    let channel = serve(&ran);
    let mut first = client(&channel, "k");
    let first = tokio::spawn(async move { first.unary("/kit.Kit/Slow", Bytes::new()).await });
    tokio::time::sleep(SECOND).await;
    let status = client(&channel, "k")
        .unary("/kit.Kit/Slow", Bytes::new())
        .await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
    let bad = client(&channel, "a,b")
        .unary("/kit.Kit/Slow", Bytes::new())
        .await;
    assert_eq!(bad.unwrap_err().code(), Code::InvalidArgument);
    assert!(first.await.unwrap().is_ok());
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_replies_passes_as_it_comes_and_leaves_a_tombstone() {
    // Fault 22.
    let ran = Arc::default();
    let channel = serve(&ran);
    let mut client = client(&channel, "k");
    let mut replies = client.stream("/kit.Kit/Watch", Bytes::new()).await.unwrap();
    assert_eq!(
        replies.next().await.unwrap().unwrap(),
        "1 of b\"\", attempt Some(1)"
    );
    let again = client
        .stream("/kit.Kit/Watch", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition);
    assert_eq!(replies.next().await.unwrap().unwrap(), "last");
    assert!(replies.next().await.is_none());
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}
