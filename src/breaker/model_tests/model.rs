//! A breaker written for reading: it keeps every call for ever, counts whole lists, and knows no lock,
//! no stripe and no packed word. The stress test holds the real one against it.

use std::time::Duration;

use crate::breaker::{BreakerConfig, Cancelled, OnPushback, State, Window};
use crate::{Pushback, Ratio};

/// Nanoseconds since the beginning.
pub(super) type Time = u128;

const NEVER: Time = Time::MAX;

pub(super) struct Model {
    pub(super) config: BreakerConfig,
    pub(super) now: Time,
    pub(super) mode: Mode,
    pub(super) epoch: u64,
    pub(super) failed_probations: u32,
    pub(super) stale: u64,
    pub(super) in_a_row: u32,
    kept: Vec<Kept>,
}

#[derive(Clone, Copy)]
struct Kept {
    at: Time,
    failed: bool,
    slow: bool,
}

pub(super) enum Mode {
    Closed(Option<Ramp>),
    Open(Time),
    HalfOpen(Probation),
    Forced,
    Disabled,
}

pub(super) struct Ramp {
    from: Time,
    length: Time,
    floor: Ratio,
    credit: u128,
}

pub(super) struct Probation {
    pub(super) allowed: usize,
    needed: usize,
    pub(super) live: Vec<(u64, Time)>,
    pub(super) successes: usize,
    pub(super) failures: usize,
}

/// A call that was admitted.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) id: u64,
    epoch: u64,
    probe: bool,
    started: Option<Time>,
}

impl Model {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            now: 0,
            mode: Mode::Closed(None),
            epoch: 0,
            failed_probations: 0,
            stale: 0,
            in_a_row: 0,
            kept: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> State {
        match self.mode {
            Mode::Closed(_) => State::Closed,
            Mode::Open(_) => State::Open,
            Mode::HalfOpen(_) => State::HalfOpen,
            Mode::Forced => State::ForcedOpen,
            Mode::Disabled => State::Disabled,
        }
    }

