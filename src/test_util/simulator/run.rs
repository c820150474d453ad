//! One run, from the first boot to its end.

use std::fmt;
use std::time::Duration;

use crate::rng::Rng;

use super::clock::{Clock, TRUE_RATE};
use super::cluster::{Birth, Cluster, Store, View};
use super::dice::{Dice, nanos};
use super::failure::{Failure, Trace};
use super::machine::{Act, Context, Input, Machine};
use super::network::Network;
use super::node::Node;
use super::options::Options;
use super::schedule::{Due, Schedule};
use super::tally::{Tally, count};

/// More inputs than any run needs that ends.
const INPUTS_MAX: u64 = 1_000_000;

/// What is left of a run that went well.
#[derive(Clone, Copy)]
pub struct Ended<C> {
    /// The cluster, with what it has seen.
    pub cluster: C,
    /// What has happened to it.
    pub tally: Tally,
}

impl<C> fmt::Debug for Ended<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

/// Runs a cluster once.
///
/// # Errors
/// When a check fails, and when the run does not end: machines that always want to be woken at once.
pub fn run<C: Cluster>(options: &Options, cluster: C) -> Result<Ended<C>, Failure> {
    Run::new(options, cluster, Trace::default()).finish()
}

pub(super) struct Run<'a, C: Cluster> {
    pub(super) options: &'a Options,
    cluster: C,
    /// For what happens to nodes and to the network, whatever messages there are.
    pub(super) fate: Dice,
    dice: Dice,
    pub(super) now: u64,
    /// Until when faults come.
    pub(super) faults_end: u64,
    pub(super) schedule: Schedule<<C::Machine as Machine>::Message>,
    pub(super) nodes: Vec<Node<C::Machine>>,
    pub(super) network: Network,
    acts: Vec<Act<C::Machine>>,
    pub(super) tally: Tally,
    pub(super) trace: Trace,
}

impl<'a, C: Cluster> Run<'a, C> {
    pub(super) fn new(options: &'a Options, cluster: C, trace: Trace) -> Self {
        let size = cluster.size();
        Self {
            options,
            cluster,
            fate: Dice(Rng::seeded(options.seed)),
            dice: Dice(Rng::seeded(!options.seed)),
            now: 0,
            faults_end: nanos(options.length),
            schedule: Schedule::new(),
            nodes: Vec::with_capacity(size),
            network: Network::new(size),
            acts: Vec::new(),
            tally: Tally {
                runs: 1,
                ..Tally::default()
            },
            trace,
        }
    }

    pub(super) fn finish(mut self) -> Result<Ended<C>, Failure> {
        match self.drive() {
            Ok(()) => Ok(Ended {
                cluster: self.cluster,
                tally: self.tally,
            }),
            Err(what) => Err(Failure {
                what,
                at: Duration::from_nanos(self.now),
                options: Box::new(self.options.clone()),
                trace: self.trace.lines(),
            }),
        }
    }

    fn drive(&mut self) -> Result<(), String> {
        let end = self.faults_end.saturating_add(nanos(self.options.calm));
        for node in 0..self.cluster.size() {
            self.nodes.push(Node {
                machine: None,
                record: None,
                clock: Clock::new(0, 0, TRUE_RATE),
                busy_until: 0,
                life: 0,
                wakes_at: u64::MAX,
            });
            self.boot(node);
            self.plan_fault(self.options.crash_every, Due::CrashFault { node });
            self.plan_fault(self.options.pause_every, Due::PauseFault { node });
        }
        self.plan_fault(self.options.cut_every, Due::CutFault);
        while let Some((at, due)) = self.schedule.next() {
            if at >= end {
                break;
            }
            self.now = at;
            self.happen(due)?;
            if self.tally.inputs > INPUTS_MAX {
                return Err(format!("no end after {INPUTS_MAX} inputs"));
            }
        }
        self.now = end;
        let view = View {
            now: Duration::from_nanos(end),
            acted: None,
            nodes: &self.nodes,
        };
        self.cluster.settled(&view)
    }

