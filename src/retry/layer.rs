//! Settings and handle of a retry.

use std::sync::Arc;

use tower::Layer;

use crate::classify::ByError;
use crate::context::Ambient;
use crate::error::{ConfigError, Kind};
use crate::name::Name;
use crate::rng::Rng;
use crate::telemetry::{Calls, Metered, Scope};

use super::record::Record;
use super::settings::Settings;
use super::{Budget, ByClone, Retry, RetryConfig, RetrySnapshot, WindowedBudget};

/// Makes [`Retry`] services.
///
/// The services of one layer value and of its clones share its settings, its counts and its budget.
/// Each layer has a [`WindowedBudget`] of its own unless it is [given another](Self::budget).
#[derive(Clone, Debug)]
pub struct RetryLayer<K = ByError, R = ByClone, X = Ambient> {
    shared: Arc<Shared>,
    classify: K,
    replay: R,
    context: X,
}

/// What the services of one layer share.
#[derive(Debug)]
pub(super) struct Shared {
    core: Arc<Core>,
    pub(super) budget: Arc<dyn Budget>,
    pub(super) rng: Rng,
}

/// What its handles share too. A handle outlives a change of the budget while the layer is built.
#[derive(Debug)]
struct Core {
    calls: Calls,
    record: Record,
    settings: Settings,
}

impl Metered for Shared {
    fn calls(&self) -> &Calls {
        &self.core.calls
    }
}

impl Shared {
    pub(super) fn settings(&self) -> &Settings {
        &self.core.settings
    }

    pub(super) fn record(&self) -> &Record {
        &self.core.record
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
            shared: Arc::new(Shared {
                core: Arc::new(core),
                budget: Arc::new(WindowedBudget::default()),
                rng: Rng::thread(),
            }),
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
            shared: self.shared,
            classify,
            replay: self.replay,
            context: self.context,
        }
    }

    /// Copies requests, and judges whether a repeat is safe, through `replay`.
    #[must_use]
    pub fn replay<P>(self, replay: P) -> RetryLayer<K, P, X> {
        RetryLayer {
            shared: self.shared,
            classify: self.classify,
            replay,
            context: self.context,
        }
    }

    /// Reads deadlines and outer attempts, and marks attempts, through `context`.
    #[must_use]
    pub fn context<Y>(self, context: Y) -> RetryLayer<K, R, Y> {
        RetryLayer {
            shared: self.shared,
            classify: self.classify,
            replay: self.replay,
            context,
        }
    }

    /// Lets `budget` pay for further attempts. Give the same `Arc` to several layers to have them
    /// share it.
    #[must_use]
    pub fn budget(mut self, budget: impl Budget) -> Self {
        self.shared = Arc::new(Shared {
            core: Arc::clone(&self.shared.core),
            budget: Arc::new(budget),
            rng: self.shared.rng.clone(),
        });
        self
    }

    /// Draws jitter from `rng`.
    #[must_use]
    pub fn rng(mut self, rng: Rng) -> Self {
        self.shared = Arc::new(Shared {
            core: Arc::clone(&self.shared.core),
            budget: Arc::clone(&self.shared.budget),
            rng,
        });
        self
    }

    /// A handle to read the counts and change the settings of the services made, and to be made, by
    /// this layer.
    pub fn handle(&self) -> RetryHandle {
        RetryHandle {
            core: Arc::clone(&self.shared.core),
        }
    }
}

impl<S, K: Clone, R: Clone, X: Clone> Layer<S> for RetryLayer<K, R, X> {
    type Service = Retry<S, K, R, X>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(
            inner,
            Arc::clone(&self.shared),
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
