//! Duplicates that wait: hand-over, bounds, deadlines, and those who leave.

use std::time::Duration;

use futures::future::join_all;
use mainstay::idempotency::{Duplicates, IdempotencyConfig};
use mainstay::{Deadline, Executed, Kind};
use tokio::time::{Instant, sleep};

use crate::desk::{Act, LEASE, MILLI, SECOND, Shop, keyed, kind, pay, refused, settled, text};
use crate::shelf::{Fault, Op, Shelf};

fn waiting(max: Duration) -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
        .duplicates(Duplicates::Wait { max })
        .waiters_per_key(1000)
}

fn waits(shop: &Shop) -> u32 {
    shop.layer.handle().snapshot().waiting()
}

/// Fault 2.
#[tokio::test(start_paused = true)]
async fn a_duplicate_that_waits_gets_the_same_response_marked_as_a_replay() {
    let shop = Shop::open(waiting(SECOND * 10), [Act::AnswerAfter(SECOND * 3)]);
    let began = Instant::now();
    let (first, second) = tokio::join!(shop.call(pay()), shop.call(pay()));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.text, second.text);
    assert!(!first.is_replay && second.is_replay);
    assert_eq!(shop.desk.runs(), 1);
    assert!(began.elapsed() < SECOND * 4, "it hears of the end soon");
    assert_eq!(waits(&shop), 0);
}

/// Fault 3.
#[tokio::test(start_paused = true)]
async fn of_a_hundred_duplicates_whose_first_fails_exactly_one_more_runs() {
    for nodes in [1, 5] {
        let shelf = Shelf::default();
        let refuse = Act::RefuseAfter(SECOND, Executed::No);
        let open = || Shop::over(&shelf, waiting(SECOND * 10), []);
        let first = Shop::over(
            &shelf,
            waiting(SECOND * 10),
            [refuse, Act::AnswerAfter(SECOND)],
        );
        let mut shops = vec![first];
        shops.extend((1..nodes).map(|_| open()));
        let calls = (0..100).map(|at| shops[at % nodes].call(pay()));
        let answers = join_all(calls).await;
        let runs: usize = shops.iter().map(|shop| shop.desk.runs()).sum();
        assert_eq!(runs, 2);
        let failed: Vec<_> = answers.iter().filter(|answer| answer.is_err()).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(kind(failed[0]), Kind::CircuitOpen);
        let fresh = answers.iter().flatten().filter(|answer| !answer.is_replay);
        assert_eq!(fresh.count(), 1);
        let mut texts: Vec<_> = answers
            .iter()
            .flatten()
            .map(|answer| &answer.text)
            .collect();
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(shops.iter().all(|shop| waits(shop) == 0));
    }
}

/// Fault 4: one that leaves, at any moment, leaves its place; the others do not notice.
#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_leaves_nothing() {
    for stay in [0, 1, 24, 25, 26, 400, 999] {
        let shop = Shop::open(waiting(SECOND * 10), [Act::AnswerAfter(SECOND * 2)]);
        let first = shop.begin(pay()).await;
        let leaves = shop.begin(pay()).await;
        let stays = shop.begin(pay()).await;
        assert_eq!(waits(&shop), 2);
        sleep(MILLI * stay).await;
        leaves.abort();
        settled().await;
        assert_eq!(waits(&shop), 1);
        assert_eq!(text(&first.await.unwrap()), "run 1");
        assert!(stays.await.unwrap().unwrap().is_replay);
        assert_eq!((waits(&shop), shop.desk.runs()), (0, 1));
    }
}

/// Fault 4: one that leaves as it wins the key gives it on.
#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_with_the_key_in_hand_gives_it_back() {
    let refuse = Act::RefuseAfter(SECOND, Executed::No);
    let shop = Shop::open(waiting(SECOND * 10), [refuse]);
    let first = shop.begin(pay()).await;
    let second = shop.begin(pay()).await;
    shop.node.always(Op::Claim, Fault::SlowReply(MILLI * 300));
    assert_eq!(kind(&first.await.unwrap()), Kind::CircuitOpen);
    while shop.shelf.entries().is_empty() {
        sleep(MILLI).await;
    }
    second.abort();
    sleep(SECOND).await;
    assert!(shop.shelf.entries().is_empty());
    assert_eq!((waits(&shop), shop.desk.runs()), (0, 1));
}

