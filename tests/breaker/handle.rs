//! Reading and steering a circuit.

use std::num::NonZeroU32;

use mainstay::breaker::{Cancelled, Cause, State, Window};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_reset_while_closed_empties_the_window() {
    let (service, handle) = breaker(config());
    calls(&service, 19, Do::Fail).await;
    assert_eq!(handle.snapshot().failures(), 19);
    handle.reset();
    assert_eq!(handle.snapshot().calls(), 0);
    calls(&service, 19, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_reset_closes_it_from_every_state_with_the_shortest_open_time_ahead() {
    let (service, handle) = breaker(config());
    let enter: [(&dyn Fn(), State); 4] = [
        (&|| handle.force_open(), State::ForcedOpen),
        (&|| handle.disable(), State::Disabled),
        (&|| handle.open_for(Duration::MAX), State::Open),
        (&|| handle.reset(), State::Closed),
    ];
    for (enter, state) in enter {
        calls(&service, 20, Do::Fail).await;
        advance(5 * SECOND).await;
        calls(&service, 3, Do::Fail).await;
        assert_eq!(handle.snapshot().failed_probations(), 1);
        enter();
        assert_eq!(handle.state(), state);
        handle.reset();
        assert_eq!(handle.state(), State::Closed);
        calls(&service, 20, Do::Fail).await;
        assert_eq!(handle.snapshot().time_left(), Some(5 * SECOND));
        handle.reset();
    }
}

#[tokio::test(start_paused = true)]
async fn forced_open_refuses_until_it_is_reset_and_names_no_time() {
    let (service, handle) = breaker(config());
    handle.force_open();
    advance(86_400 * SECOND).await;
    assert_eq!(refused(&service).await.retry_after(), None);
    assert_eq!(handle.snapshot().last_cause(), Some(Cause::Handle));
    handle.reset();
    assert!(call(&service, Do::Ok).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn disabled_it_admits_every_call_and_only_watches() {
    let (service, handle) = breaker(config());
    handle.disable();
    calls(&service, 100, Do::Fail).await;
    assert_eq!(handle.state(), State::Disabled);
    let snapshot = handle.snapshot();
    assert_eq!((snapshot.calls(), snapshot.failures()), (100, 100));
    assert_eq!(snapshot.failure_ratio(), Some(Ratio::ONE));
    handle.reset();
    assert_eq!(handle.snapshot().failure_ratio(), None);
}

#[tokio::test(start_paused = true)]
async fn open_for_restarts_the_time_also_while_open_and_is_not_bounded() {
    let (service, handle) = breaker(config());
    handle.open_for(3600 * SECOND);
    advance(1800 * SECOND).await;
    handle.open_for(3600 * SECOND);
    assert_eq!(refused(&service).await.retry_after(), Some(3600 * SECOND));
    handle.open_for(Duration::MAX);
    advance(1_000_000 * SECOND).await;
    assert_eq!(refused(&service).await.retry_after(), None);
    assert_eq!(handle.snapshot().time_left(), Some(Duration::MAX));
    handle.open_for(Duration::ZERO);
    assert_eq!(handle.snapshot().time_left(), Some(Duration::ZERO));
    calls(&service, 3, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn reconfigured_in_place_calls_in_flight_count_as_before() {
    let (service, handle) = breaker(config());
    let in_flight = begin(&service, Do::FailAfter(SECOND)).await;
    calls(&service, 9, Do::Fail).await;
    handle.reconfigure(config().volume_min(10)).unwrap();
    assert_eq!(handle.snapshot().failures(), 9);
    assert!(in_flight.await.unwrap().is_err());
    assert_eq!(handle.state(), State::Open);
    assert_eq!(handle.snapshot().stale(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_window_begins_empty_and_takes_what_is_in_flight() {
    let (service, handle) = breaker(config());
    let in_flight = begin(&service, Do::FailAfter(SECOND)).await;
    calls(&service, 9, Do::Fail).await;
    let by_count = config().window(Window::Count { calls: 20 });
    handle.reconfigure(by_count.clone()).unwrap();
    assert_eq!(handle.snapshot().calls(), 0);
    assert!(in_flight.await.unwrap().is_err());
    assert_eq!(handle.snapshot().failures(), 1);
    handle.reconfigure(by_count.failure_ratio(None)).unwrap();
    calls(&service, 30, Do::Fail).await;
    assert_eq!(handle.snapshot().calls(), 0);
    assert_eq!(handle.state(), State::Closed);
    handle.reconfigure(config()).unwrap();
    calls(&service, 20, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_forgotten_when_they_are_no_longer_counted() {
    let counting = config()
        .failure_ratio(None)
        .consecutive_failures(NonZeroU32::new(5));
    let (service, handle) = breaker(counting.clone());
    calls(&service, 4, Do::Fail).await;
    handle.reconfigure(config().failure_ratio(None)).unwrap();
    assert_eq!(handle.snapshot().consecutive_failures(), 0);
    calls(&service, 100, Do::Ok).await;
    handle.reconfigure(counting).unwrap();
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().consecutive_failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_setting_leaves_the_old_ones() {
    let (service, handle) = breaker(config());
    let error = handle.reconfigure(config().probes(0)).unwrap_err();
    assert_eq!(error.to_string(), "probes is 0, but must be 1 ..= 64");
    calls(&service, 20, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn what_cancelled_calls_count_as_can_be_changed_while_they_run() {
    let (service, handle) = breaker(config());
    let call = begin(&service, Do::Hang).await;
    let failing = config().cancelled(Cancelled::Failure);
    handle.reconfigure(failing).unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(handle.snapshot().failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_follows_the_state_to_the_end() {
    let (service, handle) = breaker(config());
    let mut watch = handle.watch();
    assert_eq!(watch.state(), State::Closed);
    calls(&service, 20, Do::Fail).await;
    assert_eq!(watch.changed().await, Some(State::Open));
    advance(5 * SECOND).await;
    calls(&service, 1, Do::Ok).await;
    assert_eq!(watch.changed().await, Some(State::HalfOpen));
    calls(&service, 2, Do::Ok).await;
    assert_eq!(watch.changed().await, Some(State::Closed));
    handle.reset();
    drop((service, handle));
    assert_eq!(watch.changed().await, None);
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_a_circuit_and_of_two_do_not() {
    let layer = BreakerLayer::new("upstream", config()).unwrap();
    let (one, two) = (layer.layer(Upstream), layer.clone().layer(Upstream));
    let (other, _) = breaker(config());
    calls(&one, 20, Do::Fail).await;
    refused(&two).await;
    assert!(call(&other, Do::Ok).await.is_ok());
}
