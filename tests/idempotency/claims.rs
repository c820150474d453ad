//! One claim, from its grant to its end: duplicates, callers that leave, scopes, retention.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use mainstay::idempotency::{IdempotencyConfig, Stored};
use mainstay::{Executed, Kind};
use tokio::time::sleep;

use crate::desk::{
    Act, LEASE, MILLI, Request, SECOND, Shop, just_before, keyed, kind, pay, refused, settled,
    text, unkeyed,
};
use crate::shelf::{Fault, Op, State};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

fn again() -> IdempotencyConfig {
    IdempotencyConfig::at_least_once()
}

/// Fault 1.
#[tokio::test(start_paused = true)]
async fn of_two_duplicates_at_once_one_runs_and_the_other_is_told_when_to_come_back() {
    let shop = Shop::open(once(), [Act::AnswerAfter(SECOND)]);
    let (first, second) = tokio::join!(shop.call(pay()), shop.call(pay()));
    assert_eq!(text(&first), "run 1");
    let refusal = refused(&second);
    assert_eq!(refusal.kind(), Kind::InFlight);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(refusal.retry_after(), Some(LEASE));
    assert_eq!(shop.desk.runs(), 1);

    let third = shop.call(pay()).await.unwrap();
    assert!(third.is_replay && third.text == "run 1");
    assert!(!first.unwrap().is_replay);
    assert_eq!(shop.desk.runs(), 1);
}

/// Fault 1: the hint lies between one second and thirty, whatever is left of the lease.
#[tokio::test(start_paused = true)]
async fn a_duplicate_is_told_what_is_left_of_the_lease_within_bounds() {
    let config = once().lease(LEASE * 4);
    let shop = Shop::open(config, [Act::Hang]);
    shop.node.always(Op::Renew, Fault::Hang);
    let _first = shop.begin(pay()).await;
    let mut hints = Vec::new();
    for _ in 0..2 {
        let refusal = refused(&shop.call(pay()).await);
        hints.push(refusal.retry_after().unwrap());
        sleep(just_before(LEASE * 4)).await;
    }
    assert_eq!(hints, [LEASE, SECOND]);
}

/// Fault 5.
#[tokio::test(start_paused = true)]
async fn another_request_under_a_key_never_runs_in_whatever_state_the_key_is() {
    for config in [once(), again()] {
        let shop = Shop::open(config, [Act::AnswerAfter(SECOND), Act::Huge, Act::Hang]);
        let other = |key| keyed(key, "pay 500");
        let first = shop.begin(keyed("a", "pay 5")).await;
        assert_eq!(
            kind(&shop.call(other("a")).await),
            Kind::KeyReused,
            "pending"
        );
        assert_eq!(text(&first.await.unwrap()), "run 1");
        assert_eq!(kind(&shop.call(other("a")).await), Kind::KeyReused, "done");

        shop.call(keyed("b", "pay 5")).await.unwrap();
        assert_eq!(
            kind(&shop.call(other("b")).await),
            Kind::KeyReused,
            "tombstone"
        );

        shop.node.always(Op::Renew, Fault::Hang);
        let _lost = shop.begin(keyed("c", "pay 5")).await;
        sleep(LEASE).await;
        let refusal = refused(&shop.call(other("c")).await);
        assert_eq!(refusal.kind(), Kind::KeyReused, "lapsed");
        assert_eq!(refusal.executed(), Executed::No);
        assert_eq!(shop.desk.runs(), 3);
    }
}

/// Fault 7.
#[tokio::test(start_paused = true)]
async fn a_handler_goes_on_without_its_caller_and_what_it_answered_is_replayed() {
    let shop = Shop::open(once(), [Act::AnswerAfter(SECOND)]);
    let call = shop.begin(pay()).await;
    call.abort();
    settled().await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    sleep(SECOND + MILLI).await;
    let replay = shop.call(pay()).await.unwrap();
    assert!(replay.is_replay && replay.text == "run 1");
    assert_eq!(shop.desk.runs(), 1);
    assert_eq!(shop.layer.handle().snapshot().executing(), 0);
}

/// Faults 7 and 16: the caller leaves while the store is asked. What was granted to nobody is given
/// back, and nothing runs.
#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_during_the_claim_leaves_no_claim() {
    for fault in [
        Fault::Delay(MILLI * 100),
        Fault::SlowReply(MILLI * 100),
        Fault::LoseReply,
        Fault::Hang,
    ] {
        let shop = Shop::open(once(), []);
        shop.node.next(Op::Claim, fault);
        shop.node.next(Op::Claim, Fault::SlowReply(MILLI * 100));
        let call = shop.begin(pay()).await;
        call.abort();
        sleep(SECOND * 2).await;
        assert!(shop.shelf.entries().is_empty(), "{fault:?}");
        assert_eq!(shop.desk.runs(), 0, "{fault:?}");
        assert_eq!(text(&shop.call(pay()).await), "run 1", "{fault:?}");
    }
}

/// A call that is dropped before its first poll asks the store for nothing.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_claims_nothing() {
    let shop = Shop::open(once(), []);
    drop(shop.call(pay()));
    let mut service = shop.service.clone();
    drop(tower::Service::call(&mut service, pay()));
    settled().await;
    assert_eq!(shop.node.asked(Op::Claim), 0);
}

