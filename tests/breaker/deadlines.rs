//! Calls whose caller has stopped waiting.

use mainstay::Deadline;
use mainstay::breaker::State;

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
