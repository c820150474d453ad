//! A store that is down, slow, or full, and replies that are lost.

use mainstay::idempotency::{IdempotencyConfig, StoreDown, Stored};
use mainstay::{Executed, Kind};
use std::error::Error as _;
use tokio::time::{Instant, sleep};

use crate::desk::{Act, LEASE, MILLI, SECOND, Shop, keyed, kind, pay, refused, settled, text};
use crate::shelf::{Fault, Op, Shelf, State};

fn config() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

/// Faults 15 and 19.
#[tokio::test(start_paused = true)]
async fn without_an_answer_of_the_store_nothing_runs_and_it_is_asked_twice_in_time() {
    for (fault, time) in [
        (Fault::Error, 0),
        (Fault::Hang, 2),
        (Fault::Delay(SECOND * 5), 2),
    ] {
        let shop = Shop::open(config(), []);
        shop.node.always(Op::Claim, fault);
        let began = Instant::now();
        let refusal = refused(&shop.call(pay()).await);
        assert_eq!(refusal.kind(), Kind::StoreUnavailable);
        assert_eq!(refusal.executed(), Executed::No);
        assert_eq!(refusal.retry_after(), Some(SECOND));
        assert!(refusal.source().is_some());
        assert_eq!(began.elapsed(), SECOND * time, "{fault:?}");
        assert_eq!(shop.node.asked(Op::Claim), 2);
        assert_eq!(shop.desk.runs(), 0);
    }
}

/// Fault 15: what was claimed, although the store did not say so, is given back.
#[tokio::test(start_paused = true)]
async fn a_claim_whose_replies_were_lost_is_given_back_when_the_request_is_refused() {
    let shop = Shop::open(config(), []);
    shop.node.always(Op::Claim, Fault::LoseReply);
    shop.node.next(Op::Release, Fault::Error);
    shop.node.next(Op::Release, Fault::Error);
    assert_eq!(kind(&shop.call(pay()).await), Kind::StoreUnavailable);
    sleep(SECOND).await;
    assert!(shop.shelf.entries().is_empty());
    shop.node.always(Op::Claim, Fault::None);
    assert_eq!(text(&shop.call(pay()).await), "run 1");
}

/// Fault 15, open by choice: it runs, its response says so, and what can be kept of it is kept.
#[tokio::test(start_paused = true)]
async fn by_choice_a_request_runs_without_a_claim_and_is_marked() {
    let open = config().store_down(StoreDown::Run);
    let shop = Shop::open(open, [Act::AnswerAfter(SECOND)]);
    shop.node.is_down(Fault::Hang);
    let answer = shop.call(pay()).await.unwrap();
    assert!(answer.is_bypass && !answer.is_replay);
    assert_eq!(shop.desk.attempts(), [0], "it is told of no execution");
    assert_eq!(shop.node.asked(Op::Renew), 0);

    // The store comes back, and has the result in time.
    shop.node.is_down(Fault::None);
    sleep(SECOND * 20).await;
    let replay = shop.call(pay()).await.unwrap();
    assert!(replay.is_replay && !replay.is_bypass);
    assert_eq!(shop.desk.runs(), 1);

    // A store that answers is believed, whatever is chosen for when it does not.
    assert_eq!(
        kind(&shop.call(keyed("k-1", "pay 6")).await),
        Kind::KeyReused
    );
}

/// Fault 15: a bypassed run that failed before anything ran gives the key back.
#[tokio::test(start_paused = true)]
async fn a_bypassed_run_that_fails_frees_what_it_may_have_claimed() {
    let open = config().store_down(StoreDown::Run);
    let shop = Shop::open(open, [Act::Refuse(Executed::No)]);
    shop.node.next(Op::Claim, Fault::LoseReply);
    shop.node.next(Op::Claim, Fault::LoseReply);
    assert_eq!(kind(&shop.call(pay()).await), Kind::CircuitOpen);
    settled().await;
    assert!(shop.shelf.entries().is_empty());
}

/// Fault 16.
#[tokio::test(start_paused = true)]
async fn a_claim_is_repeated_by_the_same_owner_when_its_reply_is_lost() {
    for fault in [
        Fault::LoseReply,
        Fault::SlowReply(SECOND * 2),
        Fault::Error,
        Fault::Twice,
    ] {
        let shop = Shop::open(config(), []);
        shop.node.next(Op::Claim, fault);
        assert_eq!(text(&shop.call(pay()).await), "run 1", "{fault:?}");
        assert_eq!(shop.desk.attempts(), [1], "{fault:?}");
        assert_eq!(shop.shelf.only().attempt, 1);
    }
}

/// Fault 16: the first asking arrives when all is over.
#[tokio::test(start_paused = true)]
async fn a_claim_that_arrives_late_changes_nothing_of_what_is_done() {
    let shop = Shop::open(config(), []);
    shop.node.next(Op::Claim, Fault::Late(SECOND * 5));
    assert_eq!(text(&shop.call(pay()).await), "run 1");
    sleep(SECOND * 10).await;
    assert!(matches!(shop.shelf.only().state, State::Done(_)));
    assert!(shop.call(pay()).await.unwrap().is_replay);
}

