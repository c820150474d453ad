//! Layers beside and around each other, their handles, and their end.

use std::sync::Arc;
use std::time::Duration;

use mainstay::idempotency::{
    ClientKey, Duplicates, IdempotencyConfig, OnError, Scoped, StoreDown, StoreKey,
};
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::{Deadline, Executed, Kind};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

use crate::desk::{
    Act, Desk, LEASE, MILLI, SECOND, Shop, Text, keyed, kind, layer, layer_of, pay, refused,
    settled, text, unkeyed,
};
use crate::shelf::{Fault, Op, Shelf};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

fn waiting() -> IdempotencyConfig {
    once().duplicates(Duplicates::Wait { max: SECOND * 10 })
}

/// Fault 38.
#[tokio::test(start_paused = true)]
async fn a_layer_inside_another_of_its_name_does_not_wait_for_itself() {
    for config in [once(), waiting()] {
        let node = Shelf::default().node();
        let desk = Desk::default();
        let inner = layer(config, &node).layer(desk.service());
        let outer = layer(config, &node).layer(inner);
        let service = BoxCloneSyncService::new(outer);
        let began = Instant::now();
        let first = service.clone().oneshot(pay()).await;
        assert_eq!(text(&first), "run 1");
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(service.oneshot(pay()).await.unwrap().is_replay);
        assert_eq!((desk.runs(), desk.attempts()), (1, vec![1]));
        assert_eq!(node.asked(Op::Finish), 1);
    }
}

/// Fault 38: nor does it when one between the two runs without a claim.
#[tokio::test(start_paused = true)]
async fn a_layer_within_itself_is_found_past_one_that_runs_without_a_claim() {
    let (node, down) = (Shelf::default().node(), Shelf::default().node());
    down.is_down(Fault::Error);
    let open = once().store_down(StoreDown::Run);
    let desk = Desk::default();
    let inner = layer(waiting(), &node).layer(desk.service());
    let between = layer_of("b", open, Text::default(), &down).layer(inner);
    let outer = layer(waiting(), &node).layer(between);
    assert_eq!(text(&outer.oneshot(pay()).await), "run 1");
    assert_eq!((node.asked(Op::Claim), desk.attempts()), (1, vec![1]));
}

/// Fault 38: with another name it is another layer, also with a third of the first name within.
#[tokio::test(start_paused = true)]
async fn layers_of_two_names_have_keys_of_their_own() {
    let node = Shelf::default().node();
    let desk = Desk::default();
    let named = |name| layer_of(name, waiting(), Text::default(), &node);
    let innermost = named("a").layer(desk.service());
    let service = BoxCloneSyncService::new(named("a").layer(named("b").layer(innermost)));
    assert_eq!(text(&service.clone().oneshot(pay()).await), "run 1");
    assert_eq!(node.shelf.entries().len(), 2);
    assert!(service.oneshot(pay()).await.unwrap().is_replay);
    assert_eq!(desk.runs(), 1);
}

fn retry() -> RetryLayer {
    RetryLayer::new("retry", RetryConfig::default().attempts(3)).unwrap()
}

/// Fault 44: one claim is around all attempts.
#[tokio::test(start_paused = true)]
async fn a_retry_inside_runs_under_one_claim() {
    let node = Shelf::default().node();
    let desk = Desk::playing([Act::Fail, Act::Fail]);
    let inner = retry().layer(desk.service());
    let service = BoxCloneSyncService::new(layer(waiting(), &node).layer(inner));
    assert_eq!(text(&service.clone().oneshot(pay()).await), "run 3");
    assert_eq!(desk.attempts(), [1, 1, 1]);
    assert_eq!((node.asked(Op::Claim), node.asked(Op::Finish)), (1, 1));
    assert!(service.oneshot(pay()).await.unwrap().is_replay);
}

