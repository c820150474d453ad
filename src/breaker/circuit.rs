//! What the services of one layer share: the policy behind its lock, and what calls use without it.
//!
//! A call of a closed circuit is admitted by one load, and its success is recorded without a lock (see
//! `passage`). The circuit's lock is taken by calls that fail, by probes, and by the handle. Under
//! it, and only under it, stripes are taken in turn and a phase is published; the epochs that the
//! windows take change before the phase does, so no result of a new epoch is taken for a stale one.

use std::time::Duration;

use crate::classify::{Failure, Pushback};
use crate::error::ConfigError;
use crate::sync::Lock;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::time::Instant;

use super::config::BreakerConfig;
use super::dials::Dials;
use super::epoch::Epoch;
use super::gate::{Gate, Mode, Phase};
use super::permit::Permit;
use super::policy::Policy;
use super::probation::{Probed, Ticket};
use super::refusal::{Refused, Shut};
use super::ruling::{Bad, Change, Verdict};
use super::source::{Clock, Source};
use super::state::{Snapshot, State};
use super::window::{Consecutive, Recorded, Sample, Windows};

#[derive(Debug)]
pub(super) struct Circuit {
    pub(super) gate: Gate,
    pub(super) dials: Dials,
    pub(super) windows: Windows,
    pub(super) consecutive: Consecutive,
    policy: Lock<Policy>,
    stale: AtomicU64,
}

/// What happened under the lock, to be told when it is gone.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub(super) struct News {
    /// A lease that ended, and what the call at hand did.
    pub(super) changes: [Option<Change>; 2],
    /// A probe gave its place back.
    pub(super) freed: bool,
}

impl News {
    fn of(change: Option<Change>) -> Self {
        Self {
            changes: [None, change],
            freed: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.freed && self.changes.iter().all(Option::is_none)
    }
}

/// What became of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Counted,
    /// The state had changed since the call was admitted; nothing was changed.
    Stale,
}

impl Circuit {
    pub(super) fn new(config: BreakerConfig, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        let shape = config.needs_window().then_some(config.window);
        let dials = Dials::new(&config);
        let policy = Policy::new(config);
        Ok(Self {
            gate: Gate::new(now, policy.phase()),
            dials,
            windows: Windows::new(shape, Epoch::FIRST),
            consecutive: Consecutive::new(Epoch::FIRST),
            policy: Lock::new(policy),
            stale: AtomicU64::new(0),
        })
    }

    pub(super) fn state(&self) -> State {
        self.gate.phase().mode.state()
    }

    /// A call wants to run.
    pub(super) fn admit(&self, source: &impl Source) -> (Result<Permit, Refused>, News) {
        let Phase { epoch, mode, timed } = self.gate.phase();
        match mode {
            Mode::Closed | Mode::Disabled => {
                let permit = Permit::new(epoch);
                let permit = if timed {
                    permit.began(self.gate.nanos(source.now()))
                } else {
                    permit
                };
                (Ok(permit), News::default())
            }
            Mode::ForcedOpen => (Err(Refused(None)), News::default()),
            Mode::Open => {
                let Some(until) = self.gate.reopens() else {
                    return (Err(Refused(None)), News::default());
                };
                let now = source.now();
                match Refused::at(self.gate.nanos(now), until) {
                    Some(refused) => (Err(refused), News::default()),
                    None => self.admit_in_turn(now, source.draw()),
                }
            }
            Mode::Ramp | Mode::HalfOpen => self.admit_in_turn(source.now(), source.draw()),
        }
    }

    /// Whether a call would be admitted.
    pub(super) fn peek(&self, source: &impl Source) -> (Result<(), Shut>, News) {
        if self.gate.phase().mode != Mode::HalfOpen {
            return (self.look(source).map_or(Ok(()), Err), News::default());
        }
        let (now, draw) = (source.now(), source.draw());
        let mut policy = self.policy.lock();
        let change = policy.expire(now, draw);
        self.publish(&policy, change);
        let room = policy.would_admit(now);
        let shut = |until: Option<Instant>| Shut {
            until: until.map(|until| self.gate.nanos(until)),
            seen: Some(self.gate.nanos(now)),
        };
        (room.map_err(shut), News::of(change))
    }

