//! The other layers around and below those of this module.

use std::num::NonZeroU32;
use std::time::Duration;

use futures::FutureExt;
use mainstay::breaker::{BreakerConfig, BreakerLayer, State};
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::deadline::{DeadlineClientConfig, DeadlineServerConfig};
use mainstay::retry::{Jitter, RetryConfig, RetryLayer};
use mainstay::test_util::{Act, Stepper};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Deadline, Error, Executed, Kind};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt};

use crate::kit::{Note, call, client, millis, noted, refusal, server};
use crate::{MS, SECOND};

fn retry(base: Duration) -> RetryLayer {
    let config = RetryConfig::default().base(base).jitter(Jitter::None);
    RetryLayer::new("db", config).unwrap()
}

#[tokio::test(start_paused = true)]
async fn under_a_retry_the_time_is_computed_for_each_attempt() {
    let (inner, watch, book) = noted();
    watch.play([Act::fail(), Act::fail(), Act::answer()]);
    let service = ServiceBuilder::new()
        .layer(retry(20 * MS))
        .layer(client(DeadlineClientConfig::default()))
        .service(inner);
    let called = call(&service, Note::default());
    Deadline::within(250 * MS).scope(called).await.unwrap();
    let seen = book.all();
    let said: Vec<_> = seen.iter().map(|seen| seen.note.fields()[0].1).collect();
    assert_eq!(said, ["245", "225", "185"]);
}

#[tokio::test(start_paused = true)]
async fn a_back_off_that_is_longer_than_what_is_left_is_not_begun() {
    for (base, calls, left) in [(80 * MS, 1, 80 * MS), (79 * MS, 2, 85 * MS)] {
        let (inner, watch, _) = noted();
        watch.otherwise(Act::fail());
        let service = ServiceBuilder::new()
            .layer(retry(base))
            .layer(client(DeadlineClientConfig::default()))
            .service(inner);
        let began = Instant::now();
        let called = call(&service, Note::default());
        let answer = Deadline::within(left).scope(called).await;
        assert!(matches!(answer, Err(Error::Inner(_))), "{answer:?}");
        assert_eq!(watch.calls(), calls);
        assert!(began.elapsed() < left, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_here_is_not_tried_again() {
    let (inner, watch, _) = noted();
    let service = ServiceBuilder::new()
        .layer(retry(MS))
        .layer(client(DeadlineClientConfig::default()))
        .service(inner);
    let began = Instant::now();
    let called = call(&service, Note::default());
    let refusal = refusal(Deadline::within(5 * MS).scope(called).await);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!((watch.calls(), began.elapsed()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_counts_the_callee_and_not_the_callers_haste() {
    let (inner, watch, _) = noted();
    watch.otherwise(Act::hang());
    let once = BreakerConfig::default().consecutive_failures(NonZeroU32::MIN);
    let breaker = BreakerLayer::new("db", once).unwrap();
    let handle = breaker.handle();
    let service = ServiceBuilder::new()
        .layer(breaker)
        .layer(client(DeadlineClientConfig::default().max(SECOND)))
        .service(inner);
    for _ in 0..100 {
        let nothing_left = Deadline::within(5 * MS).scope(call(&service, Note::default()));
        assert_eq!(refusal(nothing_left.await).executed(), Executed::No);
        let too_little = Deadline::within(20 * MS).scope(call(&service, Note::default()));
        assert_eq!(refusal(too_little.await).kind(), Kind::DeadlineExceeded);
    }
    assert_eq!((handle.state(), watch.calls()), (State::Closed, 100));

    let own = refusal(call(&service, Note::default()).await);
    assert_eq!(own.kind(), Kind::Timeout);
    assert_eq!(handle.state(), State::Open, "a second was long enough");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_permit_leaves_the_queue_when_its_deadline_passes() {
    let (inner, watch, _) = noted();
    watch.otherwise(Act::hang());
    let config = BulkheadConfig::default().concurrency(1).queue(1);
    let bulkhead = BulkheadLayer::new("api", config).unwrap();
    let handle = bulkhead.handle();
    let service = ServiceBuilder::new()
        .layer(server(DeadlineServerConfig::default()))
        .layer(bulkhead)
        .service(inner);
    let mut runs = Stepper::new(service.clone().oneshot(millis(900)));
    assert!(runs.step().is_pending());
    let began = Instant::now();
    let waits = refusal(call(&service, millis(50)).await);
    assert_eq!(waits.kind(), Kind::DeadlineExceeded);
    assert!((50 * MS..=51 * MS).contains(&began.elapsed()));
    assert_eq!((handle.waiting(), handle.in_flight()), (0, 1));
    assert_eq!(watch.calls(), 1);

    // The next takes its place, and the permit when the first is over.
    watch.otherwise(Act::answer());
    let next = call(&service, millis(900));
    assert!(futures::join!(runs.finish(), next).1.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_takes_what_is_left_when_that_is_less_than_its_limit() {
    for (left, kind, ends) in [
        (50 * MS, Kind::DeadlineExceeded, 50 * MS),
        (500 * MS, Kind::Timeout, 200 * MS),
    ] {
        let (inner, watch, _) = noted();
        watch.otherwise(Act::hang());
        let limit = TimeoutConfig::default().limit(200 * MS);
        let service = ServiceBuilder::new()
            .layer(server(DeadlineServerConfig::default()))
            .layer(TimeoutLayer::new("handler", limit).unwrap())
            .service(inner);
        let began = Instant::now();
        let refusal = refusal(call(&service, millis(left.as_millis())).await);
        assert_eq!(refusal.kind(), kind);
        assert!((ends..=ends + MS).contains(&began.elapsed()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_let_through_late_runs_through_the_layers_below() {
    let (inner, watch, _) = noted();
    let late = DeadlineServerConfig::default().refusals_max(mainstay::Ratio::ZERO);
    let bulkhead = BulkheadLayer::new("api", BulkheadConfig::default()).unwrap();
    let service = ServiceBuilder::new()
        .layer(server(late))
        .layer(bulkhead)
        .layer(retry(MS))
        .layer(client(DeadlineClientConfig::default()))
        .service(inner);
    assert!(call(&service, millis(0)).now_or_never().unwrap().is_ok());
    assert_eq!(watch.calls(), 1);
}
