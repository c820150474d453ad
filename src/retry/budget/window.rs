//! What has been earned and spent lately. Plain and single-threaded; [`super::WindowedBudget`] puts a
//! lock around it.
//!
//! Time is cut into slots of a tenth of the window. Calls count for 10 slots, the running one
//! included, so for at most a window; what is spent counts for 11, so for at least a window.
//!
//! # Invariants
//! - W1: in any stretch of time as long as the window, no more is paid for than `ratio` of the calls
//!   that entered in it, and `floor` for each second of it.
//! - W2: the sums are those of the slots.
//! - W3: nothing here takes longer for time that went by unseen.

use std::time::Duration;

use crate::time::Instant;

use super::WindowedConfig;

/// How many slots a call counts for.
const EARNED: u64 = 10;
/// How many slots what is spent counts for.
const SPENT: usize = 11;
/// Ratios are held in millionths.
const WHOLE: u128 = 1_000_000;

#[derive(Debug)]
pub(super) struct Window {
    config: WindowedConfig,
    /// Where slot numbers count from.
    origin: (Instant, u64),
    /// The slot of the last look at the clock.
    current: u64,
    /// How many of the calls ever entered are in a slot, or were.
    gathered: u64,
    slots: [Slot; SPENT],
    calls: u64,
    spent: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    calls: u64,
    spent: u64,
}

impl Window {
    pub(super) fn new(config: WindowedConfig, now: Instant) -> Self {
        Self {
            config,
            origin: (now, 0),
            current: 0,
            gathered: 0,
            slots: [Slot::default(); SPENT],
            calls: 0,
            spent: 0,
        }
    }

    /// Takes in that `entered` calls have ever entered, as seen after the clock said `now`.
    ///
    /// When those came that are new is not known, only that it was after the last look: they go to
    /// its slot, and so count for too short rather than too long (W1).
    pub(super) fn gather(&mut self, entered: u64, now: Instant) {
        let new = entered.saturating_sub(self.gathered);
        self.gathered = self.gathered.saturating_add(new);
        self.calls = self.calls.saturating_add(new);
        let slot = self.slot_mut(self.current);
        slot.calls = slot.calls.saturating_add(new);
        self.advance(self.slot_at(now));
    }

    /// Pays for one, if there is enough, and says from which slot.
    pub(super) fn withdraw(&mut self) -> Option<u64> {
        if self.balance() == 0 {
            return None;
        }
        self.spent = self.spent.saturating_add(1);
        let slot = self.slot_mut(self.current);
        slot.spent = slot.spent.saturating_add(1);
        Some(self.current)
    }

    /// Gives back what was paid from `slot`, unless that is forgotten already.
    pub(super) fn refund(&mut self, slot: u64) {
        let age = self.current.checked_sub(slot);
        if age.is_some_and(|age| age <= EARNED) {
            let slot = self.slot_mut(slot);
            if let Some(left) = slot.spent.checked_sub(1) {
                slot.spent = left;
                self.spent = self.spent.saturating_sub(1);
            }
        }
    }

    /// How many can be paid for now.
    pub(super) fn balance(&self) -> u64 {
        let share = u128::from(self.calls)
            .saturating_mul(self.config.ratio.millionths().into())
            .checked_div(WHOLE)
            .unwrap_or(0);
        let due = share.saturating_add(self.config.floor_of_window());
        let left = due.saturating_sub(self.spent.into());
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    /// Other settings hold from `now` on. With another window what is owed counts as spent now, and the
    /// calls before for nothing, so that W1 holds for every stretch that begins later.
    pub(super) fn reconfigure(&mut self, config: WindowedConfig, now: Instant) {
        if config.window != self.config.window {
            // Far enough on that no receipt of before finds its slot.
            let next = self.current.saturating_add(EARNED).saturating_add(1);
            let spent = self.spent;
            self.advance(next);
            self.origin = (now, next);
            self.spent = spent;
            self.slot_mut(next).spent = spent;
        }
        self.config = config;
    }

    fn slot_at(&self, now: Instant) -> u64 {
        let (from, number) = self.origin;
        let gone = nanos(now.saturating_duration_since(from));
        let width = nanos(self.config.window).checked_div(EARNED).unwrap_or(0);
        let slots = gone.checked_div(width.max(1)).unwrap_or(0);
        number.saturating_add(slots)
    }

    fn advance(&mut self, to: u64) {
        let steps = to.saturating_sub(self.current);
        for step in 1..=steps.min(SPENT as u64) {
            let slot = self.current.saturating_add(step);
            // Past its tenth slot a call no longer counts; past its eleventh all is forgotten.
            if let Some(aged) = slot.checked_sub(EARNED) {
                let calls = std::mem::take(&mut self.slot_mut(aged).calls);
                self.calls = self.calls.saturating_sub(calls);
            }
            let forgotten = std::mem::take(self.slot_mut(slot));
            self.spent = self.spent.saturating_sub(forgotten.spent);
        }
        self.current = self.current.max(to);
    }

    fn slot_mut(&mut self, number: u64) -> &mut Slot {
        let index = usize::try_from(number.checked_rem(SPENT as u64).unwrap_or(0)).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "a remainder of the length")]
        &mut self.slots[index]
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
