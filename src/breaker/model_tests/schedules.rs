//! Random schedules against the model. A failure prints its seed; `MAINSTAY_SEED=<seed>` runs it alone.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::classify::{Failure, Pushback};
use crate::time::{self, Instant};
use crate::{Ratio, Rng};

use crate::breaker::circuit::Circuit;
use crate::breaker::permit::Permit;
use crate::breaker::policy::Policy;
use crate::breaker::ruling::Change;
use crate::breaker::source::Source;
use crate::breaker::{BreakerConfig, Cancelled, OnPushback, State, Window};

use super::model::{Call, Mode, Model};

const SCHEDULES: u64 = 10_000;
const STEPS: u64 = 80;
const SECOND: Duration = Duration::from_secs(1);

struct Fake {
    now: Cell<Instant>,
}

impl Source for Fake {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn draw(&self) -> u64 {
        0
    }
}

struct Run {
    rng: Rng,
    source: Fake,
    circuit: Circuit,
    model: Model,
    calls: Vec<(Permit, Call)>,
    changes: u64,
    next_id: u64,
}

/// Names the seed when a schedule panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with MAINSTAY_SEED={}", self.0);
        }
    }
}

#[test]
fn ten_thousand_random_schedules_do_what_the_model_does() {
    let only = std::env::var("MAINSTAY_SEED").ok();
    let only = only.map(|seed| seed.parse::<u64>().expect("a number"));
    let seeds = only.map_or(0..SCHEDULES, |seed| seed..seed + 1);
    let mut states = std::collections::HashMap::<State, u64>::new();
    for seed in seeds {
        let named = Seed(seed);
        let mut run = Run::new(Rng::seeded(seed));
        for _ in 0..STEPS {
            run.step();
            *states.entry(run.model.state()).or_default() += 1;
        }
        run.after_enough_time_a_call_is_admitted();
        drop(named);
    }
    if only.is_none() {
        // The schedules reach every state, and often.
        assert!(
            State::ALL.iter().all(|state| states[state] > SCHEDULES),
            "{states:?}"
        );
    }
}

impl Run {
    fn new(rng: Rng) -> Self {
        let now = time::now();
        let config = random_config(&rng);
        Self {
            source: Fake {
                now: Cell::new(now),
            },
            circuit: Circuit::new(config.clone(), now).unwrap(),
            model: Model::new(config),
            calls: Vec::new(),
            changes: 0,
            next_id: 0,
            rng,
        }
    }

    fn below(&self, end: u64) -> u64 {
        self.rng.bits() % end
    }

    fn step(&mut self) {
        match self.below(100) {
            0..45 => self.admit(),
            45..72 => self.settle(),
            72..78 => self.cancel(),
            78..81 => self.release(),
            81..95 => self.pass(),
            95 => self.steer(Policy::force_open, Model::force_open),
            96 => self.steer(Policy::disable, Model::disable),
            97 => self.steer(Policy::reset, Model::reset),
            98 => {
                let (time, now) = (random_duration(&self.rng), self.source.now());
                self.steer(
                    |policy| policy.open_for(time, now),
                    |model| model.open_for(time),
                );
            }
            _ => {
                let config = random_config(&self.rng);
                self.circuit.reconfigure(config.clone()).unwrap();
                self.model.reconfigure(config);
            }
        }
        self.compare();
    }

    fn admit(&mut self) {
        self.next_id += 1;
        let (peeked, news) = self.circuit.peek(&self.source);
        self.changes += news.changes.into_iter().flatten().count() as u64;
        let (admission, news) = self.circuit.admit(&self.source);
        self.changes += news.changes.into_iter().flatten().count() as u64;
        let ramps = matches!(self.model.mode, Mode::Closed(Some(_)));
        let expected = self.model.admit(self.next_id);
        assert_eq!(admission.is_ok(), expected.is_some());
        // Readiness says what the call then finds, but for the share a ramp refuses.
        assert!(ramps || peeked.is_ok() == admission.is_ok());
        match (admission, expected, &self.model.mode) {
            (Ok(permit), Some(call), _) => self.calls.push((permit, call)),
            (Err(refused), _, Mode::Open(until)) => {
                let left = (*until != u128::MAX).then(|| *until - self.model.now);
                assert_eq!(refused.0.map(u128::from), left);
            }
            _ => {}
        }
    }

    fn take(&mut self) -> Option<(Permit, Call)> {
        if self.calls.is_empty() {
            return None;
        }
        let index = usize::try_from(self.below(self.calls.len() as u64)).unwrap();
        Some(self.calls.swap_remove(index))
    }

    fn settle(&mut self) {
        let Some((permit, call)) = self.take() else {
            return;
        };
        let asked = random_duration(&self.rng);
        let failed = match self.below(20) {
            0..8 => None,
            8 => Some(Pushback::After(asked)),
            9 => Some(Pushback::Never),
            _ => Some(Pushback::None),
        };
        let failure = failed.map(|pushback| Failure::transient().pushback(pushback));
        // As services do: most successes are recorded without a lock.
        if failed.is_some() || !self.circuit.succeed(&permit, &self.source) {
            let (_, news) = self.circuit.settle(&permit, failure, &self.source);
            self.changes += news.changes.into_iter().flatten().count() as u64;
        }
        self.model.settle(call, failed);
    }

    fn cancel(&mut self) {
        if let Some((permit, call)) = self.take() {
            let (_, news) = self.circuit.cancel(&permit, &self.source);
            self.changes += news.changes.into_iter().flatten().count() as u64;
            self.model.cancel(call);
        }
    }

