//! When attempts are sent.

use mainstay::retry::{Jitter, RetryConfig};
use mainstay::{Deadline, Failure, Outcome, Pushback, Rng};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tower::{Layer, Service, ServiceExt};

use crate::kit::*;

async fn times(config: RetryConfig, server: Server) -> Vec<Duration> {
    let service = layer(config).layer(server.handle());
    drop(service.oneshot(Request::default()).await);
    server.call_times()
}

#[tokio::test(start_paused = true)]
async fn waits_double_from_the_base_up_to_the_bound() {
    let config = exact().attempts(6).delay_max(300 * MS);
    let expected = [0, 50, 150, 350, 650, 950].map(Duration::from_millis);
    assert_eq!(times(config, Server::failing()).await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_overload_is_given_more_time() {
    let steps = [fail(), answer(Failure::overload()), fail()];
    let expected = [0, 50, 2050].map(Duration::from_millis);
    assert_eq!(times(exact(), Server::new(steps)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_waits_and_none_is_above_its_bound() {
    for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
        let config = RetryConfig::default().attempts(9).jitter(jitter);
        let mut runs = Vec::new();
        for _ in 0..2 {
            let server = Server::failing();
            let layer = layer(config.clone()).rng(Rng::seeded(42));
            let service = layer.layer(server.handle());
            drop(service.oneshot(Request::default()).await);
            runs.push(server.call_times());
        }
        assert_eq!(runs[0], runs[1]);
        assert_eq!(runs[0].len(), 9);
        assert!(
            runs[0]
                .windows(2)
                .all(|pair| pair[1] <= pair[0] + 20 * SECOND)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_asked_for_has_no_jitter() {
    for wait in [Duration::ZERO, MS, 7 * SECOND, 20 * SECOND] {
        let asked = Failure::overload().pushback(Pushback::After(wait));
        let server = Server::new([answer(asked), OK]);
        assert_eq!(
            times(RetryConfig::default(), server).await,
            [Duration::ZERO, wait]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_end_in_time_is_given_up_at_once_with_the_result_in_hand() {
    let start = Instant::now();
    let long = Failure::overload().pushback(Pushback::After(20 * SECOND + MS));
    let forever = Failure::overload().pushback(Pushback::After(Duration::MAX));
    let soon = Failure::overload().pushback(Pushback::After(SECOND));
    let never = Failure::overload().pushback(Pushback::Never);
    let config = exact();
    for (failure, config) in [
        (long, config.clone()),
        (forever, config.clone()),
        (forever, config.clone().delay_max(Duration::MAX)),
        (never, config.clone()),
        (soon, config.clone().elapsed_max(SECOND)),
        (
            Failure::transient(),
            config.clone().elapsed_max(Duration::ZERO),
        ),
    ] {
        let server = Server::new([answer(failure)]);
        let service = layer(config).layer(server.handle());
        let said = service.oneshot(Request::default()).await.unwrap();
        assert_eq!(said.meaning, Outcome::Failure(failure));
        assert_eq!(server.calls(), 1);
    }
    assert_eq!(Instant::now(), start, "no time was spent");
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_not_begun() {
    let start = Instant::now();
    for (left, calls) in [(50 * MS, 1), (51 * MS, 2), (Duration::MAX, 3)] {
        let server = Server::failing();
        let service = layer(exact()).layer(server.handle());
        let call = service.oneshot(Request::default());
        assert!(Deadline::within(left).scope(call).await.is_err());
        assert_eq!(server.calls(), calls, "{left:?} left");
    }
    assert_eq!(Instant::now() - start, 50 * MS + 150 * MS);
}

/// A layer below finds its own deadline where it is called, and a further attempt is called by whoever
/// polls the call: a task, say, that was spawned with it.
#[tokio::test(start_paused = true)]
async fn the_deadline_reaches_further_attempts_though_they_are_polled_outside_of_its_scope() {
    for deadline in [Some(Deadline::within(SECOND)), None] {
        let server = Server::failing();
        let mut service = layer(exact()).layer(server.handle());
        service.ready().await.unwrap();
        #[expect(
            clippy::async_yields_async,
            reason = "it is polled outside of the scope"
        )]
        let call = async { service.call(Request::default()) };
        let call = match deadline {
            Some(deadline) => deadline.scope(call).await,
            None => call.await,
        };
        drop(tokio::spawn(call).await);
        let seen = |seen: &Seen| seen.deadline;
        let seen: Vec<_> = server.state().seen.iter().map(seen).collect();
        assert_eq!(seen, [deadline; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_late_sends_nothing_past_the_deadline() {
    let server = Server::failing();
    let service = layer(exact()).layer(server.handle());
    let call = Deadline::within(60 * MS).scope(service.oneshot(Request::default()));
    let call = tokio::spawn(call);
    tokio::task::yield_now().await;
    tokio::time::advance(70 * MS).await; // nobody was there at 50
    assert!(call.await.unwrap().is_err());
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_elapsed_time_counts_from_the_call_and_ends_no_attempt() {
    let slow = Step::Slow(SECOND, Outcome::Failure(Failure::transient()));
    let config = exact().elapsed_max(SECOND + 51 * MS);
    assert_eq!(
        times(config, Server::new([slow])).await,
        [Duration::ZERO, SECOND + 50 * MS]
    );
}

#[tokio::test(start_paused = true)]
async fn the_largest_settings_mean_never_and_do_not_panic() {
    let config = RetryConfig::default()
        .attempts(u32::MAX)
        .base(Duration::MAX)
        .base_overload(Duration::MAX)
        .factor(u32::MAX)
        .delay_max(Duration::MAX)
        .elapsed_max(Duration::MAX)
        .ready_max(Duration::MAX);
    for jitter in [
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
        Jitter::None,
    ] {
        let server = Server::failing();
        let service = layer(config.clone().jitter(jitter)).layer(server.handle());
        let call = service.oneshot(Request::default());
        assert!(timeout(SECOND, call).await.is_err(), "{jitter:?}: waits");
        assert_eq!(server.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_base_attempts_follow_at_once_but_let_others_run() {
    let server = Server::failing();
    let config = exact().base(Duration::ZERO).attempts(u32::MAX);
    let service = layer(config)
        .budget(mainstay::retry::Unlimited)
        .layer(server.handle());
    let call = tokio::spawn(service.oneshot(Request::default()));
    tokio::task::yield_now().await;
    let calls = server.calls();
    assert!(calls > 1 && calls < 1000, "{calls}");
    call.abort();
}

#[tokio::test(start_paused = true)]
async fn settings_replaced_in_place_hold_from_the_next_failure_on() {
    let server = Server::failing();
    let layer = layer(exact());
    let handle = layer.handle();
    let call = tokio::spawn(layer.layer(server.handle()).oneshot(Request::default()));
    tokio::time::sleep(10 * MS).await;
    assert!(handle.reconfigure(exact().attempts(0)).is_err());
    handle
        .reconfigure(exact().attempts(1).base(SECOND))
        .unwrap();
    drop(call.await);
    let expected = [0, 50, 2050].map(Duration::from_millis);
    assert_eq!(server.call_times(), expected);
    drop(
        layer
            .layer(server.handle())
            .oneshot(Request::default())
            .await,
    );
    assert_eq!(server.calls(), 4);
    assert_eq!(handle.config(), exact().attempts(1).base(SECOND));
}
