//! Where one thing comes in the middle of another: deadlines, callers that leave, claims and clocks that
//! come late.

use std::time::Duration;

use futures::FutureExt as _;
use mainstay::idempotency::{Duplicates, Execution, IdempotencyConfig, StoreDown};
use mainstay::{Deadline, Executed, Kind};
use tokio::time::{Instant, advance, sleep};
use tower::{BoxError, Layer, ServiceExt};

use crate::desk::{
    Act, LEASE, MILLI, Request, Response, SECOND, Shop, just_before, keyed, kind, pay, refused,
    settled, text,
};
use crate::shelf::{Fault, Op, Shelf};

fn once() -> IdempotencyConfig {
    IdempotencyConfig::at_most_once()
}

fn waiting(max: Duration) -> IdempotencyConfig {
    once().duplicates(Duplicates::Wait { max })
}

/// Fault 24: a body that never ends is read until the deadline of the caller, and nothing is claimed.
#[tokio::test(start_paused = true)]
async fn a_request_is_read_no_longer_than_its_deadline() {
    let shop = Shop::open(once(), []);
    let began = Instant::now();
    let call = Deadline::within(MILLI * 100).scope(async { shop.call(keyed("k", "slow")).await });
    let refusal = refused(&call.await);
    assert_eq!(refusal.kind(), Kind::DeadlineExceeded);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(began.elapsed(), MILLI * 100);
    assert_eq!((shop.node.asked(Op::Claim), shop.desk.runs()), (0, 0));
}

/// Fault 19: the store is asked no longer than the deadline lasts, and what it claimed is given back.
#[tokio::test(start_paused = true)]
async fn a_claim_is_waited_for_no_longer_than_the_deadline() {
    for fault in [Fault::Hang, Fault::SlowReply(MILLI * 900), Fault::LoseReply] {
        let shop = Shop::open(once(), []);
        shop.node.next(Op::Claim, fault);
        shop.node.next(Op::Claim, Fault::SlowReply(MILLI * 900));
        let began = Instant::now();
        let call = Deadline::within(MILLI * 100).scope(async { shop.call(pay()).await });
        assert_eq!(kind(&call.await), Kind::DeadlineExceeded);
        assert_eq!(began.elapsed(), MILLI * 100, "{fault:?}");
        sleep(SECOND * 3).await;
        assert!(shop.shelf.entries().is_empty(), "{fault:?}");
        assert_eq!(shop.desk.runs(), 0, "{fault:?}");
    }
}

/// Faults 4 and 19: a store that hangs makes nobody wait longer than was said.
#[tokio::test(start_paused = true)]
async fn who_waits_is_refused_in_time_while_the_store_hangs() {
    let shop = Shop::open(waiting(SECOND), [Act::Hang]);
    let _first = shop.begin(pay()).await;
    let began = Instant::now();
    let second = shop.begin(pay()).await;
    shop.node.always(Op::Claim, Fault::Hang);
    assert_eq!(kind(&second.await.unwrap()), Kind::InFlight);
    assert_eq!(began.elapsed(), SECOND);
    assert_eq!(shop.layer.handle().snapshot().waiting(), 0);
}

/// Fault 15, open by choice: who knows that another runs does not run beside it when the store goes away.
#[tokio::test(start_paused = true)]
async fn who_waits_for_another_never_runs_without_a_claim() {
    let config = waiting(SECOND * 10).store_down(StoreDown::Run);
    let shop = Shop::open(config, [Act::AnswerAfter(SECOND * 5)]);
    let first = shop.begin(pay()).await;
    let second = shop.begin(pay()).await;
    shop.node.always(Op::Claim, Fault::Error);
    let refusal = refused(&second.await.unwrap());
    assert_eq!(refusal.kind(), Kind::StoreUnavailable);
    assert_eq!(refusal.executed(), Executed::No);
    assert_eq!(text(&first.await.unwrap()), "run 1");
    assert_eq!(shop.desk.runs(), 1);
}

/// Faults 7 and 16: also where there is room for one execution only, and so for one chore.
#[tokio::test(start_paused = true)]
async fn a_key_granted_to_nobody_is_given_back_where_there_is_room_for_one() {
    let shop = Shop::open(once().executions(1), []);
    shop.node.next(Op::Claim, Fault::SlowReply(MILLI * 100));
    let call = shop.begin(pay()).await;
    call.abort();
    sleep(SECOND).await;
    assert!(shop.shelf.entries().is_empty());
    assert_eq!(text(&shop.call(pay()).await), "run 1");
}

/// Faults 7 and 16: nor does a claim stay that goes on without its caller, and not for long.
#[tokio::test(start_paused = true)]
async fn a_claim_is_seen_to_its_end_and_given_back_at_once() {
    let shop = Shop::open(once(), []);
    shop.node.next(Op::Claim, Fault::Apart(MILLI * 100));
    let call = shop.begin(pay()).await;
    call.abort();
    sleep(MILLI * 99).await;
    assert_eq!(shop.node.asked(Op::Release), 0);
    sleep(MILLI * 2).await;
    assert_eq!(text(&shop.call(pay()).await), "run 1");
}

