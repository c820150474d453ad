//! Reads and steers a circuit while it is in use.

use std::time::Duration;

use crate::error::ConfigError;
use crate::sync::Spread;
use crate::time;

use super::policy::Policy;
use super::shared::Shared;
use super::{BreakerConfig, Snapshot, State, StateWatch};

/// Reads and steers the circuit of a [`BreakerLayer`](super::BreakerLayer).
///
/// Every change it makes begins a new state, also where the circuit was in that state before: the
/// window is emptied, and calls in flight do not count any more.
#[derive(Clone, Debug)]
pub struct BreakerHandle {
    shared: Spread<Shared>,
}

impl BreakerHandle {
    pub(super) const fn new(shared: Spread<Shared>) -> Self {
        Self { shared }
    }

    /// The state.
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// The circuit at this moment, window and all. Probes whose lease has ended are given up first.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Follows the state.
    pub fn watch(&self) -> StateWatch {
        StateWatch::new(self.shared.watch())
    }

    /// Refuses every call, until [`reset`](Self::reset) or another of these methods.
    pub fn force_open(&self) {
        self.shared.steer(Policy::force_open);
    }

    /// Opens the circuit for `time`, not bounded by
    /// [`open_max`](BreakerConfig::open_max); then probes decide as ever. [`Duration::MAX`] is until
    /// [`reset`](Self::reset).
    pub fn open_for(&self, time: Duration) {
        let now = time::now();
        self.shared.steer(|policy| policy.open_for(time, now));
    }

    /// Admits every call and only watches, until [`reset`](Self::reset) or another of these methods.
    pub fn disable(&self) {
        self.shared.steer(Policy::disable);
    }

    /// Closes the circuit from whatever state, with an empty window and the shortest open time ahead,
    /// and without a ramp.
    pub fn reset(&self) {
        self.shared.steer(Policy::reset);
    }

    /// Replaces the settings in place. The state stays, and calls in flight count as before.
    ///
    /// The window keeps its content if its own settings are unchanged and is emptied otherwise, and
    /// failures in a row are counted anew when that is turned on. An open time, a probation or a ramp
    /// that has begun ends by the old settings; a probe that begins in it has the new lease.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: BreakerConfig) -> Result<(), ConfigError> {
        self.shared.reconfigure(config)
    }
}
