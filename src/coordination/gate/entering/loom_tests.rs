use std::task::{Wake, Waker};

use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::thread;

use super::*;
use crate::coordination::FencingGate;

const OLD: FencingToken = FencingToken::FIRST;

/// Notes that it was called.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn loom_nobody_is_inside_alone_beside_a_clone_and_no_wake_up_is_lost() {
    loom::model(|| {
        let gate = FencingGate::in_memory(None);
        let old = gate.try_enter(OLD).unwrap();
        let leaving = thread::spawn(move || {
            let clone = old.clone();
            drop(old);
            drop(clone);
        });
        let new = OLD.next().unwrap();
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut entering = gate.entering(new, Beside::Nothing);
        let first = entering.poll(&Context::from_waker(&waker));
        if first.is_ready() {
            assert_eq!(gate.snapshot().older(), 0, "a clone is inside still");
        }
        leaving.join().unwrap();
        if first.is_pending() {
            assert!(flag.0.load(SeqCst), "nobody wakes who waits");
            let second = entering.poll(&Context::from_waker(&waker));
            assert!(matches!(second, Poll::Ready(Ok(_))));
        }
        drop((first, entering));
        let snapshot = gate.snapshot();
        assert_eq!((snapshot.in_flight(), snapshot.waiting()), (0, 0));
    });
}
