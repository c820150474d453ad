//! What goes wrong, apart from messages and writes.

use std::time::Duration;

use super::cluster::Cluster;
use super::dice::nanos;
use super::machine::Machine;
use super::run::{Run, rate};
use super::schedule::Due;
use super::tally::count;

impl<C: Cluster> Run<'_, C> {
    /// The next fault of a kind, if there are any of it.
    pub(super) fn plan_fault(
        &mut self,
        every: Duration,
        due: Due<<C::Machine as Machine>::Message>,
    ) {
        if every == Duration::MAX {
            return;
        }
        let wait = self.fate.up_to(every.saturating_mul(2));
        let at = self.now.saturating_add(wait);
        if at < self.faults_end {
            self.schedule.plan(at, due);
        }
    }

    pub(super) fn crash_fault(&mut self, of: usize) {
        if self.fate.hits(self.options.crash_all) {
            for node in 0..self.nodes.len() {
                self.crash(node);
            }
        } else {
            self.crash(of);
        }
        self.plan_fault(self.options.crash_every, Due::CrashFault { node: of });
    }

    /// Ends a life, and plans the next. Of a node that is down, nothing.
    pub(super) fn crash(&mut self, of: usize) {
        let until = self.until(self.fate.up_to(self.options.down_max));
        let Some(node) = self.nodes.get_mut(of) else {
            return;
        };
        if node.machine.take().is_none() {
            return;
        }
        node.life = node.life.saturating_add(1);
        node.wakes_at = u64::MAX;
        let life = node.life;
        count(&mut self.tally.crashes, 1);
        let now = self.now;
        self.trace.say(now, || format!("{of} crashes"));
        self.schedule.plan(until, Due::Boot { node: of, life });
    }

    pub(super) fn pause_fault(&mut self, of: usize) {
        self.plan_fault(self.options.pause_every, Due::PauseFault { node: of });
        let (now, changes) = (self.now, self.fate.index(4) == 0);
        let rate = rate(self.options, &self.fate);
        let until = self.until(self.fate.up_to(self.options.pause_max));
        let is_suspended = self.fate.hits(self.options.suspended);
        let Some(node) = self.nodes.get_mut(of) else {
            return;
        };
        if changes {
            node.clock.turn(now, rate);
            self.plan_wake(of);
            return;
        }
        node.busy_until = node.busy_until.max(until);
        if is_suspended {
            node.clock.stop(now, until);
        }
        count(&mut self.tally.pauses, 1);
        self.trace.say(now, || {
            let clock = if is_suspended { " with its clock" } else { "" };
            format!("{of} pauses{clock} until {:?}", Duration::from_nanos(until))
        });
    }

    pub(super) fn cut_fault(&mut self) {
        let until = self.until(self.fate.below(nanos(self.options.cut_max)));
        self.network.cut(until, &self.fate);
        count(&mut self.tally.cuts, 1);
        let now = self.now;
        self.trace.say(now, || {
            format!("the network is cut until {:?}", Duration::from_nanos(until))
        });
        self.plan_fault(self.options.cut_every, Due::CutFault);
    }
}
