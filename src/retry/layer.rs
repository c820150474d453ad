//! Settings and handle of a retry.

use std::sync::Arc;

use tower::Layer;

use crate::classify::{ByError, Failure, Outcome};
use crate::context::Ambient;
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::rng::Rng;
use crate::sync::{Lock, Spread};
use crate::telemetry::{Calls, Metered, Scope};
use crate::time::Instant;

use super::record::Record;
use super::settings::Settings;
use super::{Budget, ByClone, Receipt, Retry, RetryConfig, RetrySnapshot, WindowedBudget};

/// Makes [`Retry`] services.
///
/// The services of one layer value and of its clones share its settings, its counts and its budget.
/// It keeps a copy of each service that it is put around, of which further attempts are sent by clones.
/// Each layer has a [`WindowedBudget`] of its own unless it is [given another](Self::budget).
#[derive(Clone, Debug)]
pub struct RetryLayer<K = ByError, R = ByClone, X = Ambient> {
    terms: Terms,
    classify: K,
    replay: R,
    context: X,
}

/// What the services of one layer share, whatever they are put around.
#[derive(Clone, Debug)]
struct Terms {
    core: Arc<Core>,
    budget: Purse,
    rng: Rng,
}

/// Who pays. The budget that a layer has of itself is called directly: it is what most calls meet.
#[derive(Clone, Debug)]
pub(super) enum Purse {
    Own(Arc<WindowedBudget>),
    Given(Arc<dyn Budget>),
}

impl Purse {
    #[inline]
    pub(super) fn enter(&self) {
        match self {
            Self::Own(budget) => budget.enter(),
            Self::Given(budget) => budget.enter(),
        }
    }

    pub(super) fn withdraw(&self, now: Instant, failure: Failure) -> Option<Receipt> {
        match self {
            Self::Own(budget) => budget.withdraw(now, Some(failure)),
            Self::Given(budget) => budget.withdraw(now, Some(failure)),
        }
    }

    pub(super) fn refund(&self, receipt: Receipt) {
        match self {
            Self::Own(budget) => budget.refund(receipt),
            Self::Given(budget) => budget.refund(receipt),
        }
    }

    #[inline]
    pub(super) fn settle(&self, paid: Option<Receipt>, outcome: Outcome) {
        match self {
            Self::Own(budget) => budget.settle(paid, outcome),
            Self::Given(budget) => budget.settle(paid, outcome),
        }
    }

    #[inline]
    pub(super) fn leave(&self) {
        match self {
            Self::Own(budget) => budget.leave(),
            Self::Given(budget) => budget.leave(),
        }
    }
}

/// What its handles share too. A handle outlives a change of the budget while the layer is built.
#[derive(Debug)]
struct Core {
    calls: Calls,
    record: Record,
    settings: Settings,
}

/// What a service shares with its clones.
///
/// Attempts after the first are sent by copies of `spare`. So a call that needs no further one copies
/// no service, which below this one may be many.
#[derive(Debug)]
pub(super) struct Shared<S> {
    terms: Terms,
    spare: Lock<S>,
}

impl<S> Metered for Shared<S> {
    #[inline]
    fn calls(&self) -> &Calls {
        &self.terms.core.calls
    }
}

impl<S> Shared<S> {
    #[inline]
    pub(super) fn settings(&self) -> &Settings {
        &self.terms.core.settings
    }

    pub(super) fn record(&self) -> &Record {
        &self.terms.core.record
    }

    #[inline]
    pub(super) const fn budget(&self) -> &Purse {
        &self.terms.budget
    }

    pub(super) fn rng(&self) -> &Rng {
        &self.terms.rng
    }
}

impl<S: Clone> Shared<S> {
    /// A service for another attempt; it is not ready.
    pub(super) fn spare(&self) -> S {
        self.spare.lock().clone()
    }
}

impl RetryLayer {
    /// Repeats calls to what `name` names.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: RetryConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let scope = Scope::new("retry", name.into());
        let core = Core {
            record: Record::new(scope.clone()),
            calls: Calls::new(scope, &[Kind::DeadlineExceeded, Kind::NotReady]),
            settings: Settings::new(config),
        };
        Ok(Self {
            terms: Terms {
                core: Arc::new(core),
                budget: Purse::Own(Arc::new(WindowedBudget::default())),
                rng: Rng::thread(),
            },
            classify: ByError,
            replay: ByClone,
            context: Ambient,
        })
    }
}

impl<K, R, X> RetryLayer<K, R, X> {
    /// Reads from `classify` which results are failures, and of what kind.
    #[must_use]
    pub fn classify<C>(self, classify: C) -> RetryLayer<C, R, X> {
        RetryLayer {
            terms: self.terms,
            classify,
            replay: self.replay,
            context: self.context,
        }
    }

    /// Copies requests, and judges whether a repeat is safe, through `replay`.
    #[must_use]
    pub fn replay<P>(self, replay: P) -> RetryLayer<K, P, X> {
        RetryLayer {
            terms: self.terms,
            classify: self.classify,
            replay,
            context: self.context,
        }
    }

    /// Reads deadlines and outer attempts, and marks attempts, through `context`.
    #[must_use]
    pub fn context<Y>(self, context: Y) -> RetryLayer<K, R, Y> {
        RetryLayer {
            terms: self.terms,
            classify: self.classify,
            replay: self.replay,
            context,
        }
    }

    /// Lets `budget` pay for further attempts. Give the same `Arc` to several layers to have them
    /// share it.
    #[must_use]
    pub fn budget(mut self, budget: impl Budget) -> Self {
        self.terms.budget = Purse::Given(Arc::new(budget));
        self
    }

    /// Draws jitter from `rng`.
    #[must_use]
    pub fn rng(mut self, rng: Rng) -> Self {
        self.terms.rng = rng;
        self
    }

    /// A handle to read the counts and change the settings of the services made, and to be made, by
    /// this layer.
    pub fn handle(&self) -> RetryHandle {
        RetryHandle {
            core: Arc::clone(&self.terms.core),
        }
    }
}

impl<S: Clone, K: Clone, R: Clone, X: Clone> Layer<S> for RetryLayer<K, R, X> {
    type Service = Retry<S, K, R, X>;

    fn layer(&self, inner: S) -> Self::Service {
        let shared = Shared {
            terms: self.terms.clone(),
            spare: Lock::new(inner.clone()),
        };
        Retry::new(
            inner,
            Spread::new(shared),
            self.classify.clone(),
            self.replay.clone(),
            self.context.clone(),
        )
    }
}

/// Reads the counts and changes the settings of a [`RetryLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct RetryHandle {
    core: Arc<Core>,
}

impl RetryHandle {
    /// What was done so far.
    pub fn snapshot(&self) -> RetrySnapshot {
        self.core.record.snapshot()
    }

    /// The settings.
    pub fn config(&self) -> RetryConfig {
        self.core.settings.config()
    }

    /// Replaces the settings. Calls in flight keep `attempts`, `elapsed_max` and `nested`; their waits
    /// follow the new ones from the next failure on.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: RetryConfig) -> Result<(), ConfigError> {
        config.validate()?;
        self.core.settings.set(config);
        Ok(())
    }
}
