//! The semaphore against a naive model of it, over random schedules.
//!
//! `MAINSTAY_SEED=<n>` runs one schedule alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use super::semaphore::{Entry, Semaphore};
use super::waiters::Ticket;
use super::{BulkheadConfig, Order};
use crate::{Ratio, Rng};

const SCHEDULES: u64 = 10_000;
const STEPS: u32 = 60;

/// Everything is counted afresh at each step.
struct Model {
    config: BulkheadConfig,
    in_flight: u32,
    /// Oldest first.
    waiting: Vec<u64>,
    granted: Vec<u64>,
}

impl Model {
    fn hand_over(&mut self) {
        while self.in_flight < self.config.concurrency && !self.waiting.is_empty() {
            let newest = match self.config.order {
                Order::Fifo => false,
                Order::LifoUnderBacklog(share) => {
                    self.waiting.len() as u64 > share.of(self.config.queue.into())
                }
            };
            let at = if newest { self.waiting.len() - 1 } else { 0 };
            self.granted.push(self.waiting.remove(at));
            self.in_flight += 1;
        }
    }
}

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        assert!(!self.0.swap(true, Ordering::Relaxed), "rung once");
    }
}

struct Waiter {
    id: u64,
    ticket: Ticket,
    bell: Option<Arc<Bell>>,
}

struct Schedule {
    rng: Rng,
    semaphore: Semaphore,
    model: Model,
    waiters: Vec<Waiter>,
    permits: u32,
    most_places: usize,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let rng = Rng::seeded(seed);
        let config = Self::config(&rng);
        Self {
            semaphore: Semaphore::new(config.clone()),
            model: Model {
                config,
                in_flight: 0,
                waiting: Vec::new(),
                granted: Vec::new(),
            },
            rng,
            waiters: Vec::new(),
            permits: 0,
            most_places: 0,
        }
    }

    fn below(rng: &Rng, bound: u64) -> u32 {
        u32::try_from(rng.bits() % bound).unwrap()
    }

    fn config(rng: &Rng) -> BulkheadConfig {
        let share = Ratio::percent(u8::try_from(Self::below(rng, 101)).unwrap()).unwrap();
        let order = [Order::Fifo, Order::LifoUnderBacklog(share)];
        BulkheadConfig::default()
            .concurrency(1 + Self::below(rng, 5))
            .queue(Self::below(rng, 8))
            .order(order[Self::below(rng, 2) as usize])
    }

    fn step(&mut self, id: u64) {
        match Self::below(&self.rng, 16) {
            0..=5 => self.come(id),
            6..=8 => self.ask(),
            9..=10 => self.leave(),
            11..=14 => self.give_back(),
            _ => self.reconfigure(),
        }
        self.compare();
    }

    fn come(&mut self, id: u64) {
        let model = &mut self.model;
        match self.semaphore.enter() {
            Entry::Permit => {
                assert!(model.waiting.is_empty(), "nobody comes in past who waits");
                assert!(model.in_flight < model.config.concurrency);
                model.in_flight += 1;
                self.permits += 1;
            }
            Entry::Queued(ticket, _) => {
                assert!(
                    model.in_flight >= model.config.concurrency,
                    "no permit is free"
                );
                assert!(model.waiting.len() < model.config.queue as usize);
                model.waiting.push(id);
                self.waiters.push(Waiter {
                    id,
                    ticket,
                    bell: None,
                });
            }
            Entry::Full { .. } => {
                assert!(
                    model.in_flight >= model.config.concurrency,
                    "no permit is free"
                );
                assert!(model.waiting.len() >= model.config.queue as usize);
            }
        }
    }

    fn any_waiter(&mut self) -> Option<Waiter> {
        let count = self.waiters.len() as u64;
        (count > 0).then(|| {
            let at = Self::below(&self.rng, count) as usize;
            self.waiters.remove(at)
        })
    }

    fn ask(&mut self) {
        let Some(mut waiter) = self.any_waiter() else {
            return;
        };
        let bell = Arc::new(Bell::default());
        let has_turn = self
            .semaphore
            .has_turn(&waiter.ticket, &Waker::from(Arc::clone(&bell)));
        let granted = self.model.granted.iter().position(|id| *id == waiter.id);
        assert_eq!(has_turn, granted.is_some(), "whose turn it is");
        if let Some(at) = granted {
            self.model.granted.remove(at);
            self.permits += 1;
        } else {
            waiter.bell = Some(bell);
            self.waiters.push(waiter);
        }
    }

    fn leave(&mut self) {
        let Some(waiter) = self.any_waiter() else {
            return;
        };
        self.semaphore.leave(waiter.ticket);
        if let Some(at) = self.model.granted.iter().position(|id| *id == waiter.id) {
            self.model.granted.remove(at);
            self.model.in_flight -= 1;
            self.model.hand_over();
        } else {
            self.model.waiting.retain(|id| *id != waiter.id);
        }
    }

    fn give_back(&mut self) {
        if self.permits > 0 {
            self.permits -= 1;
            self.semaphore.release();
            self.model.in_flight -= 1;
            self.model.hand_over();
        }
    }

    fn reconfigure(&mut self) {
        let new = Self::config(&self.rng);
        self.model.config = new.clone();
        self.semaphore.reconfigure(|config| *config = new);
        self.model.hand_over();
    }

    fn compare(&mut self) {
        let (model, seen) = (&self.model, self.semaphore.snapshot());
        assert_eq!(seen.in_flight, model.in_flight);
        assert_eq!(seen.waiting as usize, model.waiting.len());
        assert_eq!(
            model.in_flight as usize,
            self.permits as usize + model.granted.len()
        );
        for waiter in &self.waiters {
            let granted = model.granted.contains(&waiter.id);
            if let Some(bell) = &waiter.bell {
                assert_eq!(bell.0.load(Ordering::Relaxed), granted, "rung when granted");
            }
        }
        let (used, places) = self.semaphore.slots();
        assert_eq!(
            used,
            self.waiters.len(),
            "a place for each who has a ticket"
        );
        self.most_places = self.most_places.max(used);
        assert_eq!(
            places, self.most_places,
            "and no more than were ever in use"
        );
    }

    fn end(mut self) {
        while let Some(waiter) = self.waiters.pop() {
            self.waiters.push(waiter);
            self.leave();
        }
        while self.permits > 0 {
            self.give_back();
        }
        self.compare();
        assert_eq!((self.model.in_flight, self.semaphore.slots().0), (0, 0));
    }
}

#[test]
fn ten_thousand_random_schedules_agree_with_the_model() {
    let one = std::env::var("MAINSTAY_SEED").ok();
    let one = one.map(|seed| seed.parse::<u64>().expect("MAINSTAY_SEED is a number"));
    let seeds = one.map_or(0..SCHEDULES, |seed| seed..seed + 1);
    for seed in seeds {
        let ran = std::panic::catch_unwind(|| {
            let mut schedule = Schedule::new(seed);
            (0..u64::from(STEPS)).for_each(|id| schedule.step(id));
            schedule.end();
        });
        assert!(ran.is_ok(), "re-run with MAINSTAY_SEED={seed}");
    }
}
