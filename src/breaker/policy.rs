//! The states of a circuit, and what moves it between them.
//!
//! # Invariants
//! - B1: every change of state has an epoch of its own; what belongs to another epoch changes nothing.
//! - B2: an open circuit admits nothing before its time, and its first admission is a probe.
//! - B3: the open time is never above `open_max`, and doubles from `open_base` with each failed
//!   probation since the circuit was closed; but what the service asks for takes its place, and what
//!   the handle says is not bounded.
//! - B4: from any state but forced open, and open until someone says otherwise, a call is admitted
//!   after a bounded time, whatever became of the calls before. (Leases must end: one of
//!   `Duration::MAX` does not. And a ramp admits its share.)
//! - B5: a success never opens the circuit.
//!
//! The probes' own invariants stand in `probation`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::time::{self, Instant};

use super::config::{BreakerConfig, OnPushback};
use super::epoch::Epoch;
use super::gate::{Mode, Phase};
use super::open_time::back_off;
use super::probation::{Full, Probation, Probed, Ticket};
use super::ramp::{Ramp, Ramped};
use super::ruling::{Bad, Change, Opened, Ticketed, Verdict};
use super::state::Cause;
use super::window::Counts;

/// Decides; knows neither clock nor lock. `draw` is 64 random bits, for the jitter.
#[derive(Debug)]
pub(super) struct Policy {
    config: BreakerConfig,
    epoch: Epoch,
    position: Position,
    failed_probations: u32,
    last_cause: Option<Cause>,
}

#[derive(Debug)]
enum Position {
    Closed(Option<Ramp>),
    /// Until this instant; `None` is until someone says otherwise.
    Open(Option<Instant>),
    HalfOpen(Probation),
    ForcedOpen,
    Disabled,
}

