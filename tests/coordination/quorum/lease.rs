//! A lease is had, kept and given back; and what can be wrong with asking for it.

use std::time::Duration;

use mainstay::coordination::{
    AcceptorId, AcquireError, Clock, Incarnation, LeaseStore, NodeId, QuorumLease, RenewError,
    Safety,
};
use tokio::time::advance;

use super::kit::*;

#[tokio::test(start_paused = true)]
async fn a_term_is_begun_renewed_given_back_and_followed_by_a_later_one() {
    for count in [1, 3, 5] {
        let net = Net::new(count);
        let (mut one, lines) = net.node(1);
        let (mut two, _) = net.node(2);
        let clock = one.clock();
        let start = clock.now();
        let first = one.acquire(None).await.unwrap();
        settle().await;
        assert_eq!(first.token, token(1));
        assert_eq!(first.ends, start.after(TTL));
        assert_eq!(first.usable_until, first.ends.before(MARGIN));
        advance(299 * MS).await;
        let renewed = one.renew().await.unwrap();
        assert_eq!(
            (renewed.token, renewed.ends),
            (token(1), start.after(300 * MS + TTL))
        );
        let taken = two.acquire(None).await.unwrap_err();
        let AcquireError::Taken { leader, retry } = taken else {
            panic!("{taken:?}");
        };
        assert_eq!(leader, Some(NodeId(1)));
        assert!(retry >= TTL && retry <= timing().held() + TTL / 2);
        one.release().await;
        assert_eq!(two.acquire(None).await.unwrap().token, token(2));
        settle().await;
        assert!(lines.iter().all(|line| line.alive() == 0));
    }
}

#[test]
fn what_is_wrong_with_the_acceptors_is_said_when_it_is_made() {
    let make = |ids: &[u32], config| {
        let pairs = ids.iter().map(|&id| (AcceptorId(id), acceptor(id)));
        QuorumLease::new(RESOURCE, NodeId(1), pairs, config)
    };
    let _runtime = tokio::runtime::Runtime::new().unwrap();
    let all: Vec<_> = (0..65).collect();
    for ids in [&[][..], &[1, 2], &[1, 2, 3, 4], &[1, 2, 1], &all] {
        let error = make(ids, config()).unwrap_err();
        assert_eq!(error.field(), "acceptors", "{ids:?}");
    }
    for ids in [&[1][..], &[1, 2, 3], &all[..63]] {
        assert!(make(ids, config()).is_ok(), "{ids:?}");
    }
    for ids in [&[1, 2][..], &all[..64]] {
        assert!(make(ids, config().allow_even()).is_ok(), "{ids:?}");
    }
}

#[test]
fn each_life_has_a_name_of_its_own_unless_it_is_given_one() {
    let make = |config| {
        QuorumLease::new(RESOURCE, NodeId(1), [(AcceptorId(1), acceptor(1))], config).unwrap()
    };
    let rng = || config().rng(mainstay::Rng::seeded(7));
    assert_ne!(make(rng()).owner(), make(rng()).owner());
    let named = make(config().incarnation(Incarnation(5)));
    assert_eq!(named.owner().incarnation, Incarnation(5));
    assert_eq!(<QuorumLease<Line> as LeaseStore>::SAFETY, Safety::Fenced);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_renewed_that_is_not_held_and_nobody_is_asked() {
    let (mut one, lines) = Net::new(3).node(1);
    assert!(matches!(one.renew().await, Err(RenewError::Lost)));
    let grant = one.acquire(None).await.unwrap();
    settle().await;
    let asked = lines[0].count();
    let clock = one.clock();
    // In the margin it is held, and may not be renewed.
    advance(grant.usable_until.since(clock.now())).await;
    assert!(matches!(
        one.renew().await,
        Err(RenewError::Unknown { source: None })
    ));
    let before = grant.ends.before(Duration::from_nanos(1));
    advance(before.since(clock.now())).await;
    assert!(matches!(one.renew().await, Err(RenewError::Unknown { .. })));
    advance(Duration::from_nanos(1)).await;
    assert!(matches!(one.renew().await, Err(RenewError::Lost)));
    assert_eq!(lines[0].count(), asked);
    one.release().await;
    assert!(matches!(one.renew().await, Err(RenewError::Lost)));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_over_the_end_loses_the_lease_and_begins_no_term() {
    let net = Net::new(3);
    let clock = Rated::new(1.0);
    let (mut one, lines) = net.node_with(1, config().clock(clock.clone()));
    one.acquire(None).await.unwrap();
    settle().await;
    for line in &lines {
        line.delay(10 * MS);
    }
    let leap = async {
        tokio::time::sleep(15 * MS).await;
        clock.leap(2 * TTL);
    };
    let (renewed, ()) = tokio::join!(one.renew(), leap);
    assert!(matches!(renewed, Err(RenewError::Lost)), "{renewed:?}");
    assert!(one.renew().await.is_err());
    // It is over for this node, and not for the acceptors, whose clocks have not leapt.
    let taken = one.acquire(None).await;
    assert!(matches!(taken, Err(AcquireError::Taken { .. })));
    advance(timing().held()).await;
    assert_eq!(one.acquire(None).await.unwrap().token, token(2));
}

#[tokio::test(start_paused = true)]
async fn whoever_acquires_while_holding_begins_a_new_term() {
    let net = Net::new(3);
    let (mut one, _) = net.node(1);
    assert_eq!(one.acquire(None).await.unwrap().token, token(1));
    assert_eq!(one.acquire(None).await.unwrap().token, token(2));
    one.release().await;
    let (mut two, _) = net.node(2);
    // Its first attempt ranks too low; it learns that, and asks again.
    assert_eq!(two.acquire(None).await.unwrap().token, token(3));
}

#[tokio::test(start_paused = true)]
async fn the_token_is_above_the_floor_and_where_none_is_nothing_is_tried_again() {
    let (mut one, _) = Net::new(3).node(1);
    let floor = Some(token(40));
    assert_eq!(one.acquire(floor).await.unwrap().token, token(41));
    one.release().await;
    let floor = Some(token(7));
    assert_eq!(one.acquire(floor).await.unwrap().token, token(42));
    one.release().await;
    let most = one.acquire(Some(token(u64::MAX))).await;
    assert!(matches!(most, Err(AcquireError::Exhausted)), "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_node_acquired_another_cannot_until_it_ends() {
    let net = Net::new(3);
    let (mut one, _) = net.node(1);
    let (mut two, _) = net.node(2);
    let grant = one.acquire(None).await.unwrap();
    settle().await;
    drop(one);
    let mut attempts = 0;
    let second = loop {
        match two.acquire(None).await {
            Ok(grant) => break grant,
            Err(AcquireError::Taken { retry, .. }) => tokio::time::sleep(retry).await,
            Err(other) => panic!("{other}"),
        }
        attempts += 1;
    };
    assert!(second.token > grant.token);
    assert!(second.ends.before(TTL) >= grant.ends);
    assert_eq!(attempts, 1, "it was told how long to wait");
}