/// Fault 44: each attempt claims anew, and what ran is not run again.
#[tokio::test(start_paused = true)]
async fn a_retry_outside_repeats_what_did_not_run_and_is_told_of_what_did() {
    let node = Shelf::default().node();
    let desk = Desk::playing([Act::Fail]);
    let on_error = OnError::Release;
    let releases = layer_of("pay", once(), Text { on_error }, &node);
    let service = retry().layer(releases.layer(desk.service()));
    assert_eq!(text(&service.oneshot(pay()).await), "run 2");

    let desk = Desk::playing([Act::Fail]);
    let service = retry().layer(layer(once(), &node).layer(desk.service()));
    let answer = service.oneshot(keyed("k-2", "")).await;
    assert_eq!(kind(&answer), Kind::ResultUnavailable);
    assert_eq!(desk.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn executions_are_bounded_and_what_finds_no_room_gives_its_key_back() {
    let shop = Shop::open(once().executions(1), [Act::AnswerAfter(SECOND)]);
    let first = shop.begin(pay()).await;
    let refusal = refused(&shop.call(keyed("k-2", "")).await);
    assert_eq!(refusal.kind(), Kind::BulkheadFull);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(refusal.retry_after(), Some(SECOND));
    assert_eq!(shop.shelf.entries().len(), 1);
    assert_eq!(
        text(&shop.call(unkeyed()).await),
        "run 2",
        "it is no execution"
    );
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert_eq!(text(&shop.call(keyed("k-2", "")).await), "run 3");
    assert!(shop.call(pay()).await.unwrap().is_replay);
}

/// Fault 39.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_what_runs_and_begins_nothing() {
    let shop = Shop::open(once(), [Act::Answer, Act::AnswerAfter(SECOND)]);
    shop.call(keyed("done", "")).await.unwrap();
    let first = shop.begin(pay()).await;
    first.abort();
    let handle = shop.layer.handle();
    let drains = tokio::spawn(async move { handle.drain(Deadline::within(LEASE)).await });
    settled().await;
    let refusal = refused(&shop.call(keyed("new", "")).await);
    assert_eq!(refusal.kind(), Kind::ShuttingDown);
    assert_eq!(refusal.executed(), Executed::No);
    assert!(shop.call(keyed("done", "")).await.unwrap().is_replay);
    let began = Instant::now();
    assert_eq!(drains.await.unwrap(), 0);
    assert_eq!(began.elapsed(), SECOND);
    assert!(shop.call(pay()).await.unwrap().is_replay, "it was kept");
    assert_eq!(
        shop.shelf.entries().len(),
        2,
        "the new one gave its key back"
    );
}

/// Fault 39: what does not end in time is left, and is unknown when its process is gone.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_its_deadline_and_says_what_is_left() {
    let shop = Shop::open(once(), [Act::Hang, Act::Hang]);
    let _running = (shop.begin(pay()).await, shop.begin(keyed("k-2", "")).await);
    let handle = shop.layer.handle();
    let began = Instant::now();
    assert_eq!(handle.drain(Deadline::within(SECOND)).await, 2);
    assert_eq!(began.elapsed(), SECOND);
    assert_eq!(handle.drain(Deadline::within(Duration::ZERO)).await, 2);
}

/// Fault 39: the runtime goes with executions in it.
#[test]
fn what_its_runtime_takes_along_is_unknown_and_never_released() {
    let shelf = Shelf::default();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let first = runtime();
    first.block_on(async {
        let shop = Shop::over(&shelf, once(), [Act::Hang]);
        let _call = shop.begin(pay()).await;
    });
    drop(first);
    assert_eq!(shelf.only().attempt, 1);
    runtime().block_on(async {
        let shop = Shop::over(&shelf, once(), []);
        let kind = kind(&shop.call(pay()).await);
        assert!(matches!(kind, Kind::InFlight | Kind::OutcomeUnknown));
        sleep(LEASE * 2).await;
        assert_eq!(shop.desk.runs(), 0);
    });
}