/// Fault 8.
#[tokio::test(start_paused = true)]
async fn a_panic_unwinds_in_the_caller_and_its_outcome_is_unknown() {
    for (config, after) in [(once(), None), (again(), Some("run 2"))] {
        for act in [Act::Panic, Act::PanicAfter(SECOND)] {
            let shop = Shop::open(config, [act]);
            let call = AssertUnwindSafe(shop.call(pay())).catch_unwind().await;
            let panic = call.expect_err("it panicked");
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"as it was told"));

            assert_eq!(
                kind(&shop.call(pay()).await),
                Kind::InFlight,
                "its lease runs"
            );
            assert_eq!(shop.layer.handle().snapshot().executing(), 0);
            sleep(LEASE).await;
            let answer = shop.call(pay()).await;
            if let Some(run) = after {
                assert_eq!(text(&answer), run);
                assert_eq!(shop.desk.attempts(), [1, 2]);
            } else {
                let refusal = refused(&answer);
                assert_eq!(refusal.kind(), Kind::OutcomeUnknown);
                assert_eq!(refusal.executed(), Executed::Unknown);
                assert_eq!(refusal.retry_after(), None, "to wait does not help");
            }
            assert_eq!(
                text(&shop.call(keyed("k-2", "pay 5")).await).get(..3),
                Some("run")
            );
        }
    }
}

/// Fault 20.
#[tokio::test(start_paused = true)]
async fn a_result_is_kept_although_the_store_has_lost_its_data() {
    let shop = Shop::open(once(), [Act::AnswerAfter(SECOND)]);
    let first = shop.begin(pay()).await;
    shop.shelf.flush();
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert!(matches!(
        shop.shelf.only().state,
        State::Done(Stored::Record(_))
    ));
    assert!(shop.call(pay()).await.unwrap().is_replay);
}

/// Fault 24.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read_claims_nothing() {
    let shop = Shop::open(once(), []);
    for (request, expected) in [
        (keyed("k", "too large"), Kind::BodyTooLarge),
        (keyed("k", "broken"), Kind::BodyFailed),
        (keyed("malformed", ""), Kind::KeyMalformed),
    ] {
        let refusal = refused(&shop.call(request).await);
        assert_eq!(
            (refusal.kind(), refusal.executed()),
            (expected, Executed::No)
        );
    }
    assert_eq!(shop.node.asked(Op::Claim), 0);
    assert_eq!(shop.desk.runs(), 0);
}

/// Fault 28.
#[tokio::test(start_paused = true)]
async fn two_scopes_share_no_key_and_no_scope_is_nobody_s() {
    let shop = Shop::open(once(), []);
    let of = |tenant| Request {
        tenant,
        ..keyed("k", "pay 5")
    };
    assert_eq!(text(&shop.call(of(Some("a"))).await), "run 1");
    assert_eq!(text(&shop.call(of(Some("b"))).await), "run 2");
    assert!(shop.call(of(Some("a"))).await.unwrap().is_replay);
    assert_eq!(kind(&shop.call(of(None)).await), Kind::ScopeMissing);
    assert_eq!(shop.desk.runs(), 2);

    // The boundary between scope and key cannot be moved.
    let split = |tenant, key: &str| Request {
        tenant: Some(tenant),
        ..keyed(key, "pay 5")
    };
    shop.call(split("x|y", "z")).await.unwrap();
    assert!(!shop.call(split("x", "y|z")).await.unwrap().is_replay);
}

/// Fault 30: what has no key is not looked at, not even for its scope.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_goes_straight_through() {
    let shop = Shop::open(once(), [Act::Answer, Act::Fail, Act::Answer]);
    assert_eq!(text(&shop.call(unkeyed()).await), "run 1");
    assert!(shop.call(unkeyed()).await.is_err());
    assert_eq!(text(&shop.call(unkeyed()).await), "run 3");
    assert!(shop.desk.attempts().iter().all(|attempt| *attempt == 0));
    assert_eq!(shop.node.asked(Op::Claim), 0);
}

/// Fault 33.
#[tokio::test(start_paused = true)]
async fn a_result_is_replayed_to_the_end_of_its_retention_and_not_after() {
    let config = once().retention(SECOND * 600);
    let shop = Shop::open(config, [Act::AnswerAfter(SECOND * 100)]);
    shop.call(pay()).await.unwrap();
    sleep(just_before(SECOND * 600)).await;
    assert!(shop.call(pay()).await.unwrap().is_replay);
    sleep(MILLI).await;
    assert_eq!(text(&shop.call(pay()).await), "run 2");

    // An execution that takes longer than the retention is not forgotten while it runs.
    let config = once().ceiling(LEASE * 2).retention(LEASE * 2);
    let shop = Shop::open(config, [Act::AnswerAfter(LEASE * 2 + SECOND)]);
    let first = shop.begin(pay()).await;
    sleep(LEASE * 2).await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert!(shop.call(pay()).await.unwrap().is_replay);
}
