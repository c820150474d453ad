//! Settings and handle of a bulkhead.

use tower::Layer;

use crate::context::Ambient;
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::sync::Spread;
use crate::telemetry::{Calls, Gauge, Histogram, Metered, Scope, event};

use super::semaphore::Semaphore;
use super::{Bulkhead, BulkheadConfig, UntilResponse};

/// Makes [`Bulkhead`] services.
///
/// The services of one layer value and of its clones share its permits, its queue and its metrics.
#[derive(Clone, Debug)]
pub struct BulkheadLayer<H = UntilResponse, X = Ambient> {
    shared: Spread<Shared>,
    hold: H,
    context: X,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) semaphore: Semaphore,
    calls: Calls,
    pub(super) in_flight: Gauge,
    pub(super) waiting: Gauge,
    pub(super) waited: Histogram,
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

impl BulkheadLayer {
    /// A limit on the calls to what `name` names.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: BulkheadConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let scope = Scope::new("bulkhead", name.into());
        let kinds = [
            Kind::BulkheadFull,
            Kind::QueueTimeout,
            Kind::DeadlineExceeded,
        ];
        let shared = Shared {
            semaphore: Semaphore::new(config),
            in_flight: scope.gauge("mainstay_bulkhead_in_flight"),
            waiting: scope.gauge("mainstay_bulkhead_waiting"),
            waited: scope.histogram("mainstay_bulkhead_wait_seconds"),
            calls: Calls::new(scope, &kinds),
        };
        Ok(Self {
            shared: Spread::new(shared),
            hold: UntilResponse,
            context: Ambient,
        })
    }
}

impl<H, X> BulkheadLayer<H, X> {
    /// Says how long the permit of an answered call is held.
    #[must_use]
    pub fn hold<I>(self, hold: I) -> BulkheadLayer<I, X> {
        BulkheadLayer {
            shared: self.shared,
            hold,
            context: self.context,
        }
    }

    /// Reads deadlines through `context`.
    #[must_use]
    pub fn context<Y>(self, context: Y) -> BulkheadLayer<H, Y> {
        BulkheadLayer {
            shared: self.shared,
            hold: self.hold,
            context,
        }
    }

    /// A handle to watch and steer the services made, and to be made, by this layer.
    pub fn handle(&self) -> BulkheadHandle {
        BulkheadHandle {
            shared: self.shared.clone(),
        }
    }
}

impl<S, H: Clone, X: Clone> Layer<S> for BulkheadLayer<H, X> {
    type Service = Bulkhead<S, H, X>;

    fn layer(&self, inner: S) -> Self::Service {
        let shared = self.shared.clone();
        Bulkhead::new(inner, shared, self.hold.clone(), self.context.clone())
    }
}

/// Watches and steers a [`BulkheadLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct BulkheadHandle {
    shared: Spread<Shared>,
}

impl BulkheadHandle {
    /// How many calls hold a permit, those included who were handed one and have not run since.
    pub fn in_flight(&self) -> u32 {
        self.snapshot().in_flight
    }

    /// How many calls wait for a permit.
    pub fn waiting(&self) -> u32 {
        self.snapshot().waiting
    }

    /// How many calls may be in flight.
    pub fn limit(&self) -> u32 {
        self.snapshot().config.concurrency
    }

    /// The counts and the settings in force, at one moment.
    pub fn snapshot(&self) -> BulkheadSnapshot {
        self.shared.semaphore.snapshot()
    }

    /// Changes how many calls may be in flight, and nothing else.
    ///
    /// Raised, it lets in at once those who wait, in order. Lowered below what is in flight, it lets
    /// nobody in until enough calls have ended; none is cut short.
    ///
    /// # Errors
    /// When `concurrency` is 0; the old limit then stays.
    pub fn resize(&self, concurrency: u32) -> Result<(), ConfigError> {
        BulkheadConfig::default()
            .concurrency(concurrency)
            .validate()?;
        let semaphore = &self.shared.semaphore;
        semaphore.reconfigure(|config| config.concurrency = concurrency);
        let scope = self.shared.calls.scope();
        event(scope, "resized", format_args!("concurrency {concurrency}"));
        Ok(())
    }

    /// Replaces all settings, the limit as in [`resize`](Self::resize). Calls that wait keep their
    /// places, also beyond a smaller queue, and the longest time they met; the order is the new one. So one that came with
    /// a `wait_max` of `Duration::MAX` can be passed by for ever once the order is
    /// [`LifoUnderBacklog`](super::Order::LifoUnderBacklog).
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: BulkheadConfig) -> Result<(), ConfigError> {
        config.validate()?;
        let new = config.clone();
        self.shared.semaphore.reconfigure(|config| *config = new);
        let scope = self.shared.calls.scope();
        event(scope, "reconfigured", format_args!("{config:?}"));
        Ok(())
    }
}

/// A [`BulkheadHandle`]'s view of one moment.
#[derive(Clone, Debug)]
pub struct BulkheadSnapshot {
    pub(super) in_flight: u32,
    pub(super) waiting: u32,
    pub(super) config: BulkheadConfig,
}

impl BulkheadSnapshot {
    /// How many calls hold a permit.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many calls wait for a permit.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    /// The settings in force.
    pub fn config(&self) -> &BulkheadConfig {
        &self.config
    }
}
