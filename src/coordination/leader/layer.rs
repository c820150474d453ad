//! Settings and handle of a leader's layer.

use std::sync::Arc;
use std::time::Duration;

use tower::Layer;

use crate::coordination::{NotLeader, Timing};
use crate::error::{ConfigError, Executed, Kind, Rejection};
use crate::name::Name;
use crate::sync::DurationCell;
use crate::telemetry::{Calls, Metered, Scope, Tally, event};

use super::{LeaderConfig, LeaderOnly, Seat};

/// Makes [`LeaderOnly`] services.
///
/// The services of one layer value and of its clones share its seat, its settings and its metrics.
#[derive(Clone, Debug)]
pub struct LeaderLayer {
    shared: Arc<Shared>,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    calls: Calls,
    pub(super) seat: Box<dyn Seat>,
    min_remaining: DurationCell,
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Shared {
    /// Whether a call may begin with so much left.
    pub(super) fn suffices(&self, left: Duration) -> bool {
        !left.is_zero() && left >= self.min_remaining.get()
    }
}

/// Counts a refusal and makes it, with who leads now for its source.
pub(super) fn refuse(tally: &mut Tally<Shared>, kind: Kind, executed: Executed) -> Rejection {
    let hint = NotLeader::new(tally.seat.leader());
    tally.reject(kind, executed).because(Arc::new(hint))
}

impl LeaderLayer {
    /// Lets calls to what `name` names pass while `seat` leads.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        name: impl Into<Name>,
        seat: impl Seat,
        config: LeaderConfig,
    ) -> Result<Self, ConfigError> {
        config.validate(&seat.timing())?;
        let scope = Scope::new("leader", name.into());
        let shared = Shared {
            calls: Calls::new(scope, &[Kind::NotLeader, Kind::LeadershipLost]),
            seat: Box::new(seat),
            min_remaining: DurationCell::new(config.min_remaining),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A handle to change the settings of the services made, and to be made, by this layer.
    pub fn handle(&self) -> LeaderHandle {
        LeaderHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> Layer<S> for LeaderLayer {
    type Service = LeaderOnly<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LeaderOnly::new(inner, Arc::clone(&self.shared))
    }
}

/// Reads and changes the settings of a [`LeaderLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct LeaderHandle {
    shared: Arc<Shared>,
}

impl LeaderHandle {
    /// The settings in force.
    pub fn config(&self) -> LeaderConfig {
        LeaderConfig::default().min_remaining(self.shared.min_remaining.get())
    }

    /// Replaces the settings. Calls that have begun go on.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: LeaderConfig) -> Result<(), ConfigError> {
        let timing: Timing = self.shared.seat.timing();
        config.validate(&timing)?;
        self.shared.min_remaining.set(config.min_remaining);
        let scope = self.shared.calls.scope();
        event(scope, "reconfigured", format_args!("{config:?}"));
        Ok(())
    }
}
