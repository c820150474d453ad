//! Following the state of a circuit.

use tokio::sync::watch;

use super::epoch::Epoch;
use super::ruling::Change;
use super::state::State;

/// The newest state that was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    epoch: Epoch,
    state: State,
}

impl Told {
    pub(super) const FIRST: Self = Self {
        epoch: Epoch::FIRST,
        state: State::Closed,
    };

    /// Takes a change unless a newer one is known; whether the state is another one by it.
    pub(super) fn hear(&mut self, change: Change) -> bool {
        if !change.epoch.is_after(self.epoch) {
            return false;
        }
        self.epoch = change.epoch;
        std::mem::replace(&mut self.state, change.to) != change.to
    }
}

/// Follows the state of a circuit; made by [`BreakerHandle::watch`](super::BreakerHandle::watch).
///
/// It keeps the newest state only: whoever looks rarely misses those in between.
#[derive(Clone, Debug)]
pub struct StateWatch {
    told: watch::Receiver<Told>,
}

impl StateWatch {
    pub(super) const fn new(told: watch::Receiver<Told>) -> Self {
        Self { told }
    }

    /// The newest state.
    pub fn state(&self) -> State {
        self.told.borrow().state
    }

    /// Waits until the state has changed since this was last called, or since the watch was made, and
    /// gives the newest; `None` once every layer, service, call and handle of the circuit is gone.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn changed(&mut self) -> Option<State> {
        self.told.changed().await.ok()?;
        Some(self.told.borrow_and_update().state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_changes_told_in_the_wrong_order_the_newer_stays() {
        let change = |from, to, epoch| Change {
            from,
            to,
            epoch,
            opened: None,
        };
        let (first, second) = (Epoch::FIRST.next(), Epoch::FIRST.next().next());
        let mut told = Told::FIRST;
        assert!(told.hear(change(State::Open, State::HalfOpen, second)));
        assert!(!told.hear(change(State::Closed, State::Open, first)));
        assert_eq!(told.state, State::HalfOpen);
    }
}