/// Fault 16: the store applies a claim after it was given back. Nothing ran, so the key is no lost one's.
#[tokio::test(start_paused = true)]
async fn a_claim_that_arrives_after_its_release_is_given_back_too() {
    for config in [once(), once().executions(1)] {
        let shop = Shop::open(config, []);
        shop.node.next(Op::Claim, Fault::Late(SECOND * 3));
        shop.node.next(Op::Claim, Fault::Late(SECOND * 4));
        assert_eq!(kind(&shop.call(pay()).await), Kind::StoreUnavailable);
        sleep(SECOND * 3 + MILLI).await;
        assert_eq!(kind(&shop.call(pay()).await), Kind::InFlight, "it arrived");
        sleep(LEASE / 3).await;
        assert_eq!(text(&shop.call(pay()).await), "run 1");
        assert_eq!(shop.node.asked(Op::Release), 2, "and no more often");
        let drained = shop.layer.handle().drain(Deadline::within(LEASE)).await;
        assert_eq!(drained, 0);
    }
}

/// A store's client that panics is the caller's panic, and what it claimed is given back.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_store_leaves_no_claim_and_is_heard_once() {
    let shop = Shop::open(once(), []);
    shop.node.next(Op::Claim, Fault::Panic);
    let panics = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let call = std::panic::AssertUnwindSafe(shop.call(pay())).catch_unwind();
    let before = std::panic::take_hook();
    let counts = std::sync::Arc::clone(&panics);
    let here = std::thread::current().id();
    std::panic::set_hook(Box::new(move |_| {
        if std::thread::current().id() == here {
            counts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }));
    let answer = call.await;
    sleep(SECOND).await;
    std::panic::set_hook(before);
    assert!(answer.is_err());
    assert_eq!(panics.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert!(shop.shelf.entries().is_empty());
    assert_eq!(text(&shop.call(pay()).await), "run 1");
}

/// Fault 14: a handler that blocked its thread asks before its next effect, and is not told by a
/// heartbeat that could not beat.
#[tokio::test(start_paused = true)]
async fn a_handler_that_blocks_past_its_lease_sees_that_it_is_lost() {
    let shop = Shop::open(once(), []);
    let inner = tower::service_fn(|_: Request| async {
        let execution = Execution::current().unwrap();
        // The clock goes on, and nothing else does.
        let _ = advance(just_before(LEASE)).now_or_never();
        let before = execution.is_lease_lost();
        let _ = advance(MILLI).now_or_never();
        let after = execution.is_lease_lost();
        Err::<Response, BoxError>(format!("{before} {after}").into())
    });
    let answer = shop.layer.layer(inner).oneshot(pay()).await;
    assert_eq!(answer.unwrap_err().to_string(), "false true");
}

/// Fault 14: who keeps its execution beyond its end is not told that it lost what it no longer needs.
#[tokio::test(start_paused = true)]
async fn an_execution_that_ended_loses_nothing() {
    let shop = Shop::open(once(), []);
    shop.call(pay()).await.unwrap();
    let execution = shop.desk.runs.lock().unwrap()[0].execution.clone().unwrap();
    sleep(LEASE * 2).await;
    assert!(!execution.is_lease_lost());
}

/// Fault 14: and one whose lease had ended before it did, and that could not be told, has lost it.
#[tokio::test(start_paused = true)]
async fn of_an_execution_that_ended_it_is_said_what_was_so_at_its_end() {
    let shop = Shop::open(once(), []);
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    for (key, time, is_lost) in [("k-1", just_before(LEASE), false), ("k-2", LEASE, true)] {
        let keeps = std::sync::Arc::clone(&kept);
        let inner = tower::service_fn(move |_: Request| {
            let _ = advance(time).now_or_never();
            *keeps.lock().unwrap() = Execution::current();
            std::future::ready(Err::<Response, BoxError>("late".into()))
        });
        let answer = shop.layer.layer(inner).oneshot(keyed(key, "")).await;
        assert_eq!(answer.unwrap_err().to_string(), "late");
        let mut execution = kept.lock().unwrap().take().unwrap();
        assert_eq!(execution.is_lease_lost(), is_lost);
        sleep(LEASE).await;
        assert_eq!(execution.is_lease_lost(), is_lost);
        assert_eq!(execution.lease_lost().now_or_never().is_some(), is_lost);
    }
}

/// Fault 36: the clocks of clients decide on nothing that is the store's.
#[tokio::test(start_paused = true)]
async fn a_client_whose_clock_is_an_hour_off_neither_loses_nor_takes_a_key() {
    let again = IdempotencyConfig::at_least_once()
        .lease(LEASE * 200)
        .ceiling(LEASE * 400);
    let shelf = Shelf::with_a_clock_of_its_own();
    let first = Shop::over(&shelf, again, [Act::AnswerAfter(LEASE * 300)]);
    let first_call = first.begin(pay()).await;
    first.node.always(Op::Renew, Fault::Hang);

    // An hour and more has passed for all clients, and none for the store.
    advance(LEASE * 200).await;
    settled().await;
    let fast = Shop::over(&shelf, again, []);
    assert_eq!(kind(&fast.call(pay()).await), Kind::InFlight);

    // It has for the store, and not for them.
    shelf.pass(just_before(LEASE * 200));
    assert_eq!(kind(&fast.call(pay()).await), Kind::InFlight);
    shelf.pass(MILLI);
    assert_eq!(text(&fast.call(pay()).await), "run 1");
    assert_eq!(fast.desk.attempts(), [2]);
    let late = first_call.await.unwrap().unwrap();
    assert!(late.is_replay, "{late:?}");
}

/// Fault 28: a scope without a name is no scope.
#[tokio::test(start_paused = true)]
async fn an_empty_scope_is_nobody_s() {
    let shop = Shop::open(once(), []);
    let nameless = Request {
        tenant: Some(""),
        ..pay()
    };
    assert_eq!(kind(&shop.call(nameless).await), Kind::ScopeMissing);
    assert_eq!((shop.node.asked(Op::Claim), shop.desk.runs()), (0, 0));
}

/// Faults 4, 7, 16: the caller leaves at each of its polls in turn, while the store takes its time for
/// everything. Then the key is free and nothing ran, or it ran once and its result is kept.
#[tokio::test(start_paused = true)]
async fn a_caller_may_leave_at_any_poll() {
    for (has_other, is_granted_late) in [(false, false), (false, true), (true, false)] {
        let mut kept = 0;
        let mut polls = 0;
        loop {
            let config = waiting(SECOND * 10).executions(2);
            let refuse = Act::RefuseAfter(MILLI * 40, Executed::No);
            let first = if has_other {
                refuse
            } else {
                Act::AnswerAfter(MILLI * 40)
            };
            let shop = Shop::open(config, [first, Act::AnswerAfter(MILLI * 40)]);
            shop.node.is_down(Fault::SlowReply(MILLI * 7));
            if is_granted_late {
                shop.node.next(Op::Claim, Fault::LoseReply);
                shop.node.next(Op::Finish, Fault::LoseReply);
            }
            let other = has_other.then_some(shop.begin(pay()).await);
            let mut call = Box::pin(shop.call(pay()));
            let mut is_over = false;
            for _ in 0..polls {
                is_over = futures::poll!(&mut call).is_ready();
                if is_over {
                    break;
                }
                sleep(MILLI).await;
            }
            drop(call);
            drop(other);
            sleep(SECOND * 11).await;
            let seen = (
                shop.shelf.entries().len(),
                shop.desk.runs() - usize::from(has_other),
            );
            assert!(
                matches!(seen, (0, 0) | (1, 1)),
                "after {polls} polls: {seen:?}"
            );
            kept += seen.1;
            let snapshot = shop.layer.handle().snapshot();
            assert_eq!((snapshot.executing(), snapshot.waiting()), (0, 0));
            assert_eq!(
                shop.layer
                    .handle()
                    .drain(Deadline::within(Duration::ZERO))
                    .await,
                0
            );
            if is_over {
                break;
            }
            polls += 1;
        }
        assert!(polls > 40 && kept > 1, "{polls} polls, {kept} kept");
    }
}

/// Faults 14 and 16: a lease is counted from when the store was asked, however late the answer is.
#[tokio::test(start_paused = true)]
async fn a_lease_whose_grant_was_slow_is_lost_when_the_store_ends_it() {
    let slow = Fault::SlowReply(MILLI * 900);
    for (first, asked) in [(slow, 0), (Fault::Error, 0), (Fault::Hang, 1)] {
        let shop = Shop::open(once(), [Act::UntilLost]);
        shop.node.next(Op::Claim, first);
        shop.node.next(Op::Claim, slow);
        shop.node.always(Op::Renew, Fault::Error);
        let began = Instant::now();
        assert_eq!(kind(&shop.call(pay()).await), Kind::Timeout);
        assert_eq!(began.elapsed(), LEASE + SECOND * asked, "{first:?}");
    }
}

/// Fault 17: one answer that is lost is no trouble, strictly too.
#[tokio::test(start_paused = true)]
async fn a_finish_is_asked_twice_before_anyone_is_refused() {
    for fault in [Fault::LoseReply, Fault::Error, Fault::Hang] {
        let shop = Shop::open(once().strict_finish(true), []);
        shop.node.next(Op::Finish, fault);
        assert_eq!(text(&shop.call(pay()).await), "run 1", "{fault:?}");
        assert_eq!(shop.node.asked(Op::Finish), 2);
    }
}
