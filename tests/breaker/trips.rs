//! What opens a circuit, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

use mainstay::breaker::{BreakerLayer, Cause, OnPushback, State, Window};
use mainstay::{Failure, Outcome, Pushback, Ratio, Rng, StackError};
use tower::{BoxError, Layer, ServiceExt};

use super::*;

#[tokio::test(start_paused = true)]
async fn half_of_twenty_calls_failed_opens_it_and_nineteen_failures_do_not() {
    let (service, handle) = breaker(config());
    calls(&service, 19, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
    assert_eq!(handle.snapshot().last_cause(), Some(Cause::FailureRatio));

    handle.reset();
    calls(&service, 10, Do::Ok).await;
    calls(&service, 9, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_success_never_opens_it_even_when_it_completes_the_volume() {
    let (service, handle) = breaker(config());
    calls(&service, 19, Do::Fail).await;
    calls(&service, 1, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn failures_leave_the_time_window() {
    let (service, handle) = breaker(config());
    calls(&service, 19, Do::Fail).await;
    advance(10 * SECOND).await;
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_count_window_slides_whatever_went_before() {
    let window = Window::Count { calls: 10 };
    let (service, handle) = breaker(config().window(window).volume_min(10));
    calls(&service, 10_000, Do::Ok).await;
    calls(&service, 4, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it_when_asked_to() {
    let slow = config()
        .slow_ratio(Ratio::percent(50).unwrap())
        .slow_duration(SECOND)
        .volume_min(4);
    let (service, handle) = breaker(slow);
    calls(&service, 2, Do::Ok).await;
    calls(&service, 2, Do::Take(999 * MILLI)).await;
    calls(&service, 3, Do::Take(SECOND)).await;
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().slow(), 3);
    calls(&service, 1, Do::Take(SECOND)).await;
    assert_eq!(handle.state(), State::Open);
    assert_eq!(handle.snapshot().last_cause(), Some(Cause::SlowRatio));
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_a_success_breaks_the_row() {
    let row = config()
        .failure_ratio(None)
        .consecutive_failures(NonZeroU32::new(3));
    let (service, handle) = breaker(row);
    calls(&service, 2, Do::Fail).await;
    calls(&service, 1, Do::Ok).await;
    calls(&service, 2, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().consecutive_failures(), 2);
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
    let cause = handle.snapshot().last_cause();
    assert_eq!(cause, Some(Cause::ConsecutiveFailures));
}

#[tokio::test(start_paused = true)]
async fn the_refusal_says_how_long_the_circuit_stays_open() {
    let (service, handle) = breaker(config());
    calls(&service, 20, Do::Fail).await;
    assert_eq!(refused(&service).await.retry_after(), Some(5 * SECOND));
    advance(2 * SECOND).await;
    assert_eq!(refused(&service).await.retry_after(), Some(3 * SECOND));
    assert_eq!(handle.snapshot().time_left(), Some(3 * SECOND));
    let said = refused(&service).await.to_string();
    assert_eq!(said, "upstream: the circuit is open; try again in 3s");
}

#[tokio::test(start_paused = true)]
async fn the_jitter_is_drawn_from_the_seeded_generator_and_shortens_only() {
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let layer = BreakerLayer::new("upstream", config().jitter(Ratio::percent(10).unwrap()));
        let layer = layer.unwrap().rng(Rng::seeded(seed));
        let service = layer.layer(Upstream);
        calls(&service, 20, Do::Fail).await;
        drawn.push(layer.handle().snapshot().time_left().unwrap());
    }
    assert!(drawn[0] == drawn[1] && drawn[0] != drawn[2], "{drawn:?}");
    let range = SECOND * 45 / 10..=SECOND * 5;
    assert!(drawn.iter().all(|time| range.contains(time)), "{drawn:?}");
}

/// A service that fails and asks callers to stay away for as long as the request says.
fn pushing_back(
    config: BreakerConfig,
) -> (
    impl Service<Duration, Response = (), Error = BoxError> + Clone,
    BreakerHandle,
) {
    let classify = |result: Result<&(), &BoxError>| match result {
        Ok(()) => Outcome::Success,
        Err(error) => {
            let wait = error.to_string().parse().unwrap_or(0);
            let asked = Pushback::After(Duration::from_secs(wait));
            Outcome::Failure(Failure::overload().pushback(asked))
        }
    };
    let layer = BreakerLayer::new("upstream", config)
        .unwrap()
        .classify(classify);
    let upstream = tower::service_fn(|wait: Duration| async move {
        Err::<(), BoxError>(wait.as_secs().to_string().into())
    });
    (layer.layer(upstream), layer.handle())
}

#[tokio::test(start_paused = true)]
async fn one_failure_that_asks_callers_to_stay_away_opens_it_until_then_clamped() {
    for (asked, open) in [(7, 7), (1, 1), (300, 300), (86_400, 300)] {
        let (service, handle) = pushing_back(config());
        let _ = service.oneshot(asked * SECOND).await;
        let snapshot = handle.snapshot();
        assert_eq!(snapshot.last_cause(), Some(Cause::Pushback));
        assert_eq!(snapshot.time_left(), Some(open * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn pushback_can_be_told_to_extend_only_or_to_do_nothing() {
    for (on, open) in [(OnPushback::Extend, 60), (OnPushback::Ignore, 5)] {
        let (service, handle) = pushing_back(config().pushback(on).volume_min(2));
        let _ = service.clone().oneshot(60 * SECOND).await;
        assert_eq!(handle.state(), State::Closed);
        let _ = service.oneshot(60 * SECOND).await;
        assert_eq!(handle.snapshot().time_left(), Some(open * SECOND), "{on:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_on_this_side_of_the_service_counts_neither_way() {
    let layer = BreakerLayer::new("outer", config().volume_min(1)).unwrap();
    let (inner, inner_handle) = breaker(config());
    inner_handle.force_open();
    let service = layer.layer(inner);
    let error = service.oneshot(Do::Ok).await.unwrap_err();
    assert_eq!(error.rejection().unwrap().layer(), "upstream");
    assert_eq!(layer.handle().state(), State::Closed);
    assert_eq!(layer.handle().snapshot().calls(), 0);
}

#[test]
fn settings_out_of_range_are_refused_when_the_layer_is_built() {
    let time = |length, buckets| Window::Time { length, buckets };
    let wrong = [
        ("volume_min", config().volume_min(0)),
        ("failure_ratio", config().failure_ratio(Ratio::ZERO)),
        ("slow_ratio", config().slow_ratio(Ratio::ZERO)),
        ("slow_duration", config().slow_duration(Duration::ZERO)),
        (
            "consecutive_failures",
            config().consecutive_failures(NonZeroU32::new(1 << 24)),
        ),
        ("open_base", config().open_base(Duration::ZERO)),
        ("open_max", config().open_max(4 * SECOND)),
        ("probes", config().probes(0)),
        ("probes", config().probes(65)),
        ("probe_successes", config().probe_successes(0)),
        ("probe_successes", config().probe_successes(6)),
        ("probe_lease", config().probe_lease(Duration::ZERO)),
        ("ramp", config().ramp(Duration::ZERO)),
        ("ramp", config().ramp(Duration::MAX).ramp_floor(Ratio::ZERO)),
        ("window.length", config().window(time(Duration::ZERO, 10))),
        ("window.buckets", config().window(time(SECOND, 0))),
        ("window.buckets", config().window(time(SECOND, 121))),
        ("window.calls", config().window(Window::Count { calls: 0 })),
        ("window.calls", config().window(Window::Count { calls: 19 })),
        (
            "window.calls",
            config().window(Window::Count { calls: 100_001 }),
        ),
    ];
    for (field, config) in wrong {
        let error = BreakerLayer::new("x", config).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }
    let edges = [
        config().volume_min(u32::MAX),
        config().failure_ratio(Ratio::ONE).slow_ratio(Ratio::ONE),
        config().consecutive_failures(NonZeroU32::new((1 << 24) - 1)),
        config().open_base(Duration::MAX).open_max(Duration::MAX),
        config().open_base(Duration::from_nanos(1)),
        config().probes(64).probe_successes(64),
        config().probes(1).probe_successes(1),
        config().probe_lease(Duration::MAX).ramp(Duration::MAX),
        config().slow_duration(Duration::MAX),
        config().window(time(Duration::MAX, 120)),
        config().window(time(MILLI, 1)),
        config().window(Window::Count { calls: 100_000 }),
        config().window(Window::Count { calls: 20 }),
    ];
    for config in edges {
        assert!(BreakerLayer::new("x", config.clone()).is_ok(), "{config:?}");
    }
}
