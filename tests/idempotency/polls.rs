//! A call polled by hand: over a store that answers at once, all that can be left of it is decided
//! between two polls.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Waker};

use futures::FutureExt as _;
use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use mainstay::{Deadline, Kind};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, Service, ServiceExt};

use crate::desk::{Act, LEASE, MILLI, SECOND, Shop, keyed, kind, pay, settled, text};
use crate::shelf::{Fault, Op, Shelf};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

/// Fault 7: what the first poll was granted runs, also when there is no second; without a first poll
/// nothing is claimed.
#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_after_its_first_poll_leaves_an_execution() {
    for act in [Act::Answer, Act::AnswerAfter(MILLI * 10)] {
        for polls in [0, 1, 2] {
            let shop = Shop::open(once(), [act]);
            let mut call = Box::pin(shop.call(pay()));
            for _ in 0..polls {
                assert!(futures::poll!(&mut call).is_pending());
            }
            drop(call);
            sleep(SECOND).await;
            let ran = usize::from(polls > 0);
            assert_eq!((shop.desk.runs(), shop.shelf.entries().len()), (ran, ran));
            if polls > 0 {
                let replay = shop.call(pay()).await.unwrap();
                assert!(replay.is_replay && replay.text == "run 1");
            }
            assert_eq!(shop.layer.handle().snapshot().executing(), 0);
        }
    }
}

/// It is detached from the first poll on: it comes to its end while its caller polls no more.
#[tokio::test(start_paused = true)]
async fn an_execution_goes_on_while_its_caller_does_not_poll() {
    let shop = Shop::open(once(), [Act::AnswerAfter(LEASE * 3)]);
    let mut call = Box::pin(shop.call(pay()));
    assert!(futures::poll!(&mut call).is_pending());
    sleep(LEASE * 2).await;
    assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight, "renewed");
    sleep(LEASE * 2).await;
    assert!(shop.call(pay()).await.unwrap().is_replay);
    let answer = call.now_or_never().expect("it has ended");
    assert_eq!(text(&answer), "run 1");
    assert!(!answer.unwrap().is_replay);
}

/// A repeat, a mismatch, a duplicate in flight: each is answered in one poll, and nothing is spawned.
#[tokio::test(start_paused = true)]
async fn what_does_not_run_is_answered_in_its_first_poll() {
    let shop = Shop::open(once(), [Act::Answer, Act::Hang]);
    shop.call(pay()).await.unwrap();
    let _running = shop.begin(keyed("k-2", "pay 5")).await;
    let at_once = |request| shop.call(request).now_or_never().expect("in one poll");
    assert!(at_once(pay()).unwrap().is_replay);
    assert_eq!(kind(&at_once(keyed("k-1", "pay 6"))), Kind::KeyReused);
    assert_eq!(kind(&at_once(keyed("k-2", "pay 5"))), Kind::InFlight);
    assert_eq!(shop.desk.runs(), 2);
}

/// A claim that is seen to its end in the background keeps neither the request nor the inner service.
#[tokio::test(start_paused = true)]
async fn of_a_call_that_left_its_claim_on_its_way_nothing_else_is_held() {
    for leaves_by_deadline in [false, true] {
        let held = Arc::new(());
        let shop = Shop::open(once(), []);
        shop.node.always(Op::Claim, Fault::SlowReply(MILLI * 900));
        let inner = tower::service_fn({
            let held = Arc::clone(&held);
            move |_: crate::desk::Request| {
                let _ = &held;
                futures::future::pending::<crate::desk::Answer>()
            }
        });
        let service = shop.layer.layer(inner);
        let before = Arc::strong_count(&held);
        let mut call = Box::pin(async {
            let call = async { service.clone().oneshot(pay()).await };
            if leaves_by_deadline {
                let refused = Deadline::within(MILLI * 10).scope(call).await;
                assert_eq!(kind(&refused), Kind::DeadlineExceeded);
            } else {
                drop(call.await);
            }
        });
        assert!(futures::poll!(&mut call).is_pending());
        assert_eq!(Arc::strong_count(&held), before + 1, "the call has its own");
        if leaves_by_deadline {
            call.await;
        } else {
            drop(call);
        }
        assert_eq!(Arc::strong_count(&held), before);
        assert_eq!(shop.shelf.entries().len(), 1, "claimed");
        sleep(SECOND).await;
        assert!(shop.shelf.entries().is_empty(), "and given back");
        assert_eq!(shop.desk.runs(), 0);
    }
}