/// Fault 4.
#[tokio::test(start_paused = true)]
async fn who_has_waited_long_enough_is_refused_and_does_not_run() {
    for max in [MILLI, MILLI * 30, SECOND * 10] {
        let shop = Shop::open(waiting(max), [Act::Hang]);
        let _first = shop.begin(pay()).await;
        let began = Instant::now();
        let refusal = refused(&shop.call(pay()).await);
        assert_eq!(refusal.kind(), Kind::InFlight);
        assert_eq!(refusal.executed(), Executed::No);
        assert!(refusal.retry_after().is_some());
        assert_eq!(began.elapsed(), max);
        assert_eq!((waits(&shop), shop.desk.runs()), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_past_the_deadline_of_the_caller() {
    let shop = Shop::open(waiting(SECOND * 10), [Act::Hang]);
    let _first = shop.begin(pay()).await;
    let began = Instant::now();
    let call = Deadline::within(SECOND).scope(async { shop.call(pay()).await });
    let refusal = refused(&call.await);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(began.elapsed(), SECOND);

    // A deadline that has passed is not waited for, and claims nothing.
    let asked = shop.node.asked(Op::Claim);
    let call = Deadline::within(Duration::ZERO).scope(async { shop.call(keyed("new", "")).await });
    assert_eq!(kind(&call.await), Kind::DeadlineExceeded);
    assert_eq!(shop.node.asked(Op::Claim), asked);
}

/// Fault 6.
#[tokio::test(start_paused = true)]
async fn another_request_under_the_key_does_not_wait() {
    let shop = Shop::open(waiting(SECOND * 10), [Act::Hang]);
    let _first = shop.begin(pay()).await;
    let began = Instant::now();
    assert_eq!(
        kind(&shop.call(keyed("k-1", "pay 6")).await),
        Kind::KeyReused
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(waits(&shop), 0);
}

#[tokio::test(start_paused = true)]
async fn places_to_wait_are_bounded_for_each_key_and_in_all() {
    let config = waiting(SECOND * 10).waiters_per_key(2).waiters(3);
    let shop = Shop::open(config, [Act::Hang, Act::Hang]);
    let (a, b) = (|| keyed("a", ""), || keyed("b", ""));
    let _running = (shop.begin(a()).await, shop.begin(b()).await);
    let first = shop.begin(a()).await;
    let _second = shop.begin(a()).await;
    let refusal = refused(&shop.call(a()).await);
    assert_eq!(refusal.kind(), Kind::TooManyWaiters);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(refusal.retry_after(), Some(SECOND));
    let _third = shop.begin(b()).await;
    assert_eq!(kind(&shop.call(b()).await), Kind::TooManyWaiters);
    assert_eq!(waits(&shop), 3);
    first.abort();
    settled().await;
    let _fourth = shop.begin(b()).await;
    assert_eq!(waits(&shop), 3);

    let none = Shop::open(waiting(SECOND).waiters(0), [Act::Hang]);
    let _running = none.begin(a()).await;
    assert_eq!(kind(&none.call(a()).await), Kind::TooManyWaiters);
}

/// Faults 9 and 3: the first is never heard of again.
#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_lost_execution_learn_what_the_policy_says_when_its_lease_ends() {
    let shelf = Shelf::default();
    let dead = Shop::over(&shelf, waiting(LEASE * 2), [Act::Hang]);
    let _first = dead.begin(pay()).await;
    dead.node.is_down(Fault::Hang);
    let began = Instant::now();
    let shop = Shop::over(&shelf, waiting(LEASE * 2), []);
    let answers = join_all((0..10).map(|_| shop.call(pay()))).await;
    assert!(
        answers
            .iter()
            .all(|answer| kind(answer) == Kind::OutcomeUnknown)
    );
    assert!(began.elapsed() < LEASE + SECOND);

    let again = IdempotencyConfig::at_least_once().duplicates(Duplicates::Wait { max: LEASE * 2 });
    let dead = Shop::over(&shelf, again, [Act::Hang]);
    let _first = dead.begin(keyed("k-2", "")).await;
    dead.node.is_down(Fault::Hang);
    let shop = Shop::over(&shelf, again, [Act::AnswerAfter(SECOND)]);
    let answers = join_all((0..10).map(|_| shop.call(keyed("k-2", "")))).await;
    assert!(answers.iter().all(|answer| text(answer) == "run 1"));
    assert_eq!(shop.desk.attempts(), [2]);
}

/// A store that always hears of changes, or never of one, is asked no more often than need be.
#[tokio::test(start_paused = true)]
async fn those_who_wait_do_not_ask_all_the_time() {
    let shop = Shop::open(waiting(SECOND * 10), [Act::Hang]);
    let _first = shop.begin(pay()).await;
    shop.call(pay()).await.unwrap_err();
    let asked = shop.node.asked(Op::Claim);
    assert!((15..80).contains(&asked), "{asked} times in ten seconds");

    let shelf = shop.shelf.clone();
    tokio::spawn(async move {
        loop {
            shelf.purge(mainstay::idempotency::StoreKey::from_bytes([0; 32]));
            tokio::task::yield_now().await;
            sleep(MILLI).await;
        }
    });
    let before = shop.node.asked(Op::Claim);
    shop.call(pay()).await.unwrap_err();
    let asked = shop.node.asked(Op::Claim) - before;
    assert!(asked <= 2001, "{asked} times in ten seconds");
}
