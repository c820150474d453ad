use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::coordination::{EphemeralTokenStore, StoreError, TokenRecord};

fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

fn enter(gate: &FencingGate, number: u64) -> Result<Permit, GateError> {
    gate.enter(token(number))
        .now_or_never()
        .expect("it does not wait")
}

fn is_stale<T>(result: Result<T, GateError>, high: u64) -> bool {
    result.is_err_and(|error| error.high() == Some(token(high)))
}

fn poll_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Debug)]
enum Order {
    Keep,
    Fail,
    Panic,
}

/// Keeps a record when it is told to.
#[derive(Debug)]
struct Ordered {
    inner: EphemeralTokenStore,
    orders: Mutex<mpsc::Receiver<Order>>,
    begun: Arc<AtomicUsize>,
}

impl TokenStore for Ordered {
    fn load(&self) -> Option<TokenRecord> {
        self.inner.load()
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let order = self
            .orders
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .recv();
        match order {
            Ok(Order::Keep) => self.inner.record(record),
            Ok(Order::Panic) => panic!("on order"),
            Ok(Order::Fail) | Err(_) => Err(StoreError::Failed),
        }
    }
}

fn ordered() -> (FencingGate, mpsc::Sender<Order>, Arc<AtomicUsize>) {
    let (orders, receiver) = mpsc::channel();
    let begun = Arc::new(AtomicUsize::new(0));
    let store = Ordered {
        inner: EphemeralTokenStore::new("ledger"),
        orders: Mutex::new(receiver),
        begun: Arc::clone(&begun),
    };
    (FencingGate::durable(store), orders, begun)
}

#[test]
fn the_floor_is_the_highest_token_seen_from_the_first_to_the_last_f1() {
    let gate = FencingGate::in_memory(None);
    assert_eq!(gate.snapshot().high(), None);
    for number in [1, 2, 2, 9, u64::MAX] {
        assert_eq!(enter(&gate, number).unwrap().token(), token(number));
        assert_eq!(gate.snapshot().high(), Some(token(number)));
    }
    assert!(is_stale(enter(&gate, u64::MAX - 1), u64::MAX));
    assert!(is_stale(gate.try_enter(token(1)), u64::MAX));
    assert!(is_stale(
        gate.seal(token(1)).now_or_never().unwrap(),
        u64::MAX
    ));
    assert_eq!(gate.snapshot().in_flight(), 0);

    let gate = FencingGate::in_memory(Some(token(5)));
    assert!(is_stale(enter(&gate, 4), 5));
    assert!(enter(&gate, 5).is_ok());
}

#[test]
fn a_seal_refuses_older_ones_at_once_and_returns_when_all_of_them_have_left() {
    let gate = FencingGate::in_memory(None);
    let (a, b, c) = (
        enter(&gate, 1).unwrap(),
        enter(&gate, 1).unwrap(),
        enter(&gate, 2).unwrap(),
    );
    let mut seal = pin!(gate.seal(token(3)));
    assert_eq!(
        gate.snapshot().high(),
        Some(token(2)),
        "not before it is polled"
    );
    assert!(poll_once(seal.as_mut()).is_pending());
    assert!(is_stale(enter(&gate, 2), 3));
    let own = enter(&gate, 3).unwrap();
    assert_eq!(
        (gate.snapshot().in_flight(), gate.snapshot().older()),
        (4, 3)
    );
    for permit in [b, c, a] {
        assert!(poll_once(seal.as_mut()).is_pending());
        drop(permit);
    }
    assert!(
        matches!(poll_once(seal.as_mut()), Poll::Ready(Ok(()))),
        "its own are in nobody's way"
    );
    assert!(gate.seal(token(3)).now_or_never().unwrap().is_ok(), "again");
    drop(own);
    assert_eq!(gate.snapshot().in_flight(), 0);
}

