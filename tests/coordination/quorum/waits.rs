//! Who waits at an acceptor is told when a lease is given back, and costs nothing that is not bounded.

use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::block_on;
use mainstay::coordination::{
    AcceptorId, Clock, LeaseRequest, LeaseResponse, LeaseStore, NodeId, QuorumLease, TokioClock,
};
use mainstay::test_util::{Stepper, drop_at_every_poll};
use tower::{Service, ServiceExt};

use super::kit::*;

/// As many as may wait at one acceptor.
const MOST: usize = 256;

#[tokio::test(start_paused = true)]
async fn where_nothing_is_held_the_answer_is_there_at_once() {
    let acceptor = acceptor(1);
    for within in [Duration::ZERO, TTL, Duration::MAX] {
        let mut waiting = Stepper::new(acceptor.clone().oneshot(wait(within)));
        assert!(matches!(
            waiting.step(),
            Poll::Ready(Ok(LeaseResponse::Free { .. }))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_is_told_and_a_renewal_is_not() {
    let acceptor = acceptor(1);
    let held = granted(&acceptor, 7, 1).await;
    let mut waiting = Stepper::new(acceptor.clone().oneshot(wait(TTL)));
    assert!(waiting.step().is_pending());
    let renewed = ballot(held.counter + 1, 7);
    for request in [
        prepare(renewed),
        accept(renewed, 1),
        release(held),
        release(ballot(99, 8)),
    ] {
        let _ = acceptor.clone().oneshot(request).await.unwrap();
        assert!(!waiting.was_woken(), "for nothing, by whoever likes");
        assert!(waiting.step().is_pending(), "it is held as before");
    }
    let _ = acceptor.clone().oneshot(release(renewed)).await.unwrap();
    assert!(matches!(
        waiting.step(),
        Poll::Ready(Ok(LeaseResponse::Free { .. }))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_own_time_and_with_the_lease() {
    let clock = TokioClock::new();
    let acceptor = acceptor(1);
    granted(&acceptor, 7, 1).await;
    for (within, lasts) in [
        (Duration::ZERO, Duration::ZERO),
        (10 * MS, 10 * MS),
        // What is left of the lease, up to the next millisecond of a timer.
        (Duration::MAX, timing().held().saturating_sub(10 * MS)),
    ] {
        let start = clock.now();
        let answer = acceptor.clone().oneshot(wait(within)).await.unwrap();
        assert_eq!(answer, LeaseResponse::Silence);
        let lasted = clock.now().since(start);
        assert!(
            lasted >= lasts && lasted <= lasts + 2 * MS,
            "{within:?}: {lasted:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_told_nothing_at_once_and_one_that_goes_makes_room() {
    // 257 in one task are more than tokio lets it do at once.
    tokio::task::unconstrained(one_too_many()).await;
}

async fn one_too_many() {
    let acceptor = acceptor(1);
    let held = granted(&acceptor, 7, 1).await;
    let waiting = || Stepper::new(acceptor.clone().oneshot(wait(TTL)));
    let mut all: Vec<_> = (0..MOST).map(|_| waiting()).collect();
    assert!(all.iter_mut().all(|one| one.step().is_pending()));
    let refused = |poll| matches!(poll, Poll::Ready(Ok(LeaseResponse::Silence)));
    assert!(refused(waiting().step()));
    all.pop();
    let mut last = waiting();
    assert!(last.step().is_pending());
    assert!(refused(waiting().step()));
    let _ = acceptor.clone().oneshot(release(held)).await.unwrap();
    for mut one in all.into_iter().chain([last]) {
        assert!(matches!(
            one.step(),
            Poll::Ready(Ok(LeaseResponse::Free { .. }))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_leaves_nothing_behind() {
    let acceptor = acceptor(1);
    granted(&acceptor, 7, 1).await;
    let mut others = Vec::new();
    for _ in 1..MOST {
        others.push(Stepper::new(acceptor.clone().oneshot(wait(TTL))));
        assert!(others.last_mut().unwrap().step().is_pending());
    }
    // There is one place, so one that is kept by a dropped wait would be missed.
    drop_at_every_poll(
        || acceptor.clone().oneshot(wait(5 * MS)),
        |cut| {
            let mut next = Stepper::new(acceptor.clone().oneshot(wait(TTL)));
            assert!(next.step().is_pending(), "{cut:?}");
        },
    )
    .await;
}

#[test]
fn outside_a_runtime_there_is_no_wait_and_no_panic() {
    let acceptor = acceptor(1);
    let held = block_on(granted(&acceptor, 7, 1));
    let answer = block_on(acceptor.clone().oneshot(wait(TTL)));
    assert_eq!(answer.unwrap(), LeaseResponse::Silence);
    let _ = block_on(acceptor.clone().oneshot(release(held))).unwrap();
    let answer = block_on(acceptor.oneshot(wait(TTL))).unwrap();
    assert_eq!(answer, LeaseResponse::Silence);
}

/// As acceptors in quarantine are: it has nothing to say, and says so at once.
#[derive(Clone, Default)]
struct Mute(Arc<Mutex<usize>>);

impl Service<LeaseRequest> for Mute {
    type Response = LeaseResponse;
    type Error = Fault;
    type Future = Ready<Result<LeaseResponse, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: LeaseRequest) -> Self::Future {
        let mut asked = self.0.lock().unwrap();
        *asked += 1;
        assert!(*asked < 100_000, "a storm");
        ready(Ok(LeaseResponse::Silence))
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_at_once_is_not_asked_in_a_storm_however_short_the_wait_is() {
    for within in [Duration::from_nanos(1), MS, TTL, Duration::MAX] {
        let mute = Mute::default();
        let config = config().wait(within);
        let acceptors = [(AcceptorId(1), mute.clone())];
        let mut lease = QuorumLease::new(RESOURCE, NodeId(1), acceptors, config).unwrap();
        let waited = tokio::time::timeout(TTL, lease.freed()).await;
        assert!(waited.is_err(), "nothing is free");
        let asked = *mute.0.lock().unwrap();
        assert!((1..=101).contains(&asked), "{within:?}: {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_keeps_nobody_from_being_answered() {
    let acceptor = acceptor(1);
    let held = granted(&acceptor, 7, 1).await;
    let mut waiting = Stepper::new(acceptor.clone().oneshot(wait(TTL)));
    assert!(waiting.step().is_pending());
    let mut renewal = Stepper::new(acceptor.clone().oneshot(accept(held, 1)));
    assert!(renewal.step().is_ready());
}
