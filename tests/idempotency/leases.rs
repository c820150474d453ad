//! Leases: processes that die, takeovers, heartbeats, and what comes late.

use mainstay::idempotency::IdempotencyConfig;
use mainstay::{Executed, Kind};
use tokio::time::{advance, sleep};

use crate::desk::{
    Act, LEASE, MILLI, SECOND, Shop, just_before, keyed, kind, pay, refused, settled, text,
};
use crate::shelf::{Fault, Op, Shelf, State};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

fn again() -> IdempotencyConfig {
    IdempotencyConfig::at_least_once()
}

/// Faults 9 and 10: from here, a process that died is one that is never heard of again, whether or not
/// its handler had an effect.
#[tokio::test(start_paused = true)]
async fn of_a_process_that_died_the_lease_lapses_and_then_the_policy_decides() {
    for (config, expected) in [(once(), None), (again(), Some(2))] {
        let shelf = Shelf::default();
        let died = Shop::over(&shelf, config, [Act::Hang]);
        let _call = died.begin(pay()).await;
        died.node.is_down(Fault::Hang);

        let shop = Shop::over(&shelf, config, []);
        sleep(just_before(LEASE)).await;
        assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
        sleep(MILLI).await;
        assert_eq!(
            kind(&shop.call(keyed("k-1", "pay 6")).await),
            Kind::KeyReused
        );
        let answer = shop.call(pay()).await;
        match expected {
            None => assert_eq!(kind(&answer), Kind::OutcomeUnknown),
            Some(attempt) => {
                assert_eq!(text(&answer), "run 1");
                assert_eq!(shop.desk.attempts(), [attempt]);
            }
        }
    }
}

/// Fault 11: both clients get what the store has, and never two answers.
#[tokio::test(start_paused = true)]
async fn whoever_was_taken_over_answers_what_the_other_answered() {
    let shelf = Shelf::default();
    let slow = Shop::over(&shelf, again(), [Act::AnswerAfter(LEASE * 2)]);
    slow.node.always(Op::Renew, Fault::Hang);
    let first = slow.begin(pay()).await;
    sleep(LEASE).await;

    let shop = Shop::over(&shelf, again(), [Act::Fail, Act::Answer]);
    assert!(shop.call(keyed("other", "")).await.is_err());
    assert_eq!(text(&shop.call(pay()).await), "run 2");
    assert_eq!(shop.desk.attempts(), [1, 2]);

    let first = first.await.unwrap().unwrap();
    assert!(first.is_replay, "{first:?}");
    assert_eq!(first.text, "run 2");
}

/// Fault 11: the other has not ended yet, or never will.
#[tokio::test(start_paused = true)]
async fn whoever_was_taken_over_by_one_that_runs_is_refused_and_has_run() {
    let shelf = Shelf::default();
    let slow = Shop::over(&shelf, again(), [Act::AnswerAfter(LEASE + SECOND)]);
    slow.node.always(Op::Renew, Fault::Hang);
    let first = slow.begin(pay()).await;
    sleep(LEASE).await;
    let shop = Shop::over(&shelf, again(), [Act::Hang]);
    let _second = shop.begin(pay()).await;
    let refusal = refused(&first.await.unwrap());
    assert_eq!(refusal.kind(), Kind::InFlight);
    assert_eq!(refusal.executed(), Executed::Yes);

    let shelf = Shelf::default();
    let slow = Shop::over(&shelf, again(), [Act::AnswerAfter(LEASE * 3)]);
    slow.node.always(Op::Renew, Fault::Hang);
    let first = slow.begin(pay()).await;
    sleep(LEASE).await;
    let shop = Shop::over(&shelf, again(), [Act::Panic]);
    let _second = shop.begin(pay()).await;
    let refusal = refused(&first.await.unwrap());
    assert_eq!(refusal.kind(), Kind::OutcomeUnknown);
    assert_eq!(refusal.executed(), Executed::Yes);
    assert_eq!(shop.shelf.only().attempt, 2, "to ask did not take it over");
}

/// Fault 12.
#[tokio::test(start_paused = true)]
async fn a_late_finish_counts_when_nobody_took_over() {
    for config in [once(), again()] {
        let shop = Shop::open(config, [Act::AnswerAfter(LEASE * 2)]);
        shop.node.always(Op::Renew, Fault::Hang);
        let first = shop.begin(pay()).await;
        let answer = first.await.unwrap();
        assert_eq!(text(&answer), "run 1");
        let replay = shop.call(pay()).await.unwrap();
        assert!(replay.is_replay && replay.text == "run 1");
        assert_eq!(shop.desk.runs(), 1);
    }
}

