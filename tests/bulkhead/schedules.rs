//! Random schedules of calls against a naive model of the bulkhead.
//!
//! `MAINSTAY_SEED=<n>` runs one schedule alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer, Order, Permit};
use mainstay::{Deadline, Kind, Ratio, Rng, StackError};
use tokio::sync::oneshot;
use tokio::time::{Instant, advance};
use tower::BoxError;

use crate::room::{Answer, Beside, PANICS_IN_CALL, PANICS_IN_FUTURE, Response, Room, poll};

const SCHEDULES: u64 = 10_000;
const STEPS: u32 = 50;

struct Call {
    key: u32,
    visitor: u32,
    response: Response<(u32, Permit)>,
    answer: Option<oneshot::Sender<Answer>>,
    answered: Option<bool>,
    deadline: Option<Instant>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Waiting { until: Instant },
    Granted,
    Running,
}

/// How a poll is to end.
#[derive(Debug, PartialEq)]
enum End {
    Pending,
    Answered,
    Failed,
    Refused(Kind),
    Unwound,
}

struct Schedule {
    rng: Rng,
    room: Room<Beside>,
    config: Settings,
    calls: Vec<Call>,
    /// Keys of those who wait, the oldest first.
    waiting: Vec<u32>,
    kept: Vec<Permit>,
    in_flight: u32,
    started: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Settings {
    concurrency: u32,
    queue: u32,
    wait_max: Duration,
    lifo: Option<Ratio>,
}

impl Settings {
    fn random(rng: &Rng) -> Self {
        let share = Ratio::percent(u8::try_from(below(rng, 101)).unwrap()).unwrap();
        Self {
            concurrency: 1 + below(rng, 4),
            queue: below(rng, 6),
            wait_max: millis(1 + below(rng, 400)),
            lifo: (below(rng, 2) == 0).then_some(share),
        }
    }

    fn config(self) -> BulkheadConfig {
        BulkheadConfig::default()
            .concurrency(self.concurrency)
            .queue(self.queue)
            .wait_max(self.wait_max)
            .order(self.lifo.map_or(Order::Fifo, Order::LifoUnderBacklog))
    }
}

fn below(rng: &Rng, bound: u32) -> u32 {
    u32::try_from(rng.bits() % u64::from(bound)).unwrap()
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let rng = Rng::seeded(seed);
        let config = Settings::random(&rng);
        let layer = BulkheadLayer::new("desk", config.config()).unwrap();
        Self {
            rng,
            room: Room::over(layer.hold(Beside)),
            config,
            calls: Vec::new(),
            waiting: Vec::new(),
            kept: Vec::new(),
            in_flight: 0,
            started: Vec::new(),
        }
    }

    async fn step(&mut self, key: u32) {
        match below(&self.rng, 20) {
            0..=5 => self.come(key).await,
            6..=10 => self.poll(),
            11 | 12 => self.give_up(),
            13 | 14 => self.answer(),
            15 => self.give_back(),
            16 | 17 => advance(millis(below(&self.rng, 300))).await,
            18 => self.resize(),
            _ => self.reconfigure(),
        }
        self.compare();
    }

    async fn come(&mut self, key: u32) {
        let visitor = match below(&self.rng, 12) {
            0 => PANICS_IN_CALL,
            1 => PANICS_IN_FUTURE,
            _ => key,
        };
        let now = Instant::now();
        let deadline = match below(&self.rng, 6) {
            0 => Some(now),
            1 | 2 => Some(now + millis(1 + below(&self.rng, 400))),
            _ => None,
        };
        let room = &mut self.room;
        let called = deadline
            .map_or(Deadline::NEVER, Deadline::at)
            .scope(async { catch_unwind(AssertUnwindSafe(|| room.call_as(visitor))) })
            .await;
        let refused = if deadline == Some(now) {
            Some(Kind::DeadlineExceeded)
        } else if self.waiting.is_empty() && self.in_flight < self.config.concurrency {
            None
        } else if self.waiting.len() < self.config.queue as usize {
            self.waiting.push(key);
            None
        } else {
            Some(Kind::BulkheadFull)
        };
        if let Some(kind) = refused {
            let (_, mut response) = called.expect("it was not called");
            assert_eq!(read(poll(&mut response)), End::Refused(kind));
            return;
        }
        let waits = self.waiting.last() == Some(&key);
        if !waits && visitor == PANICS_IN_CALL {
            assert!(called.is_err(), "the panic came through");
            return;
        }
        let stage = if waits {
            let until = now + self.config.wait_max;
            Stage::Waiting { until }
        } else {
            self.in_flight += 1;
            self.started.push(visitor);
            Stage::Running
        };
        let (answer, response) = called.expect("no panic");
        self.calls.push(Call {
            key,
            visitor,
            response,
            answer: Some(answer),
            answered: None,
            deadline,
            stage,
        });
    }

    fn any(&mut self) -> Option<Call> {
        let count = u32::try_from(self.calls.len()).unwrap();
        (count > 0).then(|| self.calls.remove(below(&self.rng, count) as usize))
    }

