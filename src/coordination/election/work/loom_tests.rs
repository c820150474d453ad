use std::sync::Arc;
use std::task::Wake;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::*;
use crate::coordination::Moment;
use crate::coordination::election::until::Until;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Model {
    until: Until,
    work: Work,
    is_at_work: AtomicBool,
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            until: Until::new(Moment::from_origin(std::time::Duration::MAX)),
            work: Work::default(),
            is_at_work: AtomicBool::new(false),
        })
    }

    fn is_valid(&self) -> bool {
        self.until.left(|| Moment::ORIGIN).is_some()
    }

    /// One poll of a guarded future.
    fn work(&self) {
        self.work.begin();
        if self.is_valid() {
            self.is_at_work.store(true, Ordering::SeqCst);
            self.is_at_work.store(false, Ordering::SeqCst);
        }
        self.work.end();
    }
}

#[test]
fn loom_w1_w2_after_a_join_nothing_works_and_the_last_that_ended_woke_it() {
    loom::model(|| {
        let model = Model::new();
        let workers = [(); 2].map(|()| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.work())
        });
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        assert!(model.until.give_up().is_some());
        model.work.wake_all();
        let joined = model.work.poll_joined(&waker);
        if joined.is_ready() {
            assert!(!model.is_at_work.load(Ordering::SeqCst));
        }
        for worker in workers {
            worker.join().unwrap();
        }
        if joined.is_pending() {
            assert!(flag.0.load(Ordering::SeqCst), "nobody wakes the join");
            assert!(model.work.poll_joined(&waker).is_ready());
        }
    });
}

#[test]
fn loom_w2_work_that_ends_while_it_is_joined_wakes_the_join() {
    loom::model(|| {
        let model = Model::new();
        // Begun before the threads part, so that few preemptions are enough.
        model.work.begin();
        let ending = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.work.end())
        };
        let flag = Arc::new(Flag::default());
        let joined = model.work.poll_joined(&Arc::clone(&flag).into());
        ending.join().unwrap();
        if joined.is_pending() {
            assert!(flag.0.load(Ordering::SeqCst), "nobody wakes the join");
        }
    });
}

#[test]
fn loom_w1_who_begins_once_a_join_has_returned_sees_that_it_is_over() {
    loom::model(|| {
        let model = Model::new();
        let joining = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                model.until.give_up();
                let joined = model.work.poll_joined(Waker::noop()).is_ready();
                assert!(!joined || !model.is_at_work.load(Ordering::SeqCst));
                joined
            })
        };
        model.work();
        if joining.join().unwrap() {
            assert!(!model.is_valid());
        }
    });
}

#[test]
fn loom_whoever_waits_while_the_term_is_given_up_is_woken_or_sees_it() {
    loom::model(|| {
        let model = Model::new();
        let ending = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                model.until.give_up();
                model.work.wake_all();
            })
        };
        let flag = Arc::new(Flag::default());
        let mut place = Place::default();
        model.work.wait(&mut place, &Arc::clone(&flag).into());
        let saw = !model.is_valid();
        ending.join().unwrap();
        assert!(saw || flag.0.load(Ordering::SeqCst), "nobody wakes it");
        model.work.leave(&mut place);
    });
}