    fn release(&mut self) {
        if let Some((permit, call)) = self.take() {
            let news = self.circuit.release(&permit, &self.source);
            self.changes += news.changes.into_iter().flatten().count() as u64;
            self.model.release(call);
        }
    }

    fn pass(&mut self) {
        let wait = match self.below(6) {
            0 => Duration::from_nanos(self.below(1_000)),
            1 => Duration::from_nanos(self.below(1_000_000_000)),
            2..5 => Duration::from_nanos(self.below(20_000_000_000)),
            _ => SECOND * u32::try_from(self.below(86_400 * 30)).unwrap(),
        };
        self.move_on(wait);
    }

    fn move_on(&mut self, wait: Duration) {
        self.source.now.set(self.source.now() + wait);
        self.model.now += wait.as_nanos();
    }

    fn steer(&mut self, real: impl FnOnce(&mut Policy) -> Change, model: impl FnOnce(&mut Model)) {
        let news = self.circuit.steer(real);
        self.changes += news.changes.into_iter().flatten().count() as u64;
        model(&mut self.model);
    }

    fn compare(&mut self) {
        if self.below(4) == 0 {
            let (snapshot, news) = self.circuit.snapshot(&self.source);
            self.changes += news.changes.into_iter().flatten().count() as u64;
            self.model.lapse();
            let (calls, failures, slow) = self.model.counts();
            assert_eq!(
                (snapshot.calls(), snapshot.failures(), snapshot.slow()),
                (calls, failures, slow)
            );
            assert_eq!(snapshot.failed_probations(), self.model.failed_probations);
            assert_eq!(snapshot.consecutive_failures(), self.model.in_a_row);
            assert_eq!(snapshot.stale(), self.model.stale);
            if let Mode::HalfOpen(probation) = &self.model.mode {
                assert_eq!(snapshot.probes_in_flight(), probation.live.len());
                let taken = probation.live.len() + probation.successes + probation.failures;
                assert!(taken <= probation.allowed, "P1");
            }
        }
        assert_eq!(self.circuit.state(), self.model.state());
        // Each change has an epoch of its own, and each is told once (B1).
        assert_eq!(self.changes, self.model.epoch);
    }

    /// B4: whatever is in flight now hangs for ever.
    fn after_enough_time_a_call_is_admitted(&mut self) {
        let config = self.model.config.clone();
        let waits = [config.probe_lease, config.open_max];
        let never = match &self.model.mode {
            Mode::Forced => true,
            Mode::Open(until) => *until > self.model.now + SECOND.as_nanos() * 1_000_000_000,
            Mode::HalfOpen(probation) => probation.live.iter().any(|(_, ends)| *ends == u128::MAX),
            Mode::Closed(_) | Mode::Disabled => false,
        };
        if never || waits.contains(&Duration::MAX) {
            return;
        }
        self.move_on(SECOND * 1_000_000_000);
        let before = self.calls.len();
        self.admit();
        // Only a ramp without end may refuse its share.
        let ramps = matches!(self.model.mode, Mode::Closed(Some(_)));
        assert!(ramps || self.calls.len() > before, "wedged");
    }
}

fn random_duration(rng: &Rng) -> Duration {
    match rng.bits() % 8 {
        0 => Duration::from_nanos(1),
        1 => Duration::from_millis(1),
        2 => Duration::MAX,
        3 => SECOND * 100_000_000,
        _ => Duration::from_millis(1 + rng.bits() % 20_000),
    }
}

fn random_config(rng: &Rng) -> BreakerConfig {
    let below = |end: u64| rng.bits() % end;
    let small = |end: u64| u8::try_from(below(end)).unwrap();
    let ratio = || Ratio::percent(1 + u8::try_from(rng.bits() % 100).unwrap()).unwrap();
    let window = if below(2) == 0 {
        Window::Count {
            calls: 5 + u32::try_from(below(20)).unwrap(),
        }
    } else {
        Window::Time {
            length: random_duration(rng).max(Duration::from_millis(1)),
            buckets: 1 + small(120),
        }
    };
    let probes = 1 + small(6);
    let (one, other) = (random_duration(rng), random_duration(rng));
    let limit = NonZeroU32::new(1 + u32::try_from(below(6)).unwrap());
    let ramp = (below(3) == 0).then(|| random_duration(rng));
    let floor = Ratio::percent(small(101)).unwrap();
    BreakerConfig::default()
        .window(window)
        .volume_min(1 + u32::try_from(below(5)).unwrap())
        .failure_ratio((below(4) > 0).then(ratio))
        .slow_ratio((below(3) == 0).then(ratio))
        .slow_duration(random_duration(rng))
        .consecutive_failures(limit.filter(|_| below(3) == 0))
        .open_base(one.min(other))
        .open_max(one.max(other))
        .jitter(ratio())
        .pushback([OnPushback::Trip, OnPushback::Extend, OnPushback::Ignore][usize::from(small(3))])
        .probes(probes)
        .probe_successes(1 + small(u64::from(probes)))
        .probe_lease(random_duration(rng))
        .ramp(ramp.filter(|ramp| *ramp != Duration::MAX || floor > Ratio::ZERO))
        .ramp_floor(floor)
        .cancelled(match below(3) {
            0 => Cancelled::Ignore,
            1 => Cancelled::Failure,
            _ => Cancelled::FailureAfter(random_duration(rng)),
        })
}
