//! Refusals of a stack, answered.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use mainstay::breaker::{BreakerConfig, BreakerLayer};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::grpc::RespondLayer;
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Executed, Kind, Rejection, error};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

use super::SECOND;
use super::kit::Body;

fn said<'a, B>(answer: &'a Response<B>, name: &str) -> Option<&'a str> {
    Some(answer.headers().get(name)?.to_str().unwrap())
}

fn is_grpc<B: http_body::Body>(answer: &Response<B>) -> bool {
    answer.status() == 200
        && said(answer, "content-type") == Some("application/grpc")
        && answer.body().is_end_stream()
}

async fn hang(_: Request<()>) -> Result<Response<Body>, Infallible> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_servers_refusals_are_trailers_only() {
    let limit = TimeoutConfig::default().limit(SECOND);
    let mut service = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(BulkheadLayer::grpc("api", BulkheadConfig::default().concurrency(1)).unwrap())
        .layer(TimeoutLayer::grpc("api", limit).unwrap())
        .layer(error::layer())
        .service_fn(hang);

    let first = service.ready().await.unwrap().call(Request::new(()));
    let first = tokio::spawn(first);
    tokio::task::yield_now().await;
    let second = service.ready().await.unwrap().call(Request::new(())).await;
    let second = second.unwrap();
    assert!(is_grpc(&second));
    assert_eq!(said(&second, "grpc-status"), Some("8"));

    let timeout = first.await.unwrap().unwrap();
    assert!(is_grpc(&timeout));
    assert_eq!(said(&timeout, "grpc-status"), Some("4"));
    assert_eq!(said(&timeout, "grpc-retry-pushback-ms"), None);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_says_when_to_come_back() {
    let layer = BreakerLayer::grpc("stock", BreakerConfig::default()).unwrap();
    let circuit = layer.handle();
    let mut service = ServiceBuilder::new()
        .layer(RespondLayer::new().name_layers())
        .layer(layer)
        .layer(error::layer())
        .service_fn(|_: Request<()>| async {
            let busy = [("grpc-status", "14"), ("grpc-retry-pushback-ms", "1500")];
            Ok::<_, Infallible>(super::kit::trailers_only(&busy))
        });
    let ask = service.ready().await.unwrap().call(Request::new(()));
    assert_eq!(said(&ask.await.unwrap(), "grpc-status"), Some("14"));
    assert_eq!(circuit.snapshot().time_left(), Some(SECOND * 3 / 2));

    let refused = service.ready().await.unwrap().call(Request::new(()));
    let refused = refused.await.unwrap();
    assert!(is_grpc(&refused));
    assert_eq!(said(&refused, "grpc-status"), Some("14"));
    assert_eq!(said(&refused, "grpc-retry-pushback-ms"), Some("1500"));
    let message = said(&refused, "grpc-message").unwrap();
    assert!(message.ends_with("(stock)"), "{message}");
}

/// As in http's `RespondLayer`, with this protocol's name.
#[test]
fn an_error_that_is_no_refusal_is_unknown_and_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let layer = metrics::with_local_recorder(&recorder, RespondLayer::new);
    let fail = |()| async { Err::<Response<Body>, BoxError>("lost".into()) };
    let answer = layer.layer(tower::service_fn(fail)).oneshot(());
    let answer = futures::executor::block_on(answer).unwrap();
    assert!(is_grpc(&answer));
    assert_eq!(said(&answer, "grpc-status"), Some("2"));
    assert_eq!(said(&answer, "grpc-message"), None);

    let [(key, _, _, counted)] = &snapshotter.snapshot().into_vec()[..] else {
        panic!("one metric");
    };
    assert_eq!(key.key().name(), "mainstay_respond_errors_total");
    let labels = key.key().labels().map(|label| (label.key(), label.value()));
    let labels: Vec<_> = labels.collect();
    assert_eq!(labels, [("layer", "respond"), ("name", "grpc")]);
    assert_eq!(*counted, DebugValue::Counter(1));
}

/// It is never ready, and says why.
struct Unready(fn() -> BoxError);

impl Service<()> for Unready {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Err((self.0)()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        panic!("it is not ready");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_answers_the_next_call() {
    let full = || {
        let full = Rejection::new(Kind::BulkheadFull, Executed::No, "api".into());
        full.after(Duration::from_millis(3)).into()
    };
    let service = RespondLayer::new().layer(Unready(full));
    let answer = service.oneshot(()).await.unwrap();
    assert_eq!(said(&answer, "grpc-status"), Some("8"));
    assert_eq!(said(&answer, "grpc-retry-pushback-ms"), Some("3"));
}

#[test]
fn an_error_of_readiness_that_is_no_refusal_is_unknown_and_counted_once() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let layer = metrics::with_local_recorder(&recorder, RespondLayer::new);
    let answer = layer.layer(Unready(|| "lost".into())).oneshot(());
    let answer = futures::executor::block_on(answer).unwrap();
    assert!(is_grpc(&answer));
    assert_eq!(said(&answer, "grpc-status"), Some("2"));
    let [(_, _, _, counted)] = &snapshotter.snapshot().into_vec()[..] else {
        panic!("one metric");
    };
    assert_eq!(*counted, DebugValue::Counter(1));
}