    fn happen(&mut self, due: Due<<C::Machine as Machine>::Message>) -> Result<(), String> {
        match due {
            Due::Arrive { to, from, message } => {
                let Some(node) = self.nodes.get(to).filter(|node| node.machine.is_some()) else {
                    return Ok(());
                };
                if self.now < node.busy_until {
                    let until = node.busy_until;
                    self.schedule.plan(until, Due::Arrive { to, from, message });
                    return Ok(());
                }
                self.handle(to, Input::Message { from, message })
            }
            Due::Wake { node } if self.is_time(node) => self.handle(node, Input::Wake),
            Due::Wake { .. } => Ok(()),
            Due::Boot { node, life } => {
                if self.nodes.get(node).is_some_and(|node| node.life == life) {
                    self.boot(node);
                    return self.check(None);
                }
                Ok(())
            }
            Due::CrashFault { node } => {
                self.crash_fault(node);
                self.check(None)
            }
            Due::PauseFault { node } => {
                self.pause_fault(node);
                Ok(())
            }
            Due::CutFault => {
                self.cut_fault();
                Ok(())
            }
        }
    }

    fn check(&mut self, acted: Option<usize>) -> Result<(), String> {
        self.cluster.check(&View {
            now: Duration::from_nanos(self.now),
            acted,
            nodes: &self.nodes,
        })
    }

    fn boot(&mut self, of: usize) {
        let Some(node) = self.nodes.get_mut(of) else {
            return;
        };
        let is_lost = node.life > 0 && self.fate.hits(self.options.lost);
        if is_lost {
            count(&mut self.tally.disks, 1);
            node.record = None;
        }
        let shown = match node.life {
            // A node's clock may outlive its machine, or begin anew.
            0 => self.fate.below(100_000_000_000),
            _ => self
                .fate
                .one_of([node.clock.at(self.now), self.fate.below(1_000_000_000)], 0),
        };
        let rate = rate(self.options, &self.fate);
        node.clock = Clock::new(self.now, shown, rate);
        node.busy_until = self.now;
        let birth = Birth {
            node: of,
            life: node.life,
            now: Duration::from_nanos(shown),
            random: self.fate.0.bits(),
            store: if is_lost {
                Store::Lost
            } else {
                Store::Kept(node.record.clone())
            },
        };
        let now = self.now;
        self.trace
            .say(now, || format!("{of} boots: {:?}", birth.store));
        let machine = self.cluster.boot(birth);
        if let Some(node) = self.nodes.get_mut(of) {
            node.machine = Some(machine);
        }
        self.plan_wake(of);
    }

    /// Whether the machine of a node is to be woken now. If later, that is planned.
    fn is_time(&mut self, of: usize) -> bool {
        let now = self.now;
        // Only the last one that was planned counts.
        let Some(node) = self.nodes.get_mut(of).filter(|node| node.wakes_at == now) else {
            return false;
        };
        node.wakes_at = u64::MAX;
        let is_due = node.wake(now).is_some_and(|at| at <= now);
        if !is_due {
            self.plan_wake(of);
        }
        is_due
    }

