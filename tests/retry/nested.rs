//! Which attempt the callee sees, and retries within retries.

use mainstay::retry::{Nested, RetryConfig, Stop};
use mainstay::{Attempt, Failure};
use tower::{Layer, ServiceExt};

use crate::kit::*;
use crate::stops::stops;

fn quick() -> RetryConfig {
    exact().base(MS)
}

#[tokio::test(start_paused = true)]
async fn the_callee_sees_which_attempt_it_is_and_how_the_one_before_ended() {
    let steps = [answer(Failure::overload()), fail(), OK];
    let server = Server::new(steps);
    let service = layer(quick().attempts(5)).layer(server.handle());
    service.oneshot(Request::default()).await.unwrap();
    let first = Attempt::first(5);
    let second = first.next(Failure::overload());
    let third = second.next(Failure::transient());
    let seen: Vec<_> = server
        .state()
        .seen
        .iter()
        .map(|seen| seen.attempt)
        .collect();
    assert_eq!(seen, [first, second, third].map(Some));
    assert_eq!((third.number(), third.max()), (3, 5));
    assert_eq!(Attempt::current(), None, "nothing is left behind");
}

#[tokio::test(start_paused = true)]
async fn three_times_three_attempts_stay_three_however_deep() {
    let server = Server::failing();
    let layers = [(); 3].map(|()| layer(quick()));
    let [outer, middle, inner] = &layers;
    let service = outer.layer(middle.layer(inner.layer(server.handle())));
    for calls in [3, 6] {
        service
            .clone()
            .oneshot(Request::default())
            .await
            .unwrap_err();
        assert_eq!(server.calls(), calls);
    }
    assert_eq!(stops(&outer.handle()), [(Stop::Attempts, 2)]);
    for passed_through in [middle, inner] {
        assert_eq!(stops(&passed_through.handle()), [(Stop::Nested, 6)]);
        assert_eq!(passed_through.handle().snapshot().further_attempts(), 0);
    }
    let numbers: Vec<_> = server
        .state()
        .seen
        .iter()
        .map(|seen| seen.attempt.unwrap().number())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 1, 2, 3], "the outermost says");
}

#[tokio::test(start_paused = true)]
async fn a_nested_retry_repeats_where_it_is_told_to() {
    let server = Server::failing();
    let inner = layer(quick().nested(Nested::Retry));
    let service = layer(quick()).layer(inner.layer(server.handle()));
    service.oneshot(Request::default()).await.unwrap_err();
    assert_eq!(server.calls(), 9);
}

#[tokio::test(start_paused = true)]
async fn an_outer_layer_that_repeats_nothing_stands_in_nobodys_way() {
    let server = Server::failing();
    let inner = layer(quick());
    let service = layer(quick().attempts(1)).layer(inner.layer(server.handle()));
    service.oneshot(Request::default()).await.unwrap_err();
    assert_eq!(server.calls(), 3);
    assert_eq!(stops(&inner.handle()), [(Stop::Attempts, 1)]);
}

#[tokio::test(start_paused = true)]
async fn calls_side_by_side_in_one_task_are_not_nested() {
    let server = Server::new([Step::Slow(MS, mainstay::Outcome::Success)]);
    let layer = layer(quick());
    let call = || layer.layer(server.handle()).oneshot(Request::default());
    let (one, two) = futures::join!(call(), call());
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(stops(&layer.handle()), []);
}
