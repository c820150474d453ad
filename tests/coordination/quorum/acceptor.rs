//! An acceptor answers what it may, after the disk has it, and not at all once the disk has failed.

use std::task::Poll;
use std::time::Duration;

use futures::executor;
use mainstay::coordination::{
    AcceptorError, AcceptorId, AcceptorService, LeaseResponse, Reply, TokenStore, TokioClock,
};
use mainstay::test_util::Stepper;
use tower::ServiceExt;

use super::kit::*;

#[tokio::test(start_paused = true)]
async fn another_resource_is_refused_and_nothing_is_granted() {
    let acceptor = acceptor(1);
    let mut request = accept(ballot(1, 7), 1);
    for other in ["", "ledge", "ledger2", "Ledger"] {
        request.resource = other.into();
        let error = acceptor.clone().oneshot(request.clone()).await.unwrap_err();
        assert!(
            matches!(&error, AcceptorError::Resource { serves } if &**serves == RESOURCE),
            "{error}"
        );
    }
    let mut other = wait(TTL);
    other.resource = "other".into();
    assert!(acceptor.clone().oneshot(other).await.is_err());
    granted(&acceptor, 8, 1).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_begins_is_silent_until_its_quarantine_is_over() {
    let start = TokioClock::new();
    let acceptor = AcceptorService::new(RESOURCE, AcceptorId(1), timing(), store(), start);
    let ask = || acceptor.clone().oneshot(prepare(ballot(1, 7)));
    assert_eq!(ask().await.unwrap(), LeaseResponse::Silence);
    let waited = acceptor.clone().oneshot(wait(TTL)).await.unwrap();
    assert_eq!(waited, LeaseResponse::Silence, "nobody knows what is held");
    let nanosecond = Duration::from_nanos(1);
    tokio::time::advance(timing().quarantine().saturating_sub(nanosecond)).await;
    assert_eq!(ask().await.unwrap(), LeaseResponse::Silence);
    tokio::time::advance(nanosecond).await;
    let answer = ask().await.unwrap();
    assert!(matches!(answer, LeaseResponse::Reply(Reply::Promise(_))));
}

#[tokio::test(start_paused = true)]
async fn what_the_store_has_kept_is_known_from_the_start() {
    let told = Told::new(Disk::Keeps);
    granted(&acceptor_with(1, told.clone()), 7, 5).await;
    let next = acceptor_with(1, told);
    let answer = next.oneshot(accept(ballot(9, 8), 5)).await.unwrap();
    let LeaseResponse::Reply(Reply::Nack(nack)) = answer else {
        panic!("the token of another was taken again: {answer:?}");
    };
    assert_eq!(nack.high, Some(token(5)));
}

#[tokio::test(start_paused = true)]
async fn what_needs_no_write_is_answered_at_the_first_poll() {
    let acceptor = acceptor(1);
    let held = granted(&acceptor, 7, 1).await;
    let again = accept(held, 1);
    for request in [prepare(held), again, accept(ballot(9, 8), 9), release(held)] {
        let answer = Stepper::new(acceptor.clone().oneshot(request)).step();
        assert!(answer.is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_granted_before_the_disk_has_it_and_others_wait_for_that() {
    let told = Told::new(Disk::Blocks);
    let acceptor = acceptor_with(1, told.clone());
    let mut granting = Stepper::new(acceptor.clone().oneshot(accept(ballot(1, 7), 1)));
    assert!(granting.step().is_pending());
    told.entered();
    let mut asking = Stepper::new(acceptor.clone().oneshot(prepare(ballot(2, 8))));
    assert!(asking.step().is_pending() && granting.step().is_pending());
    assert_eq!(told.load(), None);
    told.set(Disk::Keeps);
    assert!(is_accepted(granting.finish().await.unwrap()));
    let LeaseResponse::Reply(Reply::Promise(promise)) = asking.finish().await.unwrap() else {
        panic!("no promise");
    };
    assert_eq!(promise.high, Some(token(1)));
    assert_eq!(promise.live.unwrap().ballot, ballot(1, 7));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_changes_nothing() {
    let told = Told::new(Disk::Blocks);
    let acceptor = acceptor_with(1, told.clone());
    drop(acceptor.clone().oneshot(accept(ballot(1, 7), 1)));
    let mut granting = Stepper::new(acceptor.clone().oneshot(accept(ballot(2, 7), 2)));
    assert!(granting.step().is_pending());
    told.entered();
    drop(granting);
    let mut queued = Stepper::new(acceptor.clone().oneshot(accept(ballot(3, 7), 3)));
    assert!(queued.step().is_pending());
    drop(queued);
    told.set(Disk::Keeps);
    let answer = acceptor.oneshot(prepare(ballot(4, 8))).await.unwrap();
    let LeaseResponse::Reply(Reply::Promise(promise)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        promise.live.unwrap().ballot,
        ballot(2, 7),
        "begun, so written"
    );
    assert_eq!(told.load().unwrap().token, token(2));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_panics_ends_it_for_good() {
    for (disk, says) in [(Disk::Fails, true), (Disk::Panics, false)] {
        let told = Told::new(disk);
        let acceptor = acceptor_with(1, told.clone());
        let failed = |error: AcceptorError| {
            assert!(
                matches!(&error, AcceptorError::Failed { source } if source.is_some() == says),
                "{error:?}"
            );
            assert_eq!(std::error::Error::source(&error).is_some(), says);
        };
        failed(
            acceptor
                .clone()
                .oneshot(accept(ballot(1, 7), 1))
                .await
                .unwrap_err(),
        );
        told.set(Disk::Keeps);
        for request in [
            prepare(ballot(2, 8)),
            accept(ballot(1, 7), 1),
            release(ballot(1, 7)),
            wait(TTL),
        ] {
            failed(acceptor.clone().oneshot(request).await.unwrap_err());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_that_it_has_failed() {
    let told = Told::new(Disk::Keeps);
    let acceptor = acceptor_with(1, told.clone());
    let held = granted(&acceptor, 7, 1).await;
    let mut waiting = Stepper::new(acceptor.clone().oneshot(wait(TTL)));
    assert!(waiting.step().is_pending());
    told.set(Disk::Fails);
    // Its owner's own next term.
    let next = accept(ballot(held.counter + 1, 7), 2);
    assert!(acceptor.clone().oneshot(next).await.is_err());
    assert!(matches!(waiting.step(), Poll::Ready(Err(_))));
}

#[test]
fn a_runtime_that_stops_before_it_came_to_the_write_leaves_it_as_it_was() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    let told = Told::new(Disk::Keeps);
    let acceptor = acceptor_with(1, told.clone());
    let entered = handle.enter();
    let answer = executor::block_on(acceptor.clone().oneshot(accept(ballot(1, 7), 1)));
    assert!(matches!(answer, Err(AcceptorError::Stopped)), "{answer:?}");
    drop(entered);
    assert_eq!(told.load(), None);
    let answer = executor::block_on(acceptor.oneshot(accept(ballot(2, 8), 1)));
    assert!(is_accepted(answer.unwrap()));
}

#[test]
fn outside_a_runtime_it_writes_where_it_is() {
    let acceptor = acceptor(1);
    let answer = executor::block_on(acceptor.oneshot(accept(ballot(1, 7), 1)));
    assert!(is_accepted(answer.unwrap()));
}