impl Policy {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            epoch: Epoch::FIRST,
            position: Position::Closed(None),
            failed_probations: 0,
            last_cause: None,
        }
    }

    /// Time went by: probes whose lease has ended have failed.
    ///
    /// A circuit that opens by it has been open since then, not since someone looked.
    pub(super) fn expire(&mut self, now: Instant, draw: u64) -> Option<Change> {
        let Position::HalfOpen(probation) = &mut self.position else {
            return None;
        };
        let lost = probation.expire(now)?;
        Some(self.reopen(lost, None, draw))
    }

    /// A call wants to be admitted.
    pub(super) fn admit(&mut self, now: Instant) -> (Verdict, Option<Change>) {
        let verdict = match &mut self.position {
            Position::Closed(None) | Position::Disabled => Verdict::Admitted(Ticketed::Call),
            Position::ForcedOpen => Verdict::Refused(None),
            Position::Closed(Some(ramp)) => match ramp.admit(now) {
                Ramped::Refused(until) => Verdict::Refused(until),
                Ramped::Admitted => Verdict::Admitted(Ticketed::Call),
                Ramped::Over => {
                    self.position = Position::Closed(None);
                    Verdict::Admitted(Ticketed::Call)
                }
            },
            Position::HalfOpen(probation) => match probation.take(now, self.config.probe_lease) {
                Ok(ticket) => Verdict::Admitted(Ticketed::Probe(ticket)),
                Err(Full(until)) => Verdict::Refused(until),
            },
            Position::Open(until) if until.is_some_and(|until| until <= now) => {
                return self.probe(now);
            }
            Position::Open(until) => Verdict::Refused(*until),
        };
        (verdict, None)
    }

    /// Whether a call would be admitted; if not, until when, as far as is known.
    pub(super) fn would_admit(&self, now: Instant) -> Result<(), Option<Instant>> {
        match &self.position {
            Position::Closed(_) | Position::Disabled => Ok(()),
            Position::ForcedOpen => Err(None),
            Position::HalfOpen(probation) => probation.room().map_err(|Full(until)| until),
            Position::Open(until) if until.is_some_and(|until| until <= now) => Ok(()),
            Position::Open(until) => Err(*until),
        }
    }

    /// Whether results of calls of `epoch` may open the circuit.
    pub(super) fn is_judging(&self, epoch: Epoch) -> bool {
        self.epoch == epoch && matches!(self.position, Position::Closed(_))
    }

    /// A call of `epoch` was bad. It is part of `seen`, and of the run of failures.
    pub(super) fn judge(
        &mut self,
        epoch: Epoch,
        bad: Bad,
        seen: Counts,
        in_a_row: u32,
        now: Instant,
        draw: u64,
    ) -> Option<Change> {
        if !self.is_judging(epoch) {
            return None;
        }
        if let Some(asked) = self.pushed_back(bad) {
            return Some(self.open(now, Some(asked), Cause::Pushback));
        }
        let cause = self.cause(seen, in_a_row)?;
        let time = self.open_time(bad, draw);
        Some(self.open(now, Some(time), cause))
    }

    /// A probe of `epoch` ended, well unless it was bad.
    pub(super) fn settle(
        &mut self,
        epoch: Epoch,
        ticket: Ticket,
        bad: Option<Bad>,
        now: Instant,
        draw: u64,
    ) -> (Probed, Option<Change>) {
        let Some(probation) = self.probation(epoch) else {
            return (Probed::Late, None);
        };
        let probed = probation.settle(ticket, bad.is_none());
        let pushed_back = bad.and_then(|bad| self.pushed_back(bad)).is_some();
        let change = match probed {
            Probed::Passed => Some(self.close(now)),
            Probed::Failed => Some(self.reopen(now, bad, draw)),
            Probed::Undecided if pushed_back => Some(self.reopen(now, bad, draw)),
            Probed::Undecided | Probed::Late => None,
        };
        (probed, change)
    }

    /// A probe of `epoch` says nothing of the service; whether that freed its place.
    #[must_use]
    pub(super) fn release(&mut self, epoch: Epoch, ticket: Ticket) -> bool {
        self.probation(epoch)
            .is_some_and(|probation| probation.release(ticket))
    }

    /// Refuses all calls until someone says otherwise.
    pub(super) fn force_open(&mut self) -> Change {
        let opened = Opened {
            cause: Cause::Handle,
            time: None,
        };
        self.enter(Position::ForcedOpen, Some(opened))
    }

    /// Admits all calls until someone says otherwise.
    pub(super) fn disable(&mut self) -> Change {
        self.enter(Position::Disabled, None)
    }

    /// Closes, and begins anew.
    pub(super) fn reset(&mut self) -> Change {
        self.failed_probations = 0;
        self.enter(Position::Closed(None), None)
    }

    /// Opens for this long.
    pub(super) fn open_for(&mut self, time: Duration, now: Instant) -> Change {
        self.open(now, Some(time), Cause::Handle)
    }

    /// Goes by other settings from now on. What has begun, an open time, a probation or a ramp, ends
    /// by the old ones.
    pub(super) fn reconfigure(&mut self, config: BreakerConfig) {
        self.config = config;
    }

    pub(super) fn config(&self) -> &BreakerConfig {
        &self.config
    }

    pub(super) fn phase(&self) -> Phase {
        let mode = match &self.position {
            Position::Closed(None) => Mode::Closed,
            Position::Closed(Some(_)) => Mode::Ramp,
            Position::Open(_) => Mode::Open,
            Position::HalfOpen(_) => Mode::HalfOpen,
            Position::ForcedOpen => Mode::ForcedOpen,
            Position::Disabled => Mode::Disabled,
        };
        Phase {
            epoch: self.epoch,
            mode,
            timed: self.config.needs_start(),
        }
    }

    /// When an open circuit admits its first probe; `None` is never.
    pub(super) fn reopens(&self) -> Option<Instant> {
        match &self.position {
            Position::Open(until) => *until,
            _ => None,
        }
    }

    pub(super) fn probes_in_flight(&self) -> usize {
        match &self.position {
            Position::HalfOpen(probation) => probation.live(),
            _ => 0,
        }
    }

    pub(super) const fn failed_probations(&self) -> u32 {
        self.failed_probations
    }

    pub(super) const fn last_cause(&self) -> Option<Cause> {
        self.last_cause
    }

    fn probation(&mut self, epoch: Epoch) -> Option<&mut Probation> {
        match &mut self.position {
            Position::HalfOpen(probation) if self.epoch == epoch => Some(probation),
            _ => None,
        }
    }

    /// The open time is over: the call that found so is the first probe.
    fn probe(&mut self, now: Instant) -> (Verdict, Option<Change>) {
        let config = &self.config;
        let mut probation = Probation::new(config.probes, config.probe_successes);
        let verdict = match probation.take(now, config.probe_lease) {
            Ok(ticket) => Verdict::Admitted(Ticketed::Probe(ticket)),
            Err(Full(until)) => Verdict::Refused(until),
        };
        let change = self.enter(Position::HalfOpen(probation), None);
        (verdict, Some(change))
    }

    fn close(&mut self, now: Instant) -> Change {
        self.failed_probations = 0;
        let floor = self.config.ramp_floor;
        let ramp = self.config.ramp.map(|length| Ramp::new(now, length, floor));
        self.enter(Position::Closed(ramp), None)
    }

    fn reopen(&mut self, now: Instant, bad: Option<Bad>, draw: u64) -> Change {
        self.failed_probations = self.failed_probations.saturating_add(1);
        let bad = bad.unwrap_or(Bad::Failure { asked: None });
        let own = self.open_time(bad, draw);
        match self.pushed_back(bad) {
            // A service that asks for a second at every probe does not undo the doubling.
            Some(asked) => self.open(now, Some(own.max(asked)), Cause::Pushback),
            None => self.open(now, Some(own), Cause::Probation),
        }
    }

    fn open(&mut self, now: Instant, time: Option<Duration>, cause: Cause) -> Change {
        let until = time.and_then(|time| time::after(now, time));
        let time = time.filter(|_| until.is_some());
        self.enter(Position::Open(until), Some(Opened { cause, time }))
    }

    fn enter(&mut self, position: Position, opened: Option<Opened>) -> Change {
        let from = self.phase().mode.state();
        self.position = position;
        self.epoch = self.epoch.next();
        self.last_cause = opened.map(|opened| opened.cause).or(self.last_cause);
        Change {
            from,
            to: self.phase().mode.state(),
            epoch: self.epoch,
            opened,
        }
    }

    /// What opens the circuit, if anything does.
    fn cause(&self, seen: Counts, in_a_row: u32) -> Option<Cause> {
        let config = &self.config;
        let run = config.consecutive_failures.map(NonZeroU32::get);
        if run.is_some_and(|limit| in_a_row >= limit) {
            return Some(Cause::ConsecutiveFailures);
        }
        if seen.calls < u64::from(config.volume_min) {
            return None;
        }
        let reached = |ratio: Option<_>, part| {
            ratio.is_some_and(|ratio: crate::Ratio| ratio.is_reached(part, seen.calls))
        };
        if reached(config.failure_ratio, seen.failures) {
            return Some(Cause::FailureRatio);
        }
        reached(config.slow_ratio, seen.slow).then_some(Cause::SlowRatio)
    }

    /// The time that the service asked for and that opens the circuit at once.
    fn pushed_back(&self, bad: Bad) -> Option<Duration> {
        let asked = self.asked(bad).filter(|asked| !asked.is_zero())?;
        (self.config.pushback == OnPushback::Trip).then_some(asked)
    }

    fn asked(&self, bad: Bad) -> Option<Duration> {
        bad.asked().map(|asked| asked.min(self.config.open_max))
    }

    fn open_time(&self, bad: Bad, draw: u64) -> Duration {
        let own = back_off(&self.config, self.failed_probations, draw);
        match self.asked(bad) {
            Some(asked) if self.config.pushback == OnPushback::Extend => own.max(asked),
            _ => own,
        }
    }
}
