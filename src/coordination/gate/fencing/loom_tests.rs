use std::sync::Mutex;
use std::task::{Context, Poll, Wake};

use loom::thread;

use super::*;
use crate::coordination::{StoreError, TokenRecord};

const OLD: FencingToken = FencingToken::FIRST;

fn new() -> FencingToken {
    OLD.next().unwrap()
}

/// Notes that it was called. A poll under loom is one step of the test's own.
#[derive(Default)]
struct Flag(loom::sync::atomic::AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, loom::sync::atomic::Ordering::SeqCst);
    }
}

impl Flag {
    fn is_up(&self) -> bool {
        self.0.load(loom::sync::atomic::Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct Memory(Mutex<Option<TokenRecord>>);

impl TokenStore for Memory {
    fn load(&self) -> Option<TokenRecord> {
        *self.0.lock().unwrap()
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some(record);
        Ok(())
    }
}

fn poll<T>(flag: &Arc<Flag>, future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    let waker = Arc::clone(flag).into();
    future.poll(&mut Context::from_waker(&waker))
}

#[test]
fn loom_no_older_permit_is_out_once_a_seal_has_returned_and_no_wake_up_is_lost() {
    loom::model(|| {
        let gate = FencingGate::in_memory(None);
        let inside = loom::sync::Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let entering = {
            let (gate, inside) = (gate.clone(), loom::sync::Arc::clone(&inside));
            thread::spawn(move || {
                let Ok(permit) = gate.try_enter(OLD) else {
                    return;
                };
                inside.fetch_add(1, loom::sync::atomic::Ordering::SeqCst);
                inside.fetch_sub(1, loom::sync::atomic::Ordering::SeqCst);
                drop(permit);
            })
        };
        let flag = Arc::new(Flag::default());
        let mut seal = std::pin::pin!(gate.seal(new()));
        let sealed = poll(&flag, seal.as_mut());
        if sealed.is_ready() {
            let count = inside.load(loom::sync::atomic::Ordering::SeqCst);
            assert_eq!(count, 0, "an older permit is out after the seal");
            assert!(gate.try_enter(OLD).is_err());
        }
        entering.join().unwrap();
        if sealed.is_pending() {
            assert!(flag.is_up(), "nobody wakes the seal");
            assert!(matches!(poll(&flag, seal.as_mut()), Poll::Ready(Ok(()))));
        }
        assert_eq!(
            (gate.snapshot().in_flight(), gate.snapshot().waiting()),
            (0, 0)
        );
    });
}

#[test]
fn loom_a_seal_that_a_later_one_overtakes_is_woken_and_refused() {
    loom::model(|| {
        let gate = FencingGate::in_memory(None);
        let permit = gate.try_enter(OLD).unwrap();
        let overtaking = {
            let gate = gate.clone();
            thread::spawn(move || drop(gate.try_enter(new().next().unwrap()).unwrap()))
        };
        let flag = Arc::new(Flag::default());
        let mut seal = std::pin::pin!(gate.seal(new()));
        let first = poll(&flag, seal.as_mut());
        overtaking.join().unwrap();
        if first.is_pending() {
            assert!(flag.is_up(), "nobody wakes the seal");
            let second = poll(&flag, seal.as_mut());
            assert!(matches!(second, Poll::Ready(Err(GateError::Stale(_)))));
        }
        drop(permit);
    });
}

#[test]
fn loom_all_who_wait_for_a_term_to_be_recorded_come_in() {
    loom::model(|| {
        let gate = FencingGate::durable(Memory::default());
        let entering = || {
            let gate = gate.clone();
            move || {
                let flag = Arc::new(Flag::default());
                let mut enter = std::pin::pin!(gate.enter(OLD));
                loop {
                    match poll(&flag, enter.as_mut()) {
                        Poll::Ready(permit) => return drop(permit.unwrap()),
                        Poll::Pending if flag.is_up() => {}
                        Poll::Pending => thread::yield_now(),
                    }
                }
            }
        };
        let other = thread::spawn(entering());
        entering()();
        other.join().unwrap();
        assert_eq!(
            (gate.snapshot().in_flight(), gate.snapshot().waiting()),
            (0, 0)
        );
    });
}