/// Fault 17.
#[tokio::test(start_paused = true)]
async fn a_finish_is_repeated_when_its_reply_is_lost() {
    for fault in [
        Fault::LoseReply,
        Fault::SlowReply(SECOND * 2),
        Fault::Error,
        Fault::Twice,
    ] {
        let shop = Shop::open(config(), []);
        shop.node.next(Op::Finish, fault);
        assert_eq!(text(&shop.call(pay()).await), "run 1", "{fault:?}");
        assert!(matches!(shop.shelf.only().state, State::Done(_)));
        assert!(shop.call(pay()).await.unwrap().is_replay);
    }
}

/// Fault 18.
#[tokio::test(start_paused = true)]
async fn a_result_that_the_store_does_not_take_is_offered_again_and_the_client_has_it() {
    let shop = Shop::open(config(), []);
    shop.node.always(Op::Finish, Fault::Error);
    assert_eq!(text(&shop.call(pay()).await), "run 1");
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    assert_eq!(
        shop.layer.handle().snapshot().executing(),
        1,
        "it has its slot yet"
    );
    sleep(SECOND * 100).await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::OutcomeUnknown);
    shop.node.always(Op::Finish, Fault::None);
    sleep(SECOND * 10).await;
    assert!(shop.call(pay()).await.unwrap().is_replay);
    assert_eq!(shop.layer.handle().snapshot().executing(), 0);
    assert_eq!(shop.desk.runs(), 1);
}

/// Fault 18: in the end it is given up.
#[tokio::test(start_paused = true)]
async fn a_result_is_offered_until_the_ceiling_and_not_longer() {
    let shop = Shop::open(config(), []);
    shop.node.always(Op::Finish, Fault::Error);
    shop.call(pay()).await.unwrap();
    sleep(SECOND * 300).await;
    let asked = shop.node.asked(Op::Finish);
    assert!((20..100).contains(&asked), "{asked}");
    sleep(SECOND * 300).await;
    assert_eq!(shop.node.asked(Op::Finish), asked);
    assert_eq!(shop.layer.handle().snapshot().executing(), 0);
}

/// Fault 18, strict.
#[tokio::test(start_paused = true)]
async fn strictly_what_was_not_kept_is_refused_and_kept_later() {
    let shop = Shop::open(config().strict_finish(true), []);
    shop.node.next(Op::Finish, Fault::Error);
    shop.node.next(Op::Finish, Fault::Error);
    let refusal = refused(&shop.call(pay()).await);
    assert_eq!(refusal.kind(), Kind::StoreUnavailable);
    assert_eq!(refusal.executed(), Executed::Yes);
    sleep(SECOND).await;
    assert!(shop.call(pay()).await.unwrap().is_replay);
    assert_eq!(shop.desk.runs(), 1);
}

/// Faults 11 and 18: a result that is offered late does not undo another's.
#[tokio::test(start_paused = true)]
async fn a_result_offered_after_a_takeover_is_not_kept() {
    let again = IdempotencyConfig::at_least_once();
    let shelf = Shelf::default();
    let cut_off = Shop::over(&shelf, again, []);
    cut_off.node.always(Op::Finish, Fault::Error);
    assert_eq!(text(&cut_off.call(pay()).await), "run 1");
    sleep(LEASE).await;
    let shop = Shop::over(&shelf, again, [Act::Huge]);
    assert_eq!(text(&shop.call(pay()).await), "huge 1");
    cut_off.node.always(Op::Finish, Fault::None);
    sleep(LEASE).await;
    assert!(matches!(
        shelf.only().state,
        State::Done(Stored::Tombstone(_))
    ));
    assert_eq!(cut_off.layer.handle().snapshot().executing(), 0);
}

/// Fault 25: a key whose release was not heard is free in the end.
#[tokio::test(start_paused = true)]
async fn a_release_is_repeated_until_it_is_heard() {
    let shop = Shop::open(config(), [Act::Refuse(Executed::No)]);
    for _ in 0..5 {
        shop.node.next(Op::Release, Fault::Error);
    }
    assert_eq!(kind(&shop.call(pay()).await), Kind::CircuitOpen);
    sleep(SECOND * 10).await;
    assert!(shop.shelf.entries().is_empty());
    assert_eq!(text(&shop.call(pay()).await), "run 2");
}

/// Fault 34, as the layer sees it.
#[tokio::test(start_paused = true)]
async fn a_full_store_runs_nothing_new_and_still_replays() {
    let shop = Shop::over(&Shelf::with_room(1), config(), []);
    assert_eq!(text(&shop.call(pay()).await), "run 1");
    let refusal = refused(&shop.call(keyed("k-2", "")).await);
    assert_eq!(refusal.kind(), Kind::StoreFull);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(refusal.retry_after(), Some(SECOND));
    assert!(shop.call(pay()).await.unwrap().is_replay);
    assert_eq!(shop.desk.runs(), 1);
}

/// Faults 20 and 34: the data was lost, and there is no room to keep the result.
#[tokio::test(start_paused = true)]
async fn a_result_without_room_is_offered_again() {
    let shelf = Shelf::with_room(1);
    let shop = Shop::over(
        &shelf,
        config(),
        [Act::AnswerAfter(SECOND), Act::AnswerAfter(SECOND)],
    );
    let first = shop.begin(pay()).await;
    shelf.flush();
    let second = shop.begin(keyed("k-2", "")).await;
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert_eq!(text(&second.await.unwrap()), "run 2");
    shelf.flush();
    sleep(SECOND * 20 + MILLI).await;
    assert!(shop.call(pay()).await.unwrap().is_replay);
}
