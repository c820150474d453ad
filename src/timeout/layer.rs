//! Settings and handle of a timeout.

use std::time::Duration;

use tower::Layer;

use crate::context::Ambient;
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::sync::{DurationCell, Spread};
use crate::telemetry::{Calls, Gauge, Metered, Scope};

use super::{Fixed, Timeout, TimeoutConfig};

/// Makes [`Timeout`] services.
///
/// The services of one layer value and of its clones share its settings and its metrics.
#[derive(Clone, Debug)]
pub struct TimeoutLayer<L = Fixed, X = Ambient> {
    shared: Spread<Shared>,
    limits: L,
    context: X,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    calls: Calls,
    pub(super) pending: Gauge,
    limit: DurationCell,
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl Shared {
    pub(super) fn limit(&self) -> Duration {
        self.limit.get()
    }
}

impl TimeoutLayer {
    /// A limit for calls to what `name` names.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: TimeoutConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let scope = Scope::new("timeout", name.into());
        let shared = Shared {
            pending: scope.gauge("mainstay_timeout_pending"),
            calls: Calls::new(scope, &[Kind::Timeout, Kind::DeadlineExceeded]),
            limit: DurationCell::new(config.limit),
        };
        Ok(Self {
            shared: Spread::new(shared),
            limits: Fixed,
            context: Ambient,
        })
    }
}

impl<L, X> TimeoutLayer<L, X> {
    /// Computes the limit of each call from its request; the configured one holds where `limits`
    /// gives `None`.
    #[must_use]
    pub fn limit_by<M>(self, limits: M) -> TimeoutLayer<M, X> {
        TimeoutLayer {
            shared: self.shared,
            limits,
            context: self.context,
        }
    }

    /// Reads deadlines through `context`.
    #[must_use]
    pub fn context<Y>(self, context: Y) -> TimeoutLayer<L, Y> {
        TimeoutLayer {
            shared: self.shared,
            limits: self.limits,
            context,
        }
    }

    /// A handle to change the settings of the services made, and to be made, by this layer.
    pub fn handle(&self) -> TimeoutHandle {
        TimeoutHandle {
            shared: self.shared.clone(),
        }
    }
}

impl<S, L: Clone, X: Clone> Layer<S> for TimeoutLayer<L, X> {
    type Service = Timeout<S, L, X>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(
            inner,
            self.shared.clone(),
            self.limits.clone(),
            self.context.clone(),
        )
    }
}

/// Reads and changes the settings of a [`TimeoutLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct TimeoutHandle {
    shared: Spread<Shared>,
}

impl TimeoutHandle {
    /// The configured limit.
    pub fn limit(&self) -> Duration {
        self.shared.limit()
    }

    /// Replaces the settings. Calls that are in flight keep theirs.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: TimeoutConfig) -> Result<(), ConfigError> {
        config.validate()?;
        self.shared.limit.set(config.limit);
        Ok(())
    }
}