/// A drain also waits for the store to be told.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_what_the_store_has_not_heard() {
    let shop = Shop::open(once(), []);
    for _ in 0..4 {
        shop.node.next(Op::Finish, Fault::Error);
    }
    shop.call(pay()).await.unwrap();
    let handle = shop.layer.handle();
    assert_eq!(handle.drain(Deadline::within(LEASE)).await, 0);
    assert!(shop.call(pay()).await.unwrap().is_replay);

    // And for keys that are to be given back.
    let shop = Shop::open(once(), []);
    shop.node.next(Op::Claim, Fault::SlowReply(MILLI * 500));
    let call = shop.begin(pay()).await;
    call.abort();
    settled().await;
    assert_eq!(shop.layer.handle().drain(Deadline::within(LEASE)).await, 0);
    assert!(shop.shelf.entries().is_empty());
}

fn key_of(shop: &Shop, key: &str) -> StoreKey {
    let handle = shop.layer.handle();
    let key = handle.store_key(Scoped::To("acme"), ClientKey::of(key.as_bytes()));
    key.expect("it has a scope")
}

/// Fault 42.
#[tokio::test(start_paused = true)]
async fn a_key_of_unknown_outcome_runs_again_once_it_is_purged() {
    let shop = Shop::open(once(), [Act::Refuse(Executed::Unknown)]);
    shop.call(pay()).await.unwrap_err();
    sleep(LEASE).await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::OutcomeUnknown);
    let handle = shop.layer.handle();
    let key = key_of(&shop, "k-1");
    assert!(shop.shelf.entry(key).is_some());
    assert!(handle.purge(&key).await.unwrap());
    assert!(!handle.purge(&key).await.unwrap());
    assert_eq!(text(&shop.call(pay()).await), "run 2");
    let missing = handle.store_key(Scoped::<[u8; 0]>::Missing, ClientKey::of(b"k"));
    assert_eq!(missing, None);
}

/// Fault 42: purged under a handler that runs, which then finds another request there.
#[tokio::test(start_paused = true)]
async fn a_key_purged_under_its_execution_is_the_next_one_s() {
    let shop = Shop::open(
        once(),
        [Act::AnswerAfter(SECOND), Act::AnswerAfter(SECOND * 2)],
    );
    let first = shop.begin(pay()).await;
    shop.shelf.purge(key_of(&shop, "k-1"));
    let second = shop.begin(keyed("k-1", "pay 6")).await;
    assert_eq!(
        text(&first.await.unwrap()),
        "run 1",
        "nobody else answers it"
    );
    assert_eq!(text(&second.await.unwrap()), "run 2");
    assert_eq!(kind(&shop.call(pay()).await), Kind::KeyReused);
}

#[tokio::test(start_paused = true)]
async fn settings_are_replaced_in_place_and_bad_ones_are_not_taken() {
    let shop = Shop::open(once(), [Act::Hang]);
    let handle = shop.layer.handle();
    let _first = shop.begin(pay()).await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    let max = SECOND;
    handle
        .reconfigure(once().duplicates(Duplicates::Wait { max }))
        .unwrap();
    let began = Instant::now();
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight);
    assert_eq!(began.elapsed(), SECOND);

    let error = handle.reconfigure(once().executions(0)).unwrap_err();
    assert_eq!(error.field(), "executions");
    let snapshot = handle.snapshot();
    assert_eq!(
        *snapshot.config(),
        once().duplicates(Duplicates::Wait { max })
    );
    assert_eq!((snapshot.executing(), snapshot.waiting()), (1, 0));
}

/// What is held of a call is free when nothing runs: the layer's shared state is nobody's but its own.
#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_calls_that_have_ended() {
    let shop = Shop::open(once(), [Act::Answer, Act::Fail, Act::Refuse(Executed::No)]);
    let held = Arc::new(());
    for number in 0..3 {
        let held = Arc::clone(&held);
        let inner = shop.desk.service();
        let service = shop.layer.layer(tower::service_fn(move |request| {
            let _held = Arc::clone(&held);
            inner.clone().oneshot(request)
        }));
        drop(service.oneshot(keyed(&number.to_string(), "")).await);
    }
    settled().await;
    assert_eq!(Arc::strong_count(&held), 1);
}
