//! Readiness before every attempt, and services that are not ready again.

use std::time::Duration;

use mainstay::retry::{Replay as _, Retry, RetryConfig, RetryLayer, Stop, WindowedBudget};
use mainstay::{Deadline, Executed, Failure, Kind, Outcome, StackError};
use std::sync::Arc;
use tokio::time::Instant;
use tower::buffer::BufferLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_test::mock::{self, Handle, Mock};

use crate::kit::*;
use crate::stops::stops;

#[tokio::test(start_paused = true)]
async fn attempts_go_through_a_concurrency_limit_and_a_buffer() {
    let server = Server::new([fail(), fail(), OK]);
    let limited = ConcurrencyLimitLayer::new(1).layer(server.handle());
    let service = layer(exact()).layer(limited);
    service.oneshot(Request::default()).await.unwrap();
    assert_eq!(server.calls(), 3);

    let failing = |_: u8| async { Err::<u8, BoxError>("failed".into()) };
    let mut service = ServiceBuilder::new()
        .layer(RetryLayer::new("test", exact()).unwrap())
        .layer(BufferLayer::new(1))
        .layer(ConcurrencyLimitLayer::new(1))
        .service_fn(failing);
    for _ in 0..3 {
        let error = service.ready().await.unwrap().call(1).await.unwrap_err();
        assert_eq!(error.to_string(), "failed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_holds_no_capacity_of_the_inner_service() {
    let server = Server::new([fail(), OK]);
    let limited = ConcurrencyLimitLayer::new(1).layer(server.handle());
    let service = layer(exact().base(SECOND)).layer(limited);
    let waits = tokio::spawn(service.clone().oneshot(Request::default()));
    tokio::time::sleep(MS).await;
    let start = Instant::now();
    service.oneshot(Request::default()).await.unwrap();
    assert_eq!(Instant::now(), start, "it went past the one that waits");
    waits.await.unwrap().unwrap();
}

type ByStatus = fn(Result<&u16, &BoxError>) -> Outcome;

/// Answers every call with 503 or an error, and is ready for one call only.
struct Upstream {
    service: Retry<Mock<u8, u16>, ByStatus>,
    handle: Handle<u8, u16>,
    layer: RetryLayer<ByStatus>,
    budget: Arc<WindowedBudget>,
}

fn upstream(config: RetryConfig) -> Upstream {
    fn classify(result: Result<&u16, &BoxError>) -> Outcome {
        match result {
            Ok(503) | Err(_) => Outcome::Failure(Failure::transient()),
            Ok(_) => Outcome::Success,
        }
    }
    let (mock, mut handle) = mock::pair();
    handle.allow(1);
    let budget = Arc::new(WindowedBudget::default());
    let layer = RetryLayer::new("test", config)
        .unwrap()
        .classify(classify as ByStatus)
        .budget(Arc::clone(&budget));
    Upstream {
        service: layer.layer(mock),
        handle,
        layer,
        budget,
    }
}

impl Upstream {
    fn call(&self) -> tokio::task::JoinHandle<Result<u16, BoxError>> {
        let mut service = self.service.clone();
        tokio::spawn(async move { service.ready().await?.call(7).await })
    }

    async fn answers(&mut self, status: u16) {
        let (_, respond) = self.handle.next_request().await.unwrap();
        respond.send_response(status);
    }

    async fn fails(&mut self) {
        let (_, respond) = self.handle.next_request().await.unwrap();
        respond.send_error("failed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_become_ready_is_not_retried_into() {
    let start = Instant::now();
    let mut upstream = upstream(exact());
    let call = upstream.call();
    upstream.answers(503).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), 150 * MS, "the wait, and the bound");
    let refusal = error.rejection().unwrap();
    assert_eq!(refusal.kind(), Kind::NotReady);
    assert_eq!(refusal.executed(), Executed::Unknown);
    assert_eq!(stops(&upstream.layer.handle()), [(Stop::NotReady, 1)]);
    assert_eq!(upstream.budget.balance(), 100, "what was not sent is free");
}

#[tokio::test(start_paused = true)]
async fn the_error_in_hand_is_given_back_when_readiness_never_comes() {
    for ready_max in [Duration::ZERO, 100 * MS] {
        let mut upstream = upstream(exact().ready_max(ready_max));
        let call = upstream.call();
        upstream.fails().await;
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "failed");
        assert_eq!(stops(&upstream.layer.handle()), [(Stop::NotReady, 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_within_the_bound_is_waited_for() {
    let start = Instant::now();
    let mut upstream = upstream(exact());
    let call = upstream.call();
    upstream.answers(503).await;
    tokio::time::sleep(149 * MS).await;
    upstream.handle.allow(1);
    upstream.answers(200).await;
    assert_eq!(call.await.unwrap().unwrap(), 200);
    assert_eq!(start.elapsed(), 149 * MS);
    assert_eq!(stops(&upstream.layer.handle()), []);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_ends_the_call() {
    let mut upstream = upstream(exact());
    let call = upstream.call();
    upstream.answers(503).await;
    tokio::time::sleep(60 * MS).await;
    upstream.handle.send_error("broken");
    assert_eq!(call.await.unwrap().unwrap_err().to_string(), "broken");
    assert_eq!(stops(&upstream.layer.handle()), [(Stop::NotReady, 1)]);
    assert_eq!(upstream.budget.balance(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_for_readiness() {
    let start = Instant::now();
    let mut upstream = upstream(exact());
    let mut service = upstream.service.clone();
    let call = async move { service.ready().await?.call(7).await };
    let call = tokio::spawn(Deadline::within(80 * MS).scope(call));
    upstream.answers(503).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), 80 * MS);
    let refusal = error.rejection().unwrap();
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::Unknown);
    assert_eq!(stops(&upstream.layer.handle()), [(Stop::Deadline, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_bound_waits_for_readiness_for_ever() {
    let mut upstream = upstream(exact().ready_max(Duration::MAX));
    let call = upstream.call();
    upstream.answers(503).await;
    tokio::time::sleep(3600 * SECOND).await;
    upstream.handle.allow(1);
    upstream.answers(200).await;
    assert_eq!(call.await.unwrap().unwrap(), 200);
}

#[test]
fn by_clone_holds_every_copy_to_be_good() {
    let rule = mainstay::retry::ByClone;
    let copy = rule.copy(&1).unwrap();
    assert!(rule.is_safe(&copy) && rule.is_intact(&copy));
}