    /// How the circuit is shut, if a look tells so.
    pub(super) fn look(&self, source: &impl Source) -> Option<Shut> {
        match self.gate.phase().mode {
            Mode::Closed | Mode::Ramp | Mode::Disabled | Mode::HalfOpen => None,
            Mode::ForcedOpen => Some(Shut::FOR_GOOD),
            Mode::Open => {
                let Some(until) = self.gate.reopens() else {
                    return Some(Shut::FOR_GOOD);
                };
                let seen = self.gate.nanos(source.now());
                (until > seen).then_some(Shut {
                    until: Some(until),
                    seen: Some(seen),
                })
            }
        }
    }

    /// A call is refused, whatever the circuit has become since it was seen `shut`. The clock need not be
    /// read again if it was read then, and the open time is still the same.
    pub(super) fn refuse(&self, shut: Shut, source: &impl Source) -> Refused {
        let refused = match self.gate.phase().mode {
            Mode::Closed | Mode::Ramp | Mode::Disabled => None,
            Mode::ForcedOpen => Some(Refused(None)),
            Mode::Open => self.gate.reopens().map_or(Some(Refused(None)), |until| {
                let seen = shut.seen.filter(|_| shut.until == Some(until));
                Refused::at(seen.unwrap_or_else(|| self.gate.nanos(source.now())), until)
            }),
            Mode::HalfOpen => {
                let now = source.now();
                let room = self.policy.lock().would_admit(now);
                room.err().map(|until| Refused::until(until, now))
            }
        };
        refused.unwrap_or(Refused(Some(0)))
    }

    /// An admitted call was answered.
    pub(super) fn settle(
        &self,
        permit: &Permit,
        failure: Option<Failure>,
        source: &impl Source,
    ) -> (Judged, News) {
        let mut clock = Clock::new(source);
        let took = permit.age(|| self.gate.nanos(clock.now()));
        let slow = took.is_some_and(|took| self.dials.is_slow(took));
        let bad = match failure {
            Some(failure) => Some(Bad::Failure {
                asked: asked(failure),
            }),
            None => slow.then_some(Bad::Slow),
        };
        if let Some(ticket) = permit.ticket() {
            let (now, draw) = (clock.now(), source.draw());
            return self.settle_probe(permit.epoch(), ticket, bad, now, draw);
        }
        let sample = Sample {
            failed: failure.is_some(),
            slow,
        };
        let judged = self.record(permit.epoch(), sample, &mut clock);
        match (judged, bad) {
            (Judged::Counted, Some(bad)) => {
                let change = self.judge(permit.epoch(), bad, clock.now(), source.draw());
                (judged, News::of(change))
            }
            (judged, _) => (judged, News::default()),
        }
    }

    /// An admitted call says nothing of the service.
    pub(super) fn release(&self, permit: &Permit, source: &impl Source) -> News {
        let Some(ticket) = permit.ticket() else {
            return News::default();
        };
        let (now, draw) = (source.now(), source.draw());
        let mut policy = self.policy.lock();
        let expired = policy.expire(now, draw);
        self.publish(&policy, expired);
        News {
            changes: [expired, None],
            freed: policy.release(permit.epoch(), ticket),
        }
    }

    /// An admitted call was given up by its caller.
    pub(super) fn cancel(&self, permit: &Permit, source: &impl Source) -> (Judged, News) {
        if self.dials.cancelled_may_fail() {
            // A call that was not timed was admitted while its age did not matter.
            let age = permit.age(|| self.gate.nanos(source.now()));
            let age = age.unwrap_or_default();
            if self.dials.cancelled_fails(age) {
                return self.settle(permit, Some(Failure::transient()), source);
            }
        }
        (Judged::Counted, self.release(permit, source))
    }

    /// Changes the state from outside.
    pub(super) fn steer(&self, steer: impl FnOnce(&mut Policy) -> Change) -> News {
        let mut policy = self.policy.lock();
        let change = Some(steer(&mut policy));
        self.publish(&policy, change);
        News::of(change)
    }

    pub(super) fn reconfigure(&self, config: BreakerConfig) -> Result<(), ConfigError> {
        config.validate()?;
        let shape = config.needs_window().then_some(config.window);
        let mut policy = self.policy.lock();
        let old = policy.config();
        let kept = old.needs_window().then_some(old.window);
        if shape != kept {
            self.windows.reshape(shape);
        }
        if old.consecutive_failures.is_some() != config.consecutive_failures.is_some() {
            self.consecutive.restart(policy.phase().epoch);
        }
        self.dials.set(&config);
        policy.reconfigure(config);
        self.publish(&policy, None);
        Ok(())
    }

