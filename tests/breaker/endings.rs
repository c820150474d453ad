//! Calls that end without an answer: dropped, never polled, panicked.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use mainstay::breaker::{Cancelled, State};

use super::*;

/// Gives up a call after `age`.
async fn cancel(service: &Guarded, age: Duration) {
    let hung = call(service, Do::Hang);
    assert!(tokio::time::timeout(age, hung).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_count_as_nothing_by_default() {
    let (service, handle) = breaker(config());
    for _ in 0..50 {
        cancel(&service, SECOND).await;
    }
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_count_as_failures_when_asked_to() {
    let (service, handle) = breaker(config().cancelled(Cancelled::Failure));
    for _ in 0..20 {
        cancel(&service, MILLI).await;
    }
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn only_calls_cancelled_at_an_age_count_when_asked_to() {
    let after = Cancelled::FailureAfter(SECOND);
    let (service, handle) = breaker(config().cancelled(after));
    for _ in 0..30 {
        cancel(&service, 999 * MILLI).await;
    }
    assert_eq!(handle.snapshot().calls(), 0);
    // A window of ten seconds must hold twenty of them.
    let mut hung = Vec::new();
    for _ in 0..20 {
        hung.push(begin(&service, Do::Hang).await);
    }
    advance(SECOND).await;
    for call in hung {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_is_never_reached_cancels_as_nothing() {
    let never = Cancelled::FailureAfter(Duration::MAX);
    let (service, handle) = breaker(config().cancelled(never));
    cancel(&service, 3600 * SECOND).await;
    assert_eq!(handle.snapshot().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_is_cancelled_too() {
    let (mut service, handle) = breaker(config().cancelled(Cancelled::Failure));
    for _ in 0..20 {
        drop(service.ready().await.unwrap().call(Do::Ok));
    }
    assert_eq!(handle.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_fails_where_cancelled_calls_do() {
    let probing = config().cancelled(Cancelled::Failure);
    let (service, handle) = breaker(probing.probes(1).probe_successes(1));
    calls(&service, 20, Do::Fail).await;
    advance(5 * SECOND).await;
    cancel(&service, MILLI).await;
    assert_eq!(handle.state(), State::Open);
    assert_eq!(handle.snapshot().failed_probations(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_unwinds_through_and_is_a_failure_of_the_service() {
    for what in [Do::Panic, Do::PanicInCall] {
        let (service, handle) = breaker(config());
        for _ in 0..20 {
            let call = AssertUnwindSafe(call(&service, what));
            assert!(call.catch_unwind().await.is_err());
        }
        assert_eq!(handle.state(), State::Open, "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_frees_its_place_and_fails() {
    for what in [Do::Panic, Do::PanicInCall] {
        let (service, handle) = breaker(config().probes(2).probe_successes(1));
        calls(&service, 20, Do::Fail).await;
        advance(5 * SECOND).await;
        for failed_probations in [0, 1] {
            let probe = AssertUnwindSafe(call(&service, what));
            assert!(probe.catch_unwind().await.is_err());
            let snapshot = handle.snapshot();
            assert_eq!(snapshot.probes_in_flight(), 0);
            assert_eq!(snapshot.failed_probations(), failed_probations, "{what:?}");
        }
        advance(10 * SECOND).await;
        calls(&service, 1, Do::Ok).await;
        assert_eq!(handle.state(), State::Closed, "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_by_the_callers_own_panic_is_cancelled_and_not_failed() {
    let (service, handle) = breaker(config());
    for _ in 0..20 {
        let mut call = Box::pin(call(&service, Do::Hang));
        assert!(call.as_mut().now_or_never().is_none());
        let caller = std::panic::catch_unwind(AssertUnwindSafe(move || {
            let _dropped_by_the_unwinding = call;
            panic!("the caller's");
        }));
        assert!(caller.is_err());
    }
    assert_eq!(handle.state(), State::Closed);
    assert_eq!(handle.snapshot().calls(), 0);
}
