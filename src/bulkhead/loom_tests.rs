//! The semaphore under every interleaving of a few threads.

use std::sync::Arc as StdArc;
use std::task::{Wake, Waker};

use loom::cell::Cell;
use loom::sync::{Arc, Notify};
use loom::thread;

use super::BulkheadConfig;
use super::semaphore::{Entry, Semaphore};
use super::waiters::Ticket;
use crate::sync::atomic::{AtomicU32, Ordering};

/// A semaphore, and the calls inside it counted apart.
struct Room {
    semaphore: Semaphore,
    inside: AtomicU32,
    most: u32,
    /// What only one may touch: loom fails the test if it was touched without seeing the touch before.
    touched: Cell<u32>,
}

impl Room {
    fn new(concurrency: u32, most: u32) -> Arc<Self> {
        let config = BulkheadConfig::default().concurrency(concurrency).queue(8);
        Arc::new(Self {
            semaphore: Semaphore::new(config),
            inside: AtomicU32::new(0),
            most,
            touched: Cell::new(0),
        })
    }

    /// Comes in, waiting if it must: loom fails the test if it waits for ever.
    fn enter(&self) {
        match self.semaphore.enter() {
            Entry::Permit => {}
            Entry::Queued(ticket, _) => self.wait(&ticket),
            Entry::Full { .. } => panic!("there is room in the queue"),
        }
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        assert!(before < self.most, "{before} were inside already");
        if self.most == 1 {
            self.touched.set(self.touched.get() + 1);
        }
    }

    fn wait(&self, ticket: &Ticket) {
        let bell = StdArc::new(Bell(Notify::new()));
        let waker = Waker::from(StdArc::clone(&bell));
        while !self.semaphore.has_turn(ticket, &waker) {
            bell.0.wait();
        }
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::Relaxed);
        self.semaphore.release();
    }

    fn is_empty(&self) -> bool {
        let seen = self.semaphore.snapshot();
        (seen.in_flight, seen.waiting, self.semaphore.slots().0) == (0, 0, 0)
    }
}

struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: StdArc<Self>) {
        self.0.notify();
    }
}

fn spawn(room: &Arc<Room>, run: impl FnOnce(&Room) + 'static) -> thread::JoinHandle<()> {
    let room = Arc::clone(room);
    thread::spawn(move || run(&room))
}

fn passes(room: &Room) {
    room.enter();
    room.leave();
}

/// Comes, and goes before it was polled, whatever it was given.
fn gives_up(room: &Room) {
    match room.semaphore.enter() {
        Entry::Permit => room.semaphore.release(),
        Entry::Queued(ticket, _) => room.semaphore.leave(ticket),
        Entry::Full { .. } => panic!("there is room in the queue"),
    }
}

#[test]
fn loom_each_who_waits_gets_its_turn_and_never_two_at_once() {
    loom::model(|| {
        let room = Room::new(1, 1);
        let others = [spawn(&room, passes), spawn(&room, passes)];
        passes(&room);
        for other in others {
            other.join().unwrap();
        }
        assert!(room.is_empty());
    });
}

#[test]
fn loom_who_gives_up_hands_on_what_it_was_granted() {
    loom::model(|| {
        let room = Room::new(1, 1);
        let others = [spawn(&room, gives_up), spawn(&room, passes)];
        passes(&room);
        for other in others {
            other.join().unwrap();
        }
        assert!(room.is_empty());
    });
}

#[test]
fn loom_a_raised_limit_reaches_who_waits() {
    loom::model(|| {
        let room = Room::new(1, 2);
        room.enter();
        let other = spawn(&room, |room| {
            room.enter();
            room.leave();
        });
        room.semaphore.reconfigure(|config| config.concurrency = 2);
        // Nobody leaves until the other has come in beside.
        other.join().unwrap();
        room.leave();
        assert!(room.is_empty());
    });
}

#[test]
fn loom_a_lowered_limit_holds_from_then_on() {
    loom::model(|| {
        let room = Room::new(2, 2);
        let others = [spawn(&room, passes), spawn(&room, passes)];
        room.semaphore.reconfigure(|config| config.concurrency = 1);
        for other in others {
            other.join().unwrap();
        }
        room.enter();
        let late = spawn(&room, |room| {
            let entry = room.semaphore.enter();
            assert!(!matches!(entry, Entry::Permit), "one of one is inside");
            if let Entry::Queued(ticket, _) = entry {
                room.semaphore.leave(ticket);
            }
        });
        late.join().unwrap();
        room.leave();
        assert!(room.is_empty());
    });
}
