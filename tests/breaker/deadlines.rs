//! Calls whose caller has stopped waiting.

use futures::FutureExt;
use mainstay::Deadline;
use mainstay::breaker::{Cancelled, State};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tower::limit::ConcurrencyLimit;

use super::*;

async fn too_late(service: &Guarded) -> Rejection {
    let late = Deadline::within(Duration::ZERO).scope(call(service, Do::Ok));
    let error = late.await.expect_err("nobody waits any more");
    error.rejection().expect("said by the breaker").clone()
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_has_passed_is_refused_and_counts_neither_way() {
    let (service, handle) = breaker(config());
    let refusal = too_late(&service).await;
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(handle.snapshot().calls(), 0);

    let in_time = Deadline::within(MILLI).scope(call(&service, Do::Ok));
    in_time.await.expect("there is time left");
    assert_eq!(handle.snapshot().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_has_passed_gives_back_the_readiness_below() {
    let layer = BreakerLayer::new("upstream", config()).expect("valid");
    let mut service = layer.layer(ConcurrencyLimit::new(Upstream, 1));
    let mut other = service.clone();
    service.ready().await.expect("it has the only permit");
    let late = Deadline::within(Duration::ZERO).scope(async { service.call(Do::Ok).await });
    late.await.expect_err("nobody waits any more");
    let ready = other.ready().now_or_never();
    assert!(ready.is_some(), "an idle instance holds the permit");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_has_passed_is_no_probe() {
    let (service, handle) = breaker(config());
    calls(&service, 20, Do::Fail).await;
    assert_eq!(too_late(&service).await.kind(), Kind::DeadlineExceeded);
    advance(5 * SECOND).await;
    for _ in 0..9 {
        assert_eq!(too_late(&service).await.kind(), Kind::DeadlineExceeded);
    }
    assert_eq!(handle.state(), State::Open, "none has begun a probation");
    calls(&service, 3, Do::Ok).await;
    assert_eq!(handle.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_deadline_ends_while_it_runs_counts_as_one_that_was_given_up() {
    for (cancelled, state) in [
        (Cancelled::Ignore, State::Closed),
        (Cancelled::Failure, State::Open),
        (Cancelled::FailureAfter(SECOND), State::Open),
        (Cancelled::FailureAfter(2 * SECOND), State::Closed),
    ] {
        let config = config().cancelled(cancelled).volume_min(5);
        let layer = BreakerLayer::new("upstream", config).expect("valid");
        let limit = TimeoutConfig::default().limit(30 * SECOND);
        let timeout = TimeoutLayer::new("upstream", limit).expect("valid");
        let service = layer.layer(timeout.layer(Upstream));
        for _ in 0..5 {
            let call = service.clone().oneshot(Do::Hang);
            let error = Deadline::within(SECOND)
                .scope(call)
                .await
                .expect_err("it hangs");
            let refusal = error.rejection().expect("said by the timeout");
            assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
        }
        assert_eq!(layer.handle().state(), state, "{cancelled:?}");
    }
}
