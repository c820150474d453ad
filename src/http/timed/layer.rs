//! Settings and handle of a body timeout.

use std::sync::Arc;

use tower::Layer;

use crate::error::ConfigError;
use crate::http::Extensions;
use crate::name::Name;

use super::dials::Dials;
use super::meter::Bodies;
use super::{BodyLimits, BodyTimeout, BodyTimeoutConfig};

/// Ends the bodies of responses that take too long; makes [`BodyTimeout`] services.
///
/// Each body gets the limits in force when its call is made, and the deadline of its request. The
/// services of one layer value and of its clones share its settings and its metrics.
#[derive(Clone, Debug)]
pub struct BodyTimeoutLayer<X = Extensions> {
    dials: Arc<Dials>,
    bodies: Arc<Bodies>,
    context: X,
}

impl BodyTimeoutLayer {
    /// Limits for the responses of what `name` names.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(name: impl Into<Name>, config: BodyTimeoutConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            dials: Arc::new(Dials::new(BodyLimits::new(&config)?)),
            bodies: Arc::new(Bodies::new("body_timeout", name.into())),
            context: Extensions::default(),
        })
    }
}

impl<X> BodyTimeoutLayer<X> {
    /// Reads deadlines through `context`.
    #[must_use]
    pub fn context<Y>(self, context: Y) -> BodyTimeoutLayer<Y> {
        BodyTimeoutLayer {
            dials: self.dials,
            bodies: self.bodies,
            context,
        }
    }

    /// A handle to change the settings of the services made, and to be made, by this layer.
    pub fn handle(&self) -> BodyTimeoutHandle {
        BodyTimeoutHandle {
            dials: Arc::clone(&self.dials),
        }
    }
}

impl<S, X: Clone> Layer<S> for BodyTimeoutLayer<X> {
    type Service = BodyTimeout<S, X>;

    fn layer(&self, inner: S) -> Self::Service {
        let (dials, bodies) = (Arc::clone(&self.dials), Arc::clone(&self.bodies));
        BodyTimeout::new(inner, dials, bodies, self.context.clone())
    }
}

/// Reads and changes the settings of a [`BodyTimeoutLayer`] while it is in use.
#[derive(Clone, Debug)]
pub struct BodyTimeoutHandle {
    dials: Arc<Dials>,
}

impl BodyTimeoutHandle {
    /// The settings in force.
    pub fn config(&self) -> BodyTimeoutConfig {
        let limits = self.dials.limits();
        BodyTimeoutConfig {
            first: limits.first,
            idle: limits.idle,
            total: limits.total,
        }
    }

    /// Replaces the settings. Calls that were made before keep theirs.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: BodyTimeoutConfig) -> Result<(), ConfigError> {
        self.dials.set(BodyLimits::new(&config)?);
        Ok(())
    }
}
