//! How long it takes from one leader to the next.

use std::time::Duration;

use mainstay::coordination::{AcquireError, Ask, LeaseStore, QuorumLease};
use mainstay::test_util::Stepper;
use tokio::time::{Instant, sleep};

use tower::ServiceExt;

use super::kit::*;

/// Campaigns as an election does, until it is elected.
async fn campaign(lease: &mut QuorumLease<Line>) -> Instant {
    loop {
        let retry = match lease.acquire(None).await {
            Ok(_) => return Instant::now(),
            Err(AcquireError::Taken { retry, .. }) => {
                let _ = tokio::time::timeout(retry, lease.freed()).await;
                continue;
            }
            Err(AcquireError::Unavailable { retry, .. }) => retry,
            Err(other) => panic!("{other}"),
        };
        sleep(retry).await;
    }
}

/// Holds for `lasts`, and says when it gave back.
async fn hold(lease: &mut QuorumLease<Line>, lasts: Duration) -> Instant {
    let start = Instant::now();
    while start.elapsed() < lasts {
        sleep(TTL / 3).await;
        let _ = lease.renew().await;
    }
    let end = Instant::now();
    lease.release().await;
    end
}

/// From the call of `release` to the next grant, when every message takes `delay`.
async fn handover(delay: Duration, lasts: Duration, wait: Duration) -> Duration {
    let net = Net::new(3);
    let (mut one, ones) = net.node_with(1, config());
    let (mut two, twos) = net.node_with(2, config().wait(wait));
    for line in ones.iter().chain(&twos) {
        line.delay(delay);
    }
    one.acquire(None).await.unwrap();
    let (left, came) = tokio::join!(hold(&mut one, lasts), campaign(&mut two));
    came - left
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_anothers_in_one_round_trip_after_it_was_told() {
    let delay = 10 * MS;
    // Before the next attempt is due; the second after a renewal, and in a second wait.
    for lasts in [1, 200, 400] {
        let took = handover(delay, lasts * MS, 300 * MS).await;
        // It is given back, and that is told; then it is asked for, and granted.
        assert!(took >= 4 * delay, "{took:?}");
        assert!(took <= 4 * delay + 8 * MS, "after {lasts} ms: {took:?}");
    }
    // However often the holder has renewed. Where an attempt is under way when the lease is given back, what
    // it is told is out of date, and it asks to wait once more.
    for lasts in [900, 1_500, 2_300, 5_000] {
        let took = handover(delay, lasts * MS, 300 * MS).await;
        assert!(took >= 4 * delay, "{took:?}");
        assert!(took <= 8 * delay + 10 * MS, "after {lasts} ms: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_delay_it_is_there_at_once_and_without_the_wait_when_the_lease_would_end() {
    let took = handover(Duration::ZERO, 700 * MS, 500 * MS).await;
    assert!(took <= 2 * MS, "{took:?}");
    let took = handover(Duration::ZERO, MS, Duration::ZERO).await;
    assert!(took >= TTL / 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn while_a_lease_is_held_nobody_is_asked_more_often_than_the_wait_says() {
    let net = Net::new(3);
    let (mut one, _) = net.node(1);
    let (mut two, lines) = net.node_with(2, config().wait(100 * MS));
    one.acquire(None).await.unwrap();
    // One that answers at once, and one that fails at once.
    let mut taken = Stepper::new(two.acquire(None));
    assert!(taken.step().is_ready());
    drop(taken);
    lines[0].set(Way::Fails);
    let before: Vec<_> = lines.iter().map(Line::count).collect();
    assert!(tokio::time::timeout(950 * MS, two.freed()).await.is_err());
    for (line, before) in lines.iter().zip(before) {
        let waits = line.count() - before;
        assert!((9..=10).contains(&waits), "{waits}");
        assert!(matches!(line.seen().last(), Some(Ask::Wait { .. })));
        assert_eq!((line.alive(), line.most()), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_minority_without_a_lease_is_no_hint() {
    let net = Net::new(3);
    // The third was not reached.
    for acceptor in &net.acceptors[..2] {
        granted(acceptor, 7, 1).await;
    }
    let (mut one, _) = net.node(1);
    assert!(tokio::time::timeout(TTL / 2, one.freed()).await.is_err());
    let released = release(ballot(1, 7));
    let _ = net.acceptors[0].clone().oneshot(released).await.unwrap();
    let mut freed = Stepper::new(one.freed());
    assert!(freed.step().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_wrong_again_and_again_makes_no_storm() {
    let net = Net::new(3);
    net.node(1).0.acquire(None).await.unwrap();
    let (mut two, lines) = net.node(2);
    for line in &lines {
        line.set(Way::SaysFree);
    }
    let start = Instant::now();
    let mut attempts = 0;
    while start.elapsed() < 900 * MS {
        attempts += 1;
        assert!(attempts <= 60, "a storm");
        if let Err(AcquireError::Unavailable { retry, .. }) = two.acquire(None).await {
            sleep(retry).await;
            continue;
        }
        // The first is at once, and a tenth of the ttl is the longest pause after it.
        let paused = Instant::now();
        two.freed().await;
        assert!(paused.elapsed() <= TTL / 10 + MS);
    }
    assert!(attempts >= 9, "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_slowly_is_in_nobodys_way_not_even_ones_own() {
    for count in [1, 3] {
        let net = Net::new(count);
        let (mut one, lines) = net.node(1);
        one.acquire(None).await.unwrap();
        // The release takes longer than whoever gives back waits for it.
        for line in &lines {
            line.delay(150 * MS);
        }
        one.release().await;
        let again = one.acquire(None).await;
        assert_eq!(again.unwrap().token, token(2), "{count}");
    }
}
