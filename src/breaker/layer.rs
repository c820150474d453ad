//! Settings of a breaker.

use tower::Layer;

use crate::classify::ByError;
use crate::context::Ambient;
use crate::error::ConfigError;
use crate::name::Name;
use crate::rng::Rng;
use crate::sync::Spread;

use super::service::{Rules, WhenOpen};
use super::shared::Shared;
use super::{AtResponse, Breaker, BreakerConfig, BreakerHandle};

/// Makes [`Breaker`] services.
///
/// The services of one layer value and of its clones share one circuit.
#[derive(Clone, Debug)]
pub struct BreakerLayer<K = ByError, X = Ambient, H = AtResponse> {
    shared: Spread<Shared>,
    rules: Rules<K, X, H>,
}

impl BreakerLayer {
    /// A circuit in front of what `name` names.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: BreakerConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            shared: Spread::new(Shared::new(name.into(), config)?),
            rules: Rules {
                classify: ByError,
                context: Ambient,
                settle: AtResponse,
                when_open: WhenOpen::Refuse,
            },
        })
    }
}

impl<K, X, H> BreakerLayer<K, X, H> {
    /// Decides by `classify` what is a failure.
    #[must_use]
    pub fn classify<C>(self, classify: C) -> BreakerLayer<C, X, H> {
        BreakerLayer {
            shared: self.shared,
            rules: Rules {
                classify,
                context: self.rules.context,
                settle: self.rules.settle,
                when_open: self.rules.when_open,
            },
        }
    }

    /// Reads deadlines through `context`.
    #[must_use]
    pub fn context<Y>(self, context: Y) -> BreakerLayer<K, Y, H> {
        BreakerLayer {
            shared: self.shared,
            rules: Rules {
                classify: self.rules.classify,
                context,
                settle: self.rules.settle,
                when_open: self.rules.when_open,
            },
        }
    }

    /// Says when the outcome of an answered call is settled: with its response, unless said. What is
    /// settled later is judged by `settle` and not by [`classify`](Self::classify).
    #[must_use]
    pub fn settle<I>(self, settle: I) -> BreakerLayer<K, X, I> {
        BreakerLayer {
            shared: self.shared,
            rules: Rules {
                classify: self.rules.classify,
                context: self.rules.context,
                settle,
                when_open: self.rules.when_open,
            },
        }
    }

    /// Draws the jitter of open times from `rng`; for all that share this circuit.
    #[must_use]
    pub fn rng(self, rng: Rng) -> Self {
        self.shared.replace_rng(rng);
        self
    }

    /// Makes services that are not ready while they would refuse, instead of ready to refuse.
    ///
    /// For load balancers, which send calls to whatever is ready. The task that waits is woken when
    /// the open time ends, a probe's place becomes free, or the handle changes the state. A call is
    /// refused all the same if the circuit opens between readiness and the call, or if others took
    /// the places of all probes, and while a [`ramp`](BreakerConfig::ramp) refuses its share.
    #[must_use]
    pub fn not_ready_while_open(mut self) -> Self {
        self.rules.when_open = WhenOpen::Wait;
        self
    }

    /// A handle to the circuit.
    pub fn handle(&self) -> BreakerHandle {
        BreakerHandle::new(self.shared.clone())
    }
}

impl<S, K: Clone, X: Clone, H: Clone> Layer<S> for BreakerLayer<K, X, H> {
    type Service = Breaker<S, K, X, H>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker::new(inner, self.shared.clone(), self.rules.clone())
    }
}
