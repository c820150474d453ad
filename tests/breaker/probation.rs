//! Half open: probes that succeed, fail, hang, are dropped and come late.

use mainstay::breaker::{Cause, State};

use super::*;

/// Opens the circuit and lets the open time pass.
async fn due(service: &Guarded) {
    calls(service, 20, Do::Fail).await;
    advance(5 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn three_of_five_probes_close_it() {
    let (service, handle) = breaker(config());
    due(&service).await;
    assert_eq!(handle.state(), State::Open);
    calls(&service, 1, Do::Ok).await;
    assert_eq!(handle.state(), State::HalfOpen);
    calls(&service, 1, Do::Fail).await;
    calls(&service, 1, Do::Ok).await;
    calls(&service, 1, Do::Fail).await;
    assert_eq!(handle.state(), State::HalfOpen);
    calls(&service, 1, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn three_failed_probes_open_it_again_for_twice_as_long() {
    let (service, handle) = breaker(config());
    due(&service).await;
    for seconds in [10, 20, 40, 80, 160, 300, 300] {
        calls(&service, 2, Do::Fail).await;
        assert_eq!(handle.state(), State::HalfOpen);
        calls(&service, 1, Do::Fail).await;
        let snapshot = handle.snapshot();
        assert_eq!(snapshot.last_cause(), Some(Cause::Probation));
        assert_eq!(snapshot.time_left(), Some(seconds * SECOND));
        advance(seconds * SECOND).await;
    }
    calls(&service, 3, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
    calls(&service, 20, Do::Fail).await;
    assert_eq!(handle.snapshot().time_left(), Some(5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn no_more_probes_are_in_flight_than_permitted() {
    let (service, handle) = breaker(config());
    due(&service).await;
    let mut hung = Vec::new();
    for _ in 0..5 {
        hung.push(begin(&service, Do::Hang).await);
    }
    assert_eq!(handle.snapshot().probes_in_flight(), 5);
    let refusal = refused(&service).await;
    assert_eq!(refusal.retry_after(), Some(30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn probes_far_apart_close_it_however_short_the_window() {
    let window = mainstay::breaker::Window::Time {
        length: 50 * MILLI,
        buckets: 10,
    };
    let (service, handle) = breaker(config().window(window));
    due(&service).await;
    for _ in 0..3 {
        assert!(call(&service, Do::Ok).await.is_ok());
        advance(80 * MILLI).await;
    }
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn hung_probes_are_given_up_after_their_lease_and_their_late_results_are_stale() {
    let (service, handle) = breaker(config());
    due(&service).await;
    let mut hung = Vec::new();
    for _ in 0..5 {
        hung.push(begin(&service, Do::Take(3600 * SECOND)).await);
    }
    advance(29_999 * MILLI).await;
    refused(&service).await;
    assert_eq!(handle.state(), State::HalfOpen);
    advance(MILLI).await;
    assert_eq!(refused(&service).await.retry_after(), Some(10 * SECOND));
    assert_eq!(handle.state(), State::Open);
    advance(10 * SECOND).await;
    calls(&service, 2, Do::Ok).await;
    assert_eq!(handle.state(), State::HalfOpen);
    // The late successes of the first probation close nothing.
    for late in hung {
        assert!(late.await.unwrap().is_ok());
    }
    assert_eq!(handle.snapshot().stale(), 5);
    assert_eq!(handle.state(), State::HalfOpen);
    calls(&service, 1, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_nobody_called_while_its_probes_hung_admits_the_next_call() {
    let (service, handle) = breaker(config().probes(1).probe_successes(1));
    due(&service).await;
    let _hung = begin(&service, Do::Hang).await;
    advance(3600 * SECOND).await;
    assert!(call(&service, Do::Ok).await.is_ok());
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_place_back() {
    let (service, handle) = breaker(config().probes(1).probe_successes(1));
    due(&service).await;
    for _ in 0..100 {
        let probe = begin(&service, Do::Hang).await;
        refused(&service).await;
        probe.abort();
        assert!(probe.await.unwrap_err().is_cancelled());
        assert_eq!(handle.snapshot().probes_in_flight(), 0);
    }
    assert!(call(&service, Do::Ok).await.is_ok());
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_dropped_after_its_lease_has_failed_whether_or_not_somebody_looked() {
    for looks in [false, true] {
        let (service, handle) = breaker(config().probes(1).probe_successes(1));
        due(&service).await;
        let probe = begin(&service, Do::Hang).await;
        advance(31 * SECOND).await;
        if looks {
            refused(&service).await;
        }
        probe.abort();
        assert!(probe.await.unwrap_err().is_cancelled());
        assert_eq!(handle.state(), State::Open, "looked: {looks}");
        assert_eq!(handle.snapshot().time_left(), Some(9 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_probation_says_nothing_in_the_next() {
    let (service, handle) = breaker(config().probes(2).probe_successes(1));
    due(&service).await;
    let late = begin(&service, Do::Take(20 * SECOND)).await;
    handle.open_for(SECOND);
    advance(SECOND).await;
    let probe = begin(&service, Do::Take(3600 * SECOND)).await;
    assert!(late.await.unwrap().is_ok());
    assert_eq!(handle.state(), State::HalfOpen);
    assert_eq!(handle.snapshot().stale(), 1);
    assert_eq!(handle.snapshot().probes_in_flight(), 1);
    probe.abort();
}

#[tokio::test(start_paused = true)]
async fn results_of_calls_from_before_the_trip_change_nothing() {
    let (service, handle) = breaker(config());
    let late_failure = begin(&service, Do::FailAfter(6 * SECOND)).await;
    let late_success = begin(&service, Do::Take(6 * SECOND)).await;
    calls(&service, 20, Do::Fail).await;
    advance(5 * SECOND).await;
    calls(&service, 2, Do::Ok).await;
    assert!(late_failure.await.unwrap().is_err());
    assert!(late_success.await.unwrap().is_ok());
    assert_eq!(handle.state(), State::HalfOpen);
    assert_eq!(handle.snapshot().stale(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_is_a_failed_one_where_slow_calls_count() {
    let slow = config().slow_ratio(Ratio::ONE).slow_duration(SECOND);
    let (service, handle) = breaker(slow);
    due(&service).await;
    calls(&service, 3, Do::Take(SECOND)).await;
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn after_closing_a_ramp_admits_a_growing_share() {
    let ramp = config().ramp(10 * SECOND).probes(1).probe_successes(1);
    let (service, handle) = breaker(ramp);
    due(&service).await;
    calls(&service, 1, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
    let mut admitted = Vec::new();
    for _ in 0..11 {
        let mut now = 0;
        for _ in 0..100 {
            now += u32::from(call(&service, Do::Ok).await.is_ok());
        }
        admitted.push(now);
        advance(SECOND).await;
    }
    let share = [10, 19, 28, 37, 46, 55, 64, 73, 82, 91, 100];
    for (admitted, share) in admitted.iter().zip(share) {
        assert!(admitted.abs_diff(share) <= 1, "{admitted} of {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_during_the_ramp_open_it_again() {
    let ramp = config().ramp(10 * SECOND).probes(1).probe_successes(1);
    let (service, handle) = breaker(ramp.volume_min(2));
    due(&service).await;
    calls(&service, 1, Do::Ok).await;
    advance(9 * SECOND).await;
    let refusal = loop {
        if let Err(error) = call(&service, Do::Ok).await {
            break error.rejection().expect("the ramp's").clone();
        }
    };
    assert_eq!(refusal.retry_after(), Some(SECOND));
    calls(&service, 30, Do::Fail).await;
    assert_eq!(handle.state(), State::Open);
}