#[tokio::test]
async fn a_seal_that_waits_is_woken_by_the_last_permit_and_by_a_later_term() {
    let gate = FencingGate::in_memory(None);
    for overtaken in [false, true] {
        let base = gate.snapshot().high().map_or(0, FencingToken::number);
        let permits: Vec<_> = (0..3).map(|_| enter(&gate, base + 1).unwrap()).collect();
        let seals: Vec<_> = (0..2)
            .map(|_| {
                let gate = gate.clone();
                tokio::spawn(async move { gate.seal(token(base + 2)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(gate.snapshot().waiting(), 2);
        if overtaken {
            let _later = enter(&gate, base + 3).unwrap();
            for seal in seals {
                assert!(
                    is_stale(seal.await.unwrap(), base + 3),
                    "with older ones inside"
                );
            }
        } else {
            drop(permits);
            for seal in seals {
                seal.await.unwrap().unwrap();
            }
        }
        assert_eq!(gate.snapshot().waiting(), 0);
    }
}

#[test]
fn a_dropped_seal_leaves_the_floor_and_nothing_else() {
    let gate = FencingGate::in_memory(None);
    let permit = enter(&gate, 1).unwrap();
    for _ in 0..1000 {
        let mut seal = Box::pin(gate.seal(token(2)));
        assert!(poll_once(seal.as_mut()).is_pending());
        assert!(poll_once(seal.as_mut()).is_pending());
        assert_eq!(gate.snapshot().waiting(), 1);
    }
    assert_eq!(gate.snapshot().waiting(), 0);
    assert_eq!(gate.snapshot().high(), Some(token(2)));
    drop(permit);
    assert!(gate.seal(token(2)).now_or_never().unwrap().is_ok());
}

#[tokio::test]
async fn nothing_of_a_term_comes_in_before_it_is_recorded_and_one_write_is_enough_f2_f4() {
    let (gate, orders, begun) = ordered();
    assert!(matches!(
        gate.try_enter(token(4)),
        Err(GateError::Unrecorded)
    ));
    assert_eq!(gate.snapshot().high(), None, "the floor stays");
    let enters: Vec<_> = (0..100)
        .map(|_| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(token(4)).await.map(drop) })
        })
        .collect();
    while gate.snapshot().waiting() < 100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (gate.snapshot().recorded(), gate.snapshot().in_flight()),
        (None, 0)
    );
    assert!(matches!(
        gate.try_enter(token(4)),
        Err(GateError::Unrecorded)
    ));
    assert!(
        is_stale(gate.try_enter(token(3)), 4),
        "in memory the floor is raised"
    );
    orders.send(Order::Keep).unwrap();
    for enter in enters {
        enter.await.unwrap().unwrap();
    }
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    assert_eq!(gate.snapshot().recorded(), Some(token(4)));
    assert!(gate.try_enter(token(4)).is_ok());
}

#[tokio::test]
async fn a_term_that_overtakes_another_while_it_is_recorded_comes_in_and_the_other_does_not() {
    let (gate, orders, begun) = ordered();
    let first = tokio::spawn({
        let gate = gate.clone();
        async move { gate.enter(token(1)).await }
    });
    tokio::task::yield_now().await;
    let second = tokio::spawn({
        let gate = gate.clone();
        async move { gate.seal(token(2)).await }
    });
    assert!(
        is_stale(first.await.unwrap(), 2),
        "before its write has ended"
    );
    orders.send(Order::Keep).unwrap();
    orders.send(Order::Keep).unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(begun.load(Ordering::SeqCst), 2);
    assert_eq!(gate.snapshot().recorded(), Some(token(2)));
}

#[tokio::test]
async fn a_write_that_fails_or_panics_is_told_to_all_who_waited_and_may_be_tried_again() {
    let (gate, orders, begun) = ordered();
    for order in [Order::Fail, Order::Panic] {
        let enters: Vec<_> = (0..3)
            .map(|_| {
                let gate = gate.clone();
                tokio::spawn(async move { gate.enter(token(1)).await.map(drop) })
            })
            .collect();
        while gate.snapshot().waiting() < 3 {
            tokio::task::yield_now().await;
        }
        orders.send(order).unwrap();
        for enter in enters {
            assert!(matches!(
                enter.await.unwrap(),
                Err(GateError::Store(StoreError::Failed))
            ));
        }
    }
    assert_eq!(begun.load(Ordering::SeqCst), 2, "one for each");
    assert_eq!(
        (gate.snapshot().in_flight(), gate.snapshot().waiting()),
        (0, 0)
    );
    orders.send(Order::Keep).unwrap();
    assert!(gate.enter(token(1)).await.is_ok());
}

#[tokio::test]
async fn callers_that_give_up_while_a_term_is_recorded_begin_no_further_write() {
    let (gate, orders, begun) = ordered();
    for _ in 0..50 {
        let mut enter = Box::pin(gate.enter(token(1)));
        assert!(poll_once(enter.as_mut()).is_pending());
    }
    assert_eq!(gate.snapshot().waiting(), 0);
    orders.send(Order::Keep).unwrap();
    gate.seal(token(1)).await.unwrap();
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    assert!(gate.try_enter(token(1)).is_ok());
}

#[test]
fn a_runtime_that_stops_before_it_came_to_the_write_wedges_nobody() {
    let (gate, orders, _) = ordered();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let result = {
        let _inside = handle.enter();
        futures::executor::block_on(gate.enter(token(1)))
    };
    assert!(matches!(result, Err(GateError::Store(StoreError::Failed))));
    orders.send(Order::Keep).unwrap();
    let permit = futures::executor::block_on(gate.enter(token(1)));
    assert_eq!(
        permit.unwrap().token(),
        token(1),
        "outside a runtime it blocks"
    );
}

#[test]
fn a_durable_gate_begins_where_the_one_before_it_stood() {
    let record = TokenRecord {
        token: token(6),
        owner: None,
    };
    let gate = FencingGate::durable(EphemeralTokenStore::seeded("ledger", record));
    assert!(is_stale(enter(&gate, 5), 6));
    assert!(gate.try_enter(token(6)).is_ok(), "it is recorded");
    assert!(matches!(
        gate.try_enter(token(7)),
        Err(GateError::Unrecorded)
    ));
}

#[test]
fn a_waker_may_come_back_to_the_gate_and_panic_f5() {
    struct Meddler(FencingGate);
    impl std::task::Wake for Meddler {
        fn wake(self: Arc<Self>) {
            assert_eq!(self.0.snapshot().older(), 0);
            panic!("of no concern to who gives a permit back");
        }
    }
    impl Drop for Meddler {
        fn drop(&mut self) {
            self.0.snapshot();
        }
    }
    let gate = FencingGate::in_memory(None);
    let permit = enter(&gate, 1).unwrap();
    let mut seal = pin!(gate.seal(token(2)));
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(Meddler(gate.clone())));
        assert!(
            seal.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    drop(permit);
    assert!(matches!(poll_once(seal.as_mut()), Poll::Ready(Ok(()))));
}

#[test]
fn futures_and_permits_can_go_anywhere() {
    fn anywhere<T: Send + 'static>(_: T) {}
    let gate = FencingGate::in_memory(None);
    let permit = enter(&gate, 1).unwrap();
    anywhere(async move {
        drop(permit);
        gate.seal(token(2)).await.ok();
        gate.enter(token(2)).await.ok();
    });
}

proptest! {
    #[test]
    fn the_gate_agrees_with_a_model_of_it(steps in prop::collection::vec((0u8..4, 1u64..6, 0usize..8), 0..60)) {
        let gate = FencingGate::in_memory(None);
        let mut permits: Vec<Permit> = Vec::new();
        let mut high = 0;
        for (step, number, which) in steps {
            match step {
                0 | 1 => {
                    let entered = enter(&gate, number);
                    prop_assert_eq!(entered.is_ok(), number >= high);
                    permits.extend(entered);
                    high = high.max(number);
                }
                2 if !permits.is_empty() => drop(permits.swap_remove(which % permits.len())),
                2 => {}
                _ => {
                    let sealed = gate.seal(token(number)).now_or_never();
                    let expected = if number < high {
                        Some(false)
                    } else {
                        permits.iter().all(|permit| permit.token().number() >= number).then_some(true)
                    };
                    prop_assert_eq!(sealed.map(|sealed| sealed.is_ok()), expected);
                    high = high.max(number);
                }
            }
            let older = permits.iter().filter(|permit| permit.token().number() < high).count();
            let snapshot = gate.snapshot();
            prop_assert_eq!((snapshot.in_flight(), snapshot.older()), (permits.len(), older));
            prop_assert_eq!(snapshot.waiting(), 0);
        }
    }
}