/// Nor the request itself.
#[tokio::test(start_paused = true)]
async fn of_a_call_that_left_its_claim_on_its_way_the_request_is_not_held() {
    let node = Shelf::default().node();
    node.always(Op::Claim, Fault::SlowReply(MILLI * 900));
    let id = ByMessageId::new(|_: &Arc<()>| Some([7]));
    let done = DoneOnly::new().response(|| ());
    let layer = IdempotencyLayer::new("m", once(), id, done, node).unwrap();
    let inner = tower::service_fn(async |_: Arc<()>| Ok::<(), BoxError>(()));
    let held = Arc::new(());
    let service = layer.single_tenant().layer(inner);
    let mut call = Box::pin(service.oneshot(Arc::clone(&held)));
    assert!(futures::poll!(&mut call).is_pending());
    assert_eq!(Arc::strong_count(&held), 2);
    drop(call);
    assert_eq!(Arc::strong_count(&held), 1);
}

/// Outside of a runtime nothing could give a key back, so none is asked for.
#[test]
fn outside_of_a_runtime_nothing_is_claimed() {
    let shop = Shop::open(once(), []);
    let call = AssertUnwindSafe(|| shop.call(pay()).now_or_never());
    assert!(catch_unwind(call).is_err());
    assert_eq!(shop.node.asked(Op::Claim), 0);
    assert!(shop.shelf.entries().is_empty());
}

/// A call that is refused or answered leaves no timer behind, and makes none where nothing is waited
/// for: it works on a runtime that has none.
#[test]
fn over_a_store_that_answers_at_once_no_timer_is_made() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
        let id = ByMessageId::new(|id: &u8| Some([*id]));
        let done = DoneOnly::new().response(|| 0);
        let layer = IdempotencyLayer::new("m", once(), id, done, store).unwrap();
        let mut service = layer
            .single_tenant()
            .layer(tower::service_fn(async |id: u8| Ok::<u8, BoxError>(id)));
        assert_eq!(service.call(7).await.unwrap(), 7);
        assert_eq!(service.call(7).await.unwrap(), 0, "a replay");
    });
}

/// A handler that pends at every poll is renewed for, whichever of its polls was the first to pend.
#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_from_the_first_pending_poll_on() {
    let shop = Shop::open(once(), [Act::AnswerAfter(LEASE * 4)]);
    let began = Instant::now();
    assert_eq!(text(&shop.call(pay()).await), "run 1");
    assert_eq!(began.elapsed(), LEASE * 4);
    let renewals = shop.node.asked(Op::Renew);
    assert!((11..=12).contains(&renewals), "{renewals} renewals");

    let shop = Shop::open(once(), [Act::Answer]);
    assert_eq!(text(&shop.call(pay()).await), "run 1");
    settled().await;
    assert_eq!(shop.node.asked(Op::Renew), 0);
}

/// A call that is answered is not polled again by anyone.
#[tokio::test(start_paused = true)]
async fn a_call_in_the_background_wakes_nobody() {
    let shop = Shop::open(once(), []);
    shop.node.always(Op::Claim, Fault::SlowReply(MILLI * 900));
    let mut call = Box::pin(shop.call(pay()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(call.poll_unpin(&mut cx).is_pending());
    drop(call);
    settled().await;
    sleep(SECOND).await;
    assert_eq!(shop.node.asked(Op::Release), 1);
    assert!(shop.shelf.entries().is_empty());
}
