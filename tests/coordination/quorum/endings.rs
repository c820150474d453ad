//! Acceptors and transports that fail in each way: an attempt ends, in time, and says why.

use std::error::Error as StdError;
use std::time::Duration;

use mainstay::coordination::{
    AcceptorError, AcceptorId, AcceptorService, AcquireError, Ask, Clock, LeaseResponse,
    LeaseStore, Message, Moment, NodeId, QuorumLease, RenewError, TokioClock,
};
use mainstay::test_util::Stepper;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use super::kit::*;

fn source_of(error: &AcquireError) -> String {
    let AcquireError::Unavailable { .. } = error else {
        panic!("{error:?}");
    };
    error.source().expect("it is known").to_string()
}

#[tokio::test(start_paused = true)]
async fn one_of_three_may_fail_in_any_way() {
    for way in [
        Way::Hangs,
        Way::Fails,
        Way::LosesReply,
        Way::SwallowsReply,
        Way::NeverReady,
    ] {
        let (mut one, lines) = Net::new(3).node(1);
        lines[0].set(way);
        let start = Instant::now();
        one.acquire(None).await.unwrap();
        one.renew().await.unwrap();
        tokio::task::yield_now().await;
        one.release().await;
        assert_eq!(start.elapsed(), Duration::ZERO, "{way:?}");
        // One, and one that was aborted and that the runtime has not dropped yet.
        assert!(lines[0].most() <= 2, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_majority_that_fails_is_asked_again_now_and_then_and_for_the_ttl() {
    for (count, broken) in [(1, 1), (3, 2), (2, 1)] {
        let net = Net::new(count);
        let (mut one, lines) = net.node_with(1, config().allow_even());
        for line in &lines[..broken] {
            line.set(Way::Fails);
        }
        let start = Instant::now();
        let error = one.acquire(None).await.unwrap_err();
        assert_eq!(source_of(&error), "the line is broken");
        assert!(start.elapsed() >= TTL && start.elapsed() <= TTL + 2 * MS);
        // At once, and then each tenth of the ttl, give or take a tenth of that.
        let asked = lines[0].count();
        assert!((9..=13).contains(&asked), "asked {asked} times");
    }
}

#[tokio::test(start_paused = true)]
async fn a_majority_that_hangs_is_asked_once_and_the_attempt_ends_with_the_ttl() {
    for way in [Way::Hangs, Way::SwallowsReply, Way::NeverReady] {
        let (mut one, lines) = Net::new(3).node(1);
        lines[0].set(way);
        lines[1].set(way);
        let start = Instant::now();
        let error = one.acquire(None).await.unwrap_err();
        assert!(matches!(
            error,
            AcquireError::Unavailable { source: None, .. }
        ));
        assert!(start.elapsed() >= TTL && start.elapsed() <= TTL + 2 * MS);
        assert!(lines[0].count() <= 1 && lines[0].most() <= 1, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_lost_is_asked_for_again_in_the_same_attempt() {
    let (mut one, lines) = Net::new(3).node(1);
    let first = one.acquire(None).await.unwrap();
    sleep(300 * MS).await;
    for line in &lines {
        line.set(Way::LosesReply);
    }
    let heal = async {
        sleep(250 * MS).await;
        for line in &lines {
            line.set(Way::Through);
        }
    };
    let (renewed, ()) = tokio::join!(one.renew(), heal);
    let renewed = renewed.unwrap();
    assert_eq!(renewed.token, first.token);
    // Of the attempt's beginning, not of its end.
    assert_eq!(renewed.ends, first.ends.after(300 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_grant_and_then_the_lease_is_lost() {
    let (mut one, lines) = Net::new(3).node(1);
    let grant = one.acquire(None).await.unwrap();
    let clock = one.clock();
    for line in &lines {
        line.set(Way::Fails);
    }
    let error = one.renew().await.unwrap_err();
    let RenewError::Unknown { source: Some(_) } = error else {
        panic!("{error:?}");
    };
    // It was tried until the margin.
    assert!(clock.now() >= grant.usable_until && clock.now() < grant.ends);
    sleep(MARGIN).await;
    assert!(matches!(one.renew().await, Err(RenewError::Lost)));
}

#[tokio::test(start_paused = true)]
async fn acceptors_in_quarantine_say_nothing_and_then_grant() {
    let clock = TokioClock::new();
    let acceptors = [1, 2, 3].map(|id| {
        let id = AcceptorId(id);
        AcceptorService::new(RESOURCE, id, timing(), store(), clock)
    });
    let lines = acceptors.map(Line::new);
    let mut one = lease(1, &lines, config());
    let error = one.acquire(None).await.unwrap_err();
    assert!(matches!(
        error,
        AcquireError::Unavailable { source: None, .. }
    ));
    assert!(one.clock().now().since(Moment::ORIGIN) < timing().quarantine());
    // The attempt that is under way when the quarantine ends.
    one.acquire(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_blocks_keeps_nobody_else() {
    let told = Told::new(Disk::Blocks);
    let slow = acceptor_with(1, told.clone());
    let lines = [slow, acceptor(2), acceptor(3)].map(Line::new);
    let mut one = lease(1, &lines, config());
    let grant = one.acquire(None).await.unwrap();
    assert_eq!(grant.token, token(1));
    told.entered();
    one.renew().await.unwrap();
    told.set(Disk::Keeps);
}

#[tokio::test(start_paused = true)]
async fn disks_that_fail_are_the_reason() {
    let lines = [1, 2, 3].map(|id| Line::new(acceptor_with(id, Told::new(Disk::Fails))));
    let error = lease(1, &lines, config()).acquire(None).await.unwrap_err();
    assert!(source_of(&error).starts_with("the acceptor has failed"));
    // One may.
    let disks = [Disk::Panics, Disk::Keeps, Disk::Keeps];
    let lines = [1, 2, 3].map(|id| Line::new(acceptor_with(id, Told::new(disks[id as usize - 1]))));
    lease(1, &lines, config()).acquire(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn acceptors_of_another_resource_never_grant() {
    let clock = TokioClock::new();
    let lines = [1, 2, 3].map(|id| {
        let id = AcceptorId(id);
        Line::new(AcceptorService::embedded(
            "another",
            id,
            timing(),
            store(),
            clock,
        ))
    });
    let mut one = lease(1, &lines, config());
    let AcquireError::Unavailable {
        source: Some(source),
        ..
    } = one.acquire(None).await.unwrap_err()
    else {
        panic!("it was granted");
    };
    let error = source.downcast_ref::<AcceptorError>().unwrap();
    assert!(matches!(error, AcceptorError::Resource { .. }));
}

#[tokio::test(start_paused = true)]
async fn two_names_of_one_acceptor_are_no_majority() {
    let only = acceptor(1);
    let pairs = [1, 2, 3].map(|id| {
        let id = AcceptorId(id);
        (id, Line::new(only.clone()))
    });
    let node = NodeId(1);
    let mut one = QuorumLease::new(RESOURCE, node, pairs, config()).unwrap();
    let error = one.acquire(None).await.unwrap_err();
    assert!(source_of(&error).contains("another answered"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_the_slow_have_not_answered_goes_on_for_the_ttl_and_until_the_next_attempt() {
    let net = Net::new(3);
    let (mut one, lines) = net.node(1);
    lines[2].delay(50 * MS);
    one.acquire(None).await.unwrap();
    assert_eq!(lines[2].alive(), 1);
    sleep(101 * MS).await;
    assert_eq!(lines[2].alive(), 0);
    // It had what was asked last: so the first may fail.
    lines[0].set(Way::Fails);
    lines[2].delay(Duration::ZERO);
    one.renew().await.unwrap();
    lines[0].set(Way::Through);
    one.release().await;
    lines[2].set(Way::Hangs);
    one.acquire(None).await.unwrap();
    for _ in 0..3 {
        assert_eq!(lines[2].alive(), 1);
        one.renew().await.unwrap();
        // What is aborted is dropped by the runtime.
        sleep(MS).await;
    }
    assert_eq!(lines[2].alive(), 1);
    sleep(TTL + MS).await;
    assert_eq!(lines[2].alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_was_granted_in_vain_is_given_back() {
    let net = Net::new(3);
    let (mut one, lines) = net.node(1);
    // Two promise it, and one of them alone hears what it is asked then.
    lines[1].delay(10 * MS);
    lines[2].set(Way::Hangs);
    let cut = async {
        sleep(15 * MS).await;
        lines[1].set(Way::Hangs);
    };
    let (answer, ()) = tokio::join!(one.acquire(None), cut);
    assert!(matches!(answer, Err(AcquireError::Unavailable { .. })));
    let asks = lines[0].seen();
    assert!(matches!(asks[1], Ask::Message(Message::Accept(_))));
    let free = net.acceptors[0].clone().oneshot(wait(Duration::ZERO));
    assert!(matches!(free.await.unwrap(), LeaseResponse::Free { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_unwinds_through_and_leaves_no_call() {
    let net = Net::new(3);
    let (mut one, lines) = net.node(1);
    lines[0].set(Way::Hangs);
    lines[2].set(Way::Panics);
    lines[1].delay(MS);
    let panicked = std::panic::AssertUnwindSafe(one.acquire(None));
    let panicked = futures::FutureExt::catch_unwind(panicked).await;
    assert!(panicked.is_err());
    assert!(lines.iter().all(|line| line.alive() == 0));
    for line in &lines {
        line.set(Way::Through);
    }
    one.release().await;
    one.acquire(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_for_a_majority_and_not_for_long() {
    let net = Net::new(3);
    let (mut one, lines) = net.node(1);
    one.acquire(None).await.unwrap();
    settle().await;
    lines[0].set(Way::Hangs);
    let mut giving = Stepper::new(one.release());
    assert!(giving.step().is_ready(), "two have it");
    drop(giving);
    one.acquire(None).await.unwrap();
    settle().await;
    lines[1].set(Way::Hangs);
    let start = Instant::now();
    one.release().await;
    assert!(start.elapsed() >= TTL / 10 && start.elapsed() <= TTL / 10 + 2 * MS);
}