    pub(super) fn snapshot(&self, source: &impl Source) -> (Snapshot, News) {
        let (now, draw) = (source.now(), source.draw());
        let mut policy = self.policy.lock();
        let change = policy.expire(now, draw);
        self.publish(&policy, change);
        let phase = policy.phase();
        let left = |until: Instant| until.saturating_duration_since(now);
        let time_left = match phase.mode {
            Mode::Open => Some(policy.reopens().map_or(Duration::MAX, left)),
            Mode::ForcedOpen => Some(Duration::MAX),
            Mode::Closed | Mode::Ramp | Mode::HalfOpen | Mode::Disabled => None,
        };
        let snapshot = Snapshot {
            state: phase.mode.state(),
            epoch: phase.epoch.number(),
            counts: self.windows.counts(self.gate.nanos(now)),
            consecutive_failures: self.consecutive.count(),
            time_left,
            probes_in_flight: policy.probes_in_flight(),
            failed_probations: policy.failed_probations(),
            last_cause: policy.last_cause(),
            // Ordering: Relaxed suffices; the figure stands alone.
            stale: self.stale.load(Ordering::Relaxed),
        };
        (snapshot, News::of(change))
    }

    #[cold]
    fn admit_in_turn(&self, now: Instant, draw: u64) -> (Result<Permit, Refused>, News) {
        let mut policy = self.policy.lock();
        let expired = policy.expire(now, draw);
        let (verdict, admitted) = policy.admit(now);
        self.publish(&policy, expired.or(admitted));
        let phase = policy.phase();
        drop(policy);
        let news = News {
            changes: [expired, admitted],
            freed: false,
        };
        let admission = match verdict {
            Verdict::Refused(until) => Err(Refused::until(until, now)),
            Verdict::Admitted(ticketed) => {
                let permit = Permit::new(phase.epoch).ticketed(ticketed);
                let remembers = phase.timed || permit.is_probe();
                Ok(if remembers {
                    permit.began(self.gate.nanos(now))
                } else {
                    permit
                })
            }
        };
        (admission, news)
    }

    fn record(&self, epoch: Epoch, sample: Sample, clock: &mut Clock<'_, impl Source>) -> Judged {
        let recorded = self
            .windows
            .record(epoch, sample, || self.gate.nanos(clock.now()));
        let stale = match recorded {
            Recorded::Counted => false,
            Recorded::Stale => true,
            Recorded::NotKept => self.gate.phase().epoch != epoch,
        };
        if stale {
            return self.stale();
        }
        if self.dials.counts_in_a_row() {
            if sample.failed {
                self.consecutive.fail(epoch);
            } else {
                self.consecutive.succeed(epoch);
            }
        }
        Judged::Counted
    }

    #[cold]
    fn judge(&self, epoch: Epoch, bad: Bad, now: Instant, draw: u64) -> Option<Change> {
        let mut policy = self.policy.lock();
        if !policy.is_judging(epoch) {
            return None;
        }
        let seen = self.windows.counts(self.gate.nanos(now));
        let change = policy.judge(epoch, bad, seen, self.consecutive.count(), now, draw);
        self.publish(&policy, change);
        change
    }

    #[cold]
    fn settle_probe(
        &self,
        epoch: Epoch,
        ticket: Ticket,
        bad: Option<Bad>,
        now: Instant,
        draw: u64,
    ) -> (Judged, News) {
        let mut policy = self.policy.lock();
        let expired = policy.expire(now, draw);
        let (probed, settled) = policy.settle(epoch, ticket, bad, now, draw);
        self.publish(&policy, expired.or(settled));
        drop(policy);
        let news = News {
            changes: [expired, settled],
            freed: false,
        };
        match probed {
            Probed::Late => (self.stale(), news),
            Probed::Undecided | Probed::Passed | Probed::Failed => (Judged::Counted, news),
        }
    }

    /// Makes what was decided under the lock visible to calls that do not take it.
    fn publish(&self, policy: &Policy, change: Option<Change>) {
        let phase = policy.phase();
        if change.is_some() {
            self.windows.restart(phase.epoch);
            self.consecutive.restart(phase.epoch);
        }
        if change.is_some() || self.gate.phase() != phase {
            self.gate.publish(phase, policy.reopens());
        }
    }

    #[cold]
    fn stale(&self) -> Judged {
        // Ordering: Relaxed suffices; the figure stands alone.
        self.stale.fetch_add(1, Ordering::Relaxed);
        Judged::Stale
    }
}

fn asked(failure: Failure) -> Option<Duration> {
    match failure.asked() {
        Pushback::After(wait) => Some(wait),
        Pushback::None | Pushback::Never => None,
    }
}