    /// A wake-up that comes too early is planned again, so one that is planned already will do.
    pub(super) fn plan_wake(&mut self, of: usize) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(of) else {
            return;
        };
        if let Some(at) = node.wake(now).filter(|&at| at < node.wakes_at) {
            node.wakes_at = at;
            self.schedule.plan(at, Due::Wake { node: of });
        }
    }

    fn handle(
        &mut self,
        of: usize,
        input: Input<<C::Machine as Machine>::Message>,
    ) -> Result<(), String> {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(of) else {
            return Ok(());
        };
        let Some(machine) = &mut node.machine else {
            return Ok(());
        };
        count(&mut self.tally.inputs, 1);
        self.trace.say(now, || format!("{of} {input:?}"));
        let mut cx = Context {
            node: of,
            now: Duration::from_nanos(node.clock.at(now)),
            rng: &self.dice.0,
            acts: &mut self.acts,
        };
        machine.handle(input, &mut cx);
        let mut acts = std::mem::take(&mut self.acts);
        self.carry_out(of, &mut acts);
        self.acts = acts;
        if self.has_faults() && self.dice.hits(self.options.busy) {
            let until = self.until(self.dice.up_to(self.options.busy_max));
            if let Some(node) = self.nodes.get_mut(of) {
                node.busy_until = node.busy_until.max(until);
            }
        }
        self.plan_wake(of);
        self.check(Some(of))
    }

    fn carry_out(&mut self, of: usize, acts: &mut Vec<Act<C::Machine>>) {
        let mut leaves = self.now;
        let mut acts = acts.drain(..);
        for act in acts.by_ref() {
            let must_crash = match act {
                Act::Send { to, message } => {
                    self.send(of, to, leaves, message);
                    false
                }
                Act::Write(record) => self.write(of, record, &mut leaves),
                Act::Crash => true,
            };
            if must_crash {
                self.crash(of);
                break;
            }
        }
    }

    fn send(
        &mut self,
        from: usize,
        to: usize,
        leaves: u64,
        message: <C::Machine as Machine>::Message,
    ) {
        count(&mut self.tally.sent, 1);
        let way = (from, to);
        let faults_end = Some(self.faults_end).filter(|_| self.has_faults());
        let arrivals = self
            .network
            .arrivals(way, leaves, faults_end, self.options, &self.dice);
        match arrivals {
            [None, None] => count(&mut self.tally.lost, 1),
            [Some(at), None] | [None, Some(at)] => {
                self.schedule.plan(at, Due::Arrive { to, from, message });
            }
            [Some(one), Some(other)] => {
                let twin = message.clone();
                self.schedule.plan(one, Due::Arrive { to, from, message });
                let message = twin;
                self.schedule.plan(other, Due::Arrive { to, from, message });
            }
        }
    }

    /// Whether the node crashes in it.
    fn write(
        &mut self,
        of: usize,
        record: <C::Machine as Machine>::Record,
        leaves: &mut u64,
    ) -> bool {
        let is_torn = self.has_faults() && self.dice.hits(self.options.torn);
        let is_durable = !is_torn || self.dice.one_of([true, false], true);
        let takes = if self.has_faults() && !self.options.write_max.is_zero() {
            self.dice.up_to(self.options.write_max)
        } else {
            0
        };
        let now = self.now;
        self.trace.say(now, || {
            let end = match (is_torn, is_durable) {
                (false, _) => "",
                (true, false) => ", and crashes before",
                (true, true) => ", and crashes after",
            };
            format!("{of} writes {record:?}{end}")
        });
        count(&mut self.tally.torn, u64::from(is_torn));
        *leaves = leaves.saturating_add(takes);
        if let Some(node) = self.nodes.get_mut(of) {
            node.busy_until = node.busy_until.max(*leaves);
            if is_durable {
                node.record = Some(record);
            }
        }
        is_torn
    }

    pub(super) const fn has_faults(&self) -> bool {
        self.now < self.faults_end
    }

    /// The end of a fault that begins now: in the part of the run where faults are.
    pub(super) fn until(&self, length: u64) -> u64 {
        let end = self.now.saturating_add(length);
        if self.has_faults() {
            end.min(self.faults_end)
        } else {
            end
        }
    }
}

/// At the edges half of the time: there it matters.
pub(super) fn rate(options: &Options, dice: &Dice) -> u64 {
    let most = options.drift.of(TRUE_RATE);
    let twice = most.saturating_mul(2);
    let faster = match dice.index(4) {
        0 => 0,
        1 => twice,
        _ => dice.below(twice.saturating_add(1)),
    };
    TRUE_RATE.saturating_sub(most).saturating_add(faster)
}
