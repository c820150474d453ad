//! The caller's deadline, sooner or later than the limit, or gone.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use mainstay::test_util::Act;
use mainstay::{Deadline, Executed, Kind};
use tokio::time::{Instant, advance};
use tower::{Service, ServiceExt};

use super::{SECOND, call, over_probe, refusal};

#[tokio::test(start_paused = true)]
async fn the_sooner_of_limit_and_deadline_ends_the_call() {
    for (deadline, kind, limit) in [
        (SECOND / 2, Kind::DeadlineExceeded, SECOND / 2),
        (SECOND, Kind::DeadlineExceeded, SECOND),
        (2 * SECOND, Kind::Timeout, SECOND),
        (Duration::MAX, Kind::Timeout, SECOND),
    ] {
        let (mut service, watch, _) = over_probe(SECOND);
        watch.otherwise(Act::hang());
        let call = call(&mut service, &watch);
        let refusal = refusal(Deadline::within(deadline).scope(call).await);
        assert_eq!(refusal.kind(), kind, "{deadline:?}");
        assert_eq!(refusal.executed(), Executed::Unknown);
        assert_eq!(
            refusal.limit_and_elapsed().unwrap().0,
            limit,
            "{deadline:?}"
        );
        assert_eq!(watch.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_refuses_before_the_inner_service_is_called() {
    let (mut service, watch, _) = over_probe(SECOND);
    for deadline in [
        Deadline::within(Duration::ZERO),
        Deadline::at(Instant::now()),
    ] {
        advance(Duration::from_nanos(1)).await;
        let refusal = refusal(deadline.scope(call(&mut service, &watch)).await);
        assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
        assert_eq!(refusal.executed(), Executed::No);
    }
    assert_eq!(watch.calls(), 0);
    assert_eq!(watch.alive().requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_found_where_the_call_is_made() {
    let (mut service, watch, _) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    service.ready().await.unwrap();
    let deadline = Deadline::within(SECOND / 2);
    let call = deadline.scope(poll_fn(|_| Poll::Ready(service.call(watch.request()))));
    let call = call.await;
    // It is polled outside of the scope, as by a spawned task.
    assert_eq!(
        refusal(tokio::spawn(call).await.unwrap()).kind(),
        Kind::DeadlineExceeded
    );
}