    /// What a poll of `call` ends with, by the model.
    fn expected(&mut self, call: &mut Call) -> End {
        let now = Instant::now();
        let is_dead = call.deadline.is_some_and(|deadline| deadline <= now);
        match call.stage {
            Stage::Waiting { .. } | Stage::Granted if is_dead => {
                return End::Refused(Kind::DeadlineExceeded);
            }
            Stage::Waiting { until } if until <= now => return End::Refused(Kind::QueueTimeout),
            Stage::Waiting { .. } => return End::Pending,
            Stage::Granted if call.visitor == PANICS_IN_CALL => return End::Unwound,
            Stage::Granted => {
                call.stage = Stage::Running;
                self.started.push(call.visitor);
            }
            Stage::Running => {}
        }
        match call.answered {
            _ if call.visitor == PANICS_IN_FUTURE => End::Unwound,
            Some(true) => End::Answered,
            Some(false) => End::Failed,
            None => End::Pending,
        }
    }

    fn poll(&mut self) {
        let Some(mut call) = self.any() else {
            return;
        };
        let expected = self.expected(&mut call);
        let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut call.response)));
        let end = match polled {
            Ok(Poll::Ready(Ok((_, permit)))) => {
                self.kept.push(permit);
                End::Answered
            }
            Ok(other) => read(other),
            Err(_) => End::Unwound,
        };
        assert_eq!(end, expected, "{:?} at {:?}", call.stage, Instant::now());
        match end {
            End::Pending => self.calls.push(call),
            End::Answered => {}
            End::Failed | End::Refused(_) | End::Unwound => self.forget(call),
        }
    }

    /// A call that is over, or given up.
    fn forget(&mut self, call: Call) {
        let (key, stage) = (call.key, call.stage);
        drop(call);
        match stage {
            Stage::Waiting { .. } => self.waiting.retain(|waits| *waits != key),
            Stage::Granted | Stage::Running => {
                self.in_flight -= 1;
                self.hand_over();
            }
        }
    }

    fn give_up(&mut self) {
        if let Some(call) = self.any() {
            self.forget(call);
        }
    }

    fn answer(&mut self) {
        let Some(mut call) = self.any() else {
            return;
        };
        let is_ok = below(&self.rng, 2) == 0;
        let answer = if is_ok { Ok(0) } else { Err("no".into()) };
        if let Some(sender) = call.answer.take() {
            sender.send(answer).expect("it is alive");
            call.answered = Some(is_ok);
        }
        self.calls.push(call);
    }

    fn give_back(&mut self) {
        if self.kept.pop().is_some() {
            self.in_flight -= 1;
            self.hand_over();
        }
    }

    fn resize(&mut self) {
        self.config.concurrency = 1 + below(&self.rng, 4);
        self.room.handle.resize(self.config.concurrency).unwrap();
        self.hand_over();
    }

    fn reconfigure(&mut self) {
        self.config = Settings::random(&self.rng);
        let config = self.config.config();
        self.room.handle.reconfigure(config).unwrap();
        self.hand_over();
    }

    fn hand_over(&mut self) {
        while self.in_flight < self.config.concurrency && !self.waiting.is_empty() {
            let count = self.waiting.len();
            let is_backlog = |share: Ratio| count as u64 > share.of(u64::from(self.config.queue));
            let newest = self.config.lifo.is_some_and(is_backlog);
            let key = self.waiting.remove(if newest { count - 1 } else { 0 });
            let call = self.calls.iter_mut().find(|call| call.key == key);
            call.expect("it waits").stage = Stage::Granted;
            self.in_flight += 1;
        }
    }

    fn compare(&self) {
        let waiting = u32::try_from(self.waiting.len()).unwrap();
        assert_eq!(self.room.counts(), (self.in_flight, waiting));
        assert_eq!(self.room.desk.started(), self.started);
    }

    fn end(mut self) {
        self.kept.clear();
        self.calls.clear();
        assert_eq!(self.room.counts(), (0, 0), "all is given back");
        let (_, mut response) = self.room.call_as(0);
        assert!(poll(&mut response).is_pending());
        assert_eq!(self.room.counts(), (1, 0), "and can be had again");
    }
}

fn read(polled: Poll<Result<(u32, Permit), BoxError>>) -> End {
    match polled {
        Poll::Pending => End::Pending,
        Poll::Ready(Ok(_)) => End::Answered,
        Poll::Ready(Err(error)) => error
            .rejection()
            .map_or(End::Failed, |refused| End::Refused(refused.kind())),
    }
}

/// Says which schedule it was that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("re-run with MAINSTAY_SEED={}", self.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_random_schedules_agree_with_the_model() {
    let one = std::env::var("MAINSTAY_SEED").ok();
    let one = one.map(|seed| seed.parse::<u64>().expect("MAINSTAY_SEED is a number"));
    for seed in one.map_or(0..SCHEDULES, |seed| seed..seed + 1) {
        let _seed = Seed(seed);
        let mut schedule = Schedule::new(seed);
        for key in 0..STEPS {
            schedule.step(key).await;
        }
        schedule.end();
    }
}
