//! How many executions there are, and whether any more may begin.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::error::Kind;
use crate::idempotency::shared::Shared;
use crate::sync::Lock;

/// Counts executions, and the chores that are left of calls that have gone.
#[derive(Debug, Default)]
pub(in crate::idempotency) struct Slots {
    state: Lock<State>,
    idle: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    executing: u32,
    chores: u32,
    is_draining: bool,
}

impl Slots {
    pub(in crate::idempotency) fn executing(&self) -> u32 {
        self.state.lock().executing
    }

    /// From now on nothing begins.
    pub(in crate::idempotency) fn close(&self) {
        self.state.lock().is_draining = true;
    }

    /// Returns when there are neither executions nor chores.
    pub(in crate::idempotency) async fn idle(&self) {
        loop {
            // Asked for before the count is read, so that no change between the two is missed.
            let changed = self.idle.notified();
            let state = *self.state.lock();
            if state.executing == 0 && state.chores == 0 {
                return;
            }
            changed.await;
        }
    }

    fn left(&self, leave: impl FnOnce(&mut State)) {
        let is_idle = {
            let mut state = self.state.lock();
            leave(&mut state);
            state.executing == 0 && state.chores == 0
        };
        if is_idle {
            self.idle.notify_waiters();
        }
    }
}

/// The right to execute; given back when it is dropped.
pub(in crate::idempotency) struct Slot<T>(Arc<Shared<T>>);

impl<T> Slot<T> {
    /// # Errors
    /// With the kind of the refusal, when there are `max` already or the layer is drained.
    pub(in crate::idempotency) fn take(shared: &Arc<Shared<T>>, max: u32) -> Result<Self, Kind> {
        {
            let mut state = shared.slots.state.lock();
            if state.is_draining {
                return Err(Kind::ShuttingDown);
            }
            if state.executing >= max {
                return Err(Kind::BulkheadFull);
            }
            state.executing = state.executing.saturating_add(1);
        }
        shared.figures.executing.increment(1.0);
        Ok(Self(Arc::clone(shared)))
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        self.0.figures.executing.decrement(1.0);
        let leave = |state: &mut State| state.executing = state.executing.saturating_sub(1);
        self.0.slots.left(leave);
    }
}

/// The right to tidy up in the background, bounded as the executions are.
pub(in crate::idempotency) struct Chore<T>(Arc<Shared<T>>);

impl<T> Chore<T> {
    /// `None` when there are too many. The lease then ends what is left of the call.
    pub(in crate::idempotency) fn take(shared: &Arc<Shared<T>>) -> Option<Self> {
        let max = shared.config().executions;
        let mut state = shared.slots.state.lock();
        if state.chores >= max {
            return None;
        }
        state.chores = state.chores.saturating_add(1);
        drop(state);
        Some(Self(Arc::clone(shared)))
    }
}

impl<T> Drop for Chore<T> {
    fn drop(&mut self) {
        let leave = |state: &mut State| state.chores = state.chores.saturating_sub(1);
        self.0.slots.left(leave);
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

impl<T> fmt::Debug for Chore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chore")
    }
}
