//! One node: what runs on it, its disk and its clock.

use super::clock::Clock;
use super::dice::nanos;
use super::machine::Machine;

pub(super) struct Node<M: Machine> {
    /// `None` while it is down.
    pub(super) machine: Option<M>,
    pub(super) record: Option<M::Record>,
    pub(super) clock: Clock,
    /// Until when it handles nothing.
    pub(super) busy_until: u64,
    /// How many lives it has had before this one.
    pub(super) life: u64,
    /// For when a wake-up is planned.
    pub(super) wakes_at: u64,
}

impl<M: Machine> Node<M> {
    /// When its machine wants to be woken and can be.
    pub(super) fn wake(&self, now: u64) -> Option<u64> {
        let wakes = self.machine.as_ref()?.wakes()?;
        let at = self.clock.when(now, nanos(wakes));
        Some(at.max(self.busy_until))
    }
}