    /// Calls, failures and slow calls in the window.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let seen: Vec<_> = match self.config.window {
            Window::Count { calls } => {
                let calls = calls as usize;
                self.kept.iter().rev().take(calls).collect()
            }
            Window::Time { length, buckets } => {
                let nanos = length.as_nanos().min(u128::from(u64::MAX));
                let width = nanos.div_ceil(u128::from(buckets));
                let fresh = |kept: &&Kept| kept.at / width + u128::from(buckets) > self.now / width;
                self.kept.iter().filter(fresh).collect()
            }
        };
        let count = |of: fn(&Kept) -> bool| seen.iter().filter(|kept| of(kept)).count() as u64;
        (
            count(|_| true),
            count(|kept| kept.failed),
            count(|kept| kept.slow),
        )
    }

    pub(super) fn lapse(&mut self) {
        let now = self.now;
        let Mode::HalfOpen(probation) = &mut self.mode else {
            return;
        };
        let lapsed: Vec<_> = probation
            .live
            .iter()
            .filter(|(_, ends)| *ends <= now)
            .copied()
            .collect();
        probation.live.retain(|(_, ends)| *ends > now);
        probation.failures += lapsed.len();
        if probation.failures > probation.allowed - probation.needed {
            let last = lapsed.iter().map(|(_, ends)| *ends).max();
            if let Some(last) = last {
                self.reopen(last, None);
            }
        }
    }

    pub(super) fn admit(&mut self, id: u64) -> Option<Call> {
        self.lapse();
        let now = self.now;
        let mut probe = false;
        match &mut self.mode {
            Mode::Closed(None) | Mode::Disabled | Mode::HalfOpen(_) => {}
            Mode::Forced => return None,
            Mode::Closed(Some(ramp)) => {
                let elapsed = now - ramp.from;
                if elapsed >= ramp.length {
                    self.mode = Mode::Closed(None);
                } else {
                    let floor = u128::from(ramp.floor.millionths());
                    ramp.credit += floor + (1_000_000 - floor) * elapsed / ramp.length;
                    if ramp.credit < 1_000_000 {
                        return None;
                    }
                    ramp.credit -= 1_000_000;
                }
            }
            Mode::Open(until) if *until > now => return None,
            Mode::Open(_) => {
                self.enter(Mode::HalfOpen(Probation {
                    allowed: usize::from(self.config.probes),
                    needed: usize::from(self.config.probe_successes),
                    live: Vec::new(),
                    successes: 0,
                    failures: 0,
                }));
            }
        }
        if let Mode::HalfOpen(probation) = &mut self.mode {
            if probation.live.len() + probation.successes + probation.failures >= probation.allowed
            {
                return None;
            }
            let ends = later(now, self.config.probe_lease);
            probation.live.push((id, ends));
            probe = true;
        }
        let timed = probe
            || self.config.slow_ratio.is_some()
            || matches!(self.config.cancelled, Cancelled::FailureAfter(_));
        Some(Call {
            id,
            epoch: self.epoch,
            probe,
            started: timed.then_some(now),
        })
    }

    /// The call ended: `None` is well.
    pub(super) fn settle(&mut self, call: Call, failed: Option<Pushback>) {
        let took = call.started.map_or(0, |started| self.now - started);
        let slow = call.started.is_some()
            && self.config.slow_ratio.is_some()
            && self.config.slow_duration != Duration::MAX
            && took >= self.config.slow_duration.as_nanos();
        let asked = match failed {
            Some(Pushback::After(asked)) => Some(asked.min(self.config.open_max)),
            _ => None,
        };
        let trips =
            asked.is_some_and(|asked| !asked.is_zero()) && self.config.pushback == OnPushback::Trip;
        if call.probe {
            self.lapse();
            return self.settle_probe(call, failed.is_none() && !slow, asked, trips);
        }
        if call.epoch != self.epoch {
            self.stale += 1;
            return;
        }
        if self.config.failure_ratio.is_some() || self.config.slow_ratio.is_some() {
            self.kept.push(Kept {
                at: self.now,
                failed: failed.is_some(),
                slow,
            });
        }
        if self.config.consecutive_failures.is_some() {
            self.in_a_row = if failed.is_some() {
                self.in_a_row + 1
            } else {
                0
            };
        }
        if (failed.is_some() || slow) && matches!(self.mode, Mode::Closed(_)) {
            if trips {
                self.enter(Mode::Open(later(self.now, asked.unwrap_or_default())));
            } else if self.is_too_bad() {
                self.enter(Mode::Open(later(self.now, self.open_time(asked))));
            }
        }
    }

    fn settle_probe(&mut self, call: Call, good: bool, asked: Option<Duration>, trips: bool) {
        let now = self.now;
        let epoch = self.epoch;
        let Mode::HalfOpen(probation) = &mut self.mode else {
            self.stale += 1;
            return;
        };
        let held = probation.live.iter().position(|(id, _)| *id == call.id);
        let Some(held) = held.filter(|_| epoch == call.epoch) else {
            self.stale += 1;
            return;
        };
        probation.live.remove(held);
        if good {
            probation.successes += 1;
            if probation.successes == probation.needed {
                self.failed_probations = 0;
                let floor = self.config.ramp_floor;
                let ramp = self.config.ramp.map(|length| Ramp {
                    from: now,
                    length: length.as_nanos(),
                    floor,
                    credit: u128::from(1_000_000 - floor.millionths()),
                });
                self.enter(Mode::Closed(ramp));
            }
            return;
        }
        probation.failures += 1;
        if trips || probation.failures > probation.allowed - probation.needed {
            self.reopen(now, asked);
        }
    }

    pub(super) fn release(&mut self, call: Call) {
        if call.probe {
            self.lapse();
        }
        if let Mode::HalfOpen(probation) = &mut self.mode {
            probation.live.retain(|(id, _)| *id != call.id);
        }
    }

    pub(super) fn cancel(&mut self, call: Call) {
        let age = call.started.map_or(0, |started| self.now - started);
        let fails = match self.config.cancelled {
            Cancelled::Ignore => false,
            Cancelled::Failure => true,
            Cancelled::FailureAfter(bound) => bound != Duration::MAX && age >= bound.as_nanos(),
        };
        if fails {
            self.settle(call, Some(Pushback::None));
        } else {
            self.release(call);
        }
    }

    pub(super) fn force_open(&mut self) {
        self.enter(Mode::Forced);
    }

    pub(super) fn disable(&mut self) {
        self.enter(Mode::Disabled);
    }

    pub(super) fn reset(&mut self) {
        self.failed_probations = 0;
        self.enter(Mode::Closed(None));
    }

    pub(super) fn open_for(&mut self, time: Duration) {
        self.enter(Mode::Open(later(self.now, time)));
    }

    pub(super) fn reconfigure(&mut self, config: BreakerConfig) {
        let shape = |config: &BreakerConfig| {
            let used = config.failure_ratio.is_some() || config.slow_ratio.is_some();
            used.then_some(config.window)
        };
        if shape(&config) != shape(&self.config) {
            self.kept.clear();
        }
        if config.consecutive_failures.is_none() {
            self.in_a_row = 0;
        }
        self.config = config;
    }

    fn is_too_bad(&self) -> bool {
        let config = &self.config;
        if config
            .consecutive_failures
            .is_some_and(|limit| self.in_a_row >= limit.get())
        {
            return true;
        }
        let (calls, failures, slow) = self.counts();
        let over = |part: u64, ratio: Option<Ratio>| {
            ratio.is_some_and(|ratio| {
                u128::from(part) * 1_000_000 >= u128::from(calls) * u128::from(ratio.millionths())
            })
        };
        calls >= u64::from(config.volume_min)
            && (over(failures, config.failure_ratio) || over(slow, config.slow_ratio))
    }

    fn reopen(&mut self, at: Time, asked: Option<Duration>) {
        self.failed_probations += 1;
        let own = self.open_time(asked);
        let time = match asked.filter(|asked| !asked.is_zero()) {
            Some(asked) if self.config.pushback == OnPushback::Trip => own.max(asked),
            _ => own,
        };
        self.enter(Mode::Open(later(at, time)));
    }

    /// The jitter is tested on its own; here every draw is the one that leaves the full time.
    fn open_time(&self, asked: Option<Duration>) -> Duration {
        let mut time = self.config.open_base;
        for _ in 0..self.failed_probations {
            time = time.saturating_mul(2);
        }
        // Past 584 years it is the cap.
        if time.as_nanos() > u128::from(u64::MAX) {
            time = Duration::MAX;
        }
        time = time.min(self.config.open_max);
        match asked {
            Some(asked) if self.config.pushback == OnPushback::Extend => time.max(asked),
            _ => time,
        }
    }

    fn enter(&mut self, mode: Mode) {
        self.mode = mode;
        self.epoch += 1;
        self.kept.clear();
        self.in_a_row = 0;
    }
}

fn later(from: Time, wait: Duration) -> Time {
    if wait == Duration::MAX {
        return NEVER;
    }
    from + wait.as_nanos()
}