/// Fault 13.
#[tokio::test(start_paused = true)]
async fn whoever_was_taken_over_can_neither_release_nor_renew() {
    let shelf = Shelf::default();
    let refuse = Act::RefuseAfter(LEASE * 2, Executed::No);
    let slow = Shop::over(&shelf, again(), [refuse]);
    slow.node.always(Op::Renew, Fault::Delay(LEASE));
    let first = slow.begin(pay()).await;
    sleep(LEASE).await;
    let shop = Shop::over(&shelf, again(), [Act::AnswerAfter(LEASE * 2)]);
    let second = shop.begin(pay()).await;
    assert_eq!(kind(&first.await.unwrap()), Kind::CircuitOpen);
    let entry = shelf.only();
    assert_eq!(entry.attempt, 2);
    assert!(matches!(entry.state, State::Pending { .. }));
    assert_eq!(text(&second.await.unwrap()), "run 1");
}

/// Fault 14.
#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_the_key_of_a_handler_that_takes_ten_leases() {
    let shop = Shop::open(again().ceiling(LEASE * 20), [Act::AnswerAfter(LEASE * 10)]);
    let first = shop.begin(pay()).await;
    for _ in 0..10 {
        sleep(just_before(LEASE)).await;
        assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    }
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert_eq!(shop.desk.runs(), 1);
}

/// Fault 14: at the ceiling the handler is told, the renewals stop, and the lease runs out.
#[tokio::test(start_paused = true)]
async fn at_the_ceiling_the_lease_is_lost_and_renewed_no_more() {
    let shop = Shop::open(again(), [Act::UntilLost]);
    let began = tokio::time::Instant::now();
    assert_eq!(kind(&shop.call(pay()).await), Kind::Timeout);
    assert_eq!(began.elapsed(), SECOND * 300);
    assert!(shop.shelf.entries().is_empty(), "it said that nothing ran");

    let shop = Shop::open(again(), [Act::Hang]);
    let _first = shop.begin(pay()).await;
    sleep(just_before(SECOND * 300)).await;
    let execution = shop.desk.runs.lock().unwrap()[0].execution.clone().unwrap();
    assert!(!execution.is_lease_lost());
    sleep(MILLI).await;
    settled().await;
    assert!(execution.is_lease_lost());
    let renewals = shop.node.asked(Op::Renew);
    sleep(LEASE).await;
    assert_eq!(shop.node.asked(Op::Renew), renewals);
    assert_eq!(text(&shop.call(pay()).await), "run 2", "it was taken over");
}

/// Fault 14: the handler hears of the loss no later than another can have the key.
#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_is_lost_when_it_ends() {
    for fault in [Fault::Error, Fault::Hang, Fault::Delay(LEASE)] {
        let shop = Shop::open(again(), [Act::UntilLost]);
        shop.node.always(Op::Renew, fault);
        let began = tokio::time::Instant::now();
        assert_eq!(kind(&shop.call(pay()).await), Kind::Timeout);
        assert_eq!(began.elapsed(), LEASE, "{fault:?}");
        assert!(
            shop.node.asked(Op::Renew) > 3,
            "it was tried again and again"
        );
    }
    // One renewal that is not heard costs nothing.
    let shop = Shop::open(again(), [Act::AnswerAfter(LEASE * 3)]);
    shop.node.next(Op::Renew, Fault::LoseReply);
    shop.node.next(Op::Renew, Fault::Error);
    let _call = shop.begin(pay()).await;
    sleep(LEASE * 2).await;
    let execution = shop.desk.runs.lock().unwrap()[0].execution.clone().unwrap();
    assert!(!execution.is_lease_lost());
}

/// Faults 13 and 14: the store says that the key is another's, or that it knows of none.
#[tokio::test(start_paused = true)]
async fn a_handler_hears_at_once_that_its_key_is_another_s_or_forgotten() {
    let shop = Shop::open(again(), [Act::UntilLost]);
    let call = shop.begin(pay()).await;
    shop.shelf.flush();
    let began = tokio::time::Instant::now();
    assert_eq!(kind(&call.await.unwrap()), Kind::Timeout);
    assert_eq!(began.elapsed(), LEASE / 3);

    let shop = Shop::open(again(), [Act::UntilLost, Act::Hang]);
    let call = shop.begin(pay()).await;
    shop.shelf.purge(shop.shelf.entries()[0].0);
    let _other = shop.begin(keyed("k-1", "pay 6")).await;
    let began = tokio::time::Instant::now();
    assert_eq!(kind(&call.await.unwrap()), Kind::Timeout);
    assert_eq!(began.elapsed(), LEASE / 3);
}

/// The reply to the claim came when the lease had ended: another may have the key, so nothing runs.
#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_after_its_own_lease_is_not_used() {
    let config = again().lease(SECOND).store_timeout(just_before(SECOND));
    let shop = Shop::open(config, []);
    // The clock jumps while the task is not polled, as on a host that was suspended.
    shop.node.next(Op::Claim, Fault::SlowReply(MILLI));
    let call = shop.begin(pay()).await;
    advance(SECOND * 2).await;
    let answer = call.await.unwrap();
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(shop.desk.runs(), 0);
    sleep(SECOND).await;
    assert!(shop.shelf.entries().is_empty(), "it was given back");
}
