//! The layer, and whose keys it has.

use std::fmt;
use std::sync::Arc;

use tower::Layer;

use crate::context::Ambient;
use crate::error::ConfigError;
use crate::name::Name;
use crate::rng::Rng;
use crate::sync::Spread;

use super::shared::{Parts, Shared};
use super::{
    By, HasScope, Idempotency, IdempotencyConfig, IdempotencyHandle, SingleTenant, Unscoped,
};

/// Makes [`Idempotency`] services.
///
/// The services of one layer value and of its clones share its settings, its limits and its metrics.
/// Layers of one name over one store share their keys, on however many hosts.
#[must_use]
pub struct IdempotencyLayer<P, C, T, K = Unscoped, X = Ambient> {
    shared: Arc<Shared<T>>,
    prepare: Arc<P>,
    capture: Arc<C>,
    scope: K,
    context: X,
    rng: Rng,
}

impl<P, C, T> IdempotencyLayer<P, C, T> {
    /// Runs once what `prepare` finds a key in, and answers its repeats with what `capture` kept of it
    /// in `store`.
    ///
    /// The name is a part of every key: another name is another set of requests that have run.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        name: impl Into<Name>,
        config: IdempotencyConfig,
        prepare: P,
        capture: C,
        store: T,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            shared: Arc::new(Shared::new(name.into(), config, store)),
            prepare: Arc::new(prepare),
            capture: Arc::new(capture),
            scope: Unscoped,
            context: Ambient,
            rng: Rng::thread(),
        })
    }
}

impl<P, C, T, X> IdempotencyLayer<P, C, T, Unscoped, X> {
    /// Says whose a request's key is, by a closure `Fn(&Req) -> Option<impl AsRef<[u8]>>` or another
    /// [`Scope`](super::Scope). Two scopes never see each other's results.
    pub fn scope<K>(self, scope: K) -> IdempotencyLayer<P, C, T, By<K>, X> {
        self.scoped(By(scope))
    }

    /// Says that all keys are of one tenant: any client that guesses a key sees its result.
    pub fn single_tenant(self) -> IdempotencyLayer<P, C, T, By<SingleTenant>, X> {
        self.scoped(By(SingleTenant))
    }
}

impl<P, C, T, K, X> IdempotencyLayer<P, C, T, K, X> {
    fn scoped<L>(self, scope: L) -> IdempotencyLayer<P, C, T, L, X> {
        IdempotencyLayer {
            shared: self.shared,
            prepare: self.prepare,
            capture: self.capture,
            scope,
            context: self.context,
            rng: self.rng,
        }
    }

    /// Finds keys by `prepare`.
    pub fn prepare<Q>(self, prepare: Q) -> IdempotencyLayer<Q, C, T, K, X> {
        IdempotencyLayer {
            shared: self.shared,
            prepare: Arc::new(prepare),
            capture: self.capture,
            scope: self.scope,
            context: self.context,
            rng: self.rng,
        }
    }

    /// Keeps what `capture` says of a result.
    pub fn capture<D>(self, capture: D) -> IdempotencyLayer<P, D, T, K, X> {
        IdempotencyLayer {
            shared: self.shared,
            prepare: self.prepare,
            capture: Arc::new(capture),
            scope: self.scope,
            context: self.context,
            rng: self.rng,
        }
    }

    /// Reads deadlines through `context`.
    pub fn context<Y>(self, context: Y) -> IdempotencyLayer<P, C, T, K, Y> {
        IdempotencyLayer {
            shared: self.shared,
            prepare: self.prepare,
            capture: self.capture,
            scope: self.scope,
            context,
            rng: self.rng,
        }
    }

    /// Draws owners and pauses from `rng`. Two layers over one store must not draw the same owners.
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }

    /// A handle to watch and steer the services made, and to be made, by this layer.
    pub fn handle(&self) -> IdempotencyHandle<T> {
        IdempotencyHandle::new(Arc::clone(&self.shared))
    }
}

impl<S, P, C, T, K, X> Layer<S> for IdempotencyLayer<P, C, T, K, X>
where
    K: HasScope,
    X: Clone,
{
    type Service = Idempotency<S, P, C, T, K::Scope, X>;

    fn layer(&self, inner: S) -> Self::Service {
        let parts = Parts {
            shared: Arc::clone(&self.shared),
            prepare: Arc::clone(&self.prepare),
            capture: Arc::clone(&self.capture),
        };
        Idempotency {
            inner,
            parts: Spread::new(parts),
            scope: self.scope.scope(),
            context: self.context.clone(),
            rng: self.rng.clone(),
        }
    }
}

impl<P, C, T, K: Clone, X: Clone> Clone for IdempotencyLayer<P, C, T, K, X> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            prepare: Arc::clone(&self.prepare),
            capture: Arc::clone(&self.capture),
            scope: self.scope.clone(),
            context: self.context.clone(),
            rng: self.rng.clone(),
        }
    }
}

impl<P, C, T, K, X> fmt::Debug for IdempotencyLayer<P, C, T, K, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyLayer")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
