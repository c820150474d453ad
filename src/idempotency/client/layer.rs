//! The layer that gives requests their keys.

use tower::Layer;

use crate::context::Field;
use crate::name::Name;
use crate::rng::Rng;
use crate::telemetry::{Counter, Scope};

use super::IdempotencyKey;

/// Gives each request a key that has none: 128 random bits, as a string of RFC 8941 §3.3.3.
///
/// A request that has the field keeps it, whatever is in it, an empty text too. So a proxy takes off what
/// came from outside, unless that is to be the key.
///
/// It stands **outside** of retries, so that all attempts of one call carry one key. Inside, each
/// attempt would be another request to the server. A request that is to be repeated by other means, by
/// a job that is run again after a crash, needs a key that its caller keeps: this one is forgotten with
/// the call.
#[derive(Clone, Debug)]
#[must_use]
pub struct IdempotencyKeyLayer<F = All> {
    field: Field,
    which: F,
    rng: Rng,
    minted: Counter,
}

/// Every request gets a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct All;

/// Which requests get a key. Closures `Fn(&Req) -> bool` do.
pub trait Which<Req> {
    /// Whether this one does.
    fn takes(&self, request: &Req) -> bool;
}

impl<Req> Which<Req> for All {
    fn takes(&self, _request: &Req) -> bool {
        true
    }
}

impl<F, Req> Which<Req> for F
where
    F: Fn(&Req) -> bool,
{
    fn takes(&self, request: &Req) -> bool {
        self(request)
    }
}

impl IdempotencyKeyLayer {
    /// Keys for calls to what `name` names, in the field `idempotency-key`.
    pub fn new(name: impl Into<Name>) -> Self {
        let scope = Scope::new("idempotency_key", name.into());
        Self {
            field: Field::known("idempotency-key"),
            which: All,
            rng: Rng::thread(),
            minted: scope.counter("mainstay_idempotency_keys_total"),
        }
    }
}

impl<F> IdempotencyKeyLayer<F> {
    /// Puts the key into another field.
    pub const fn field(mut self, field: Field) -> Self {
        self.field = field;
        self
    }

    /// Gives keys to those requests only for which `which` holds, a closure `Fn(&Req) -> bool`.
    pub fn only<G>(self, which: G) -> IdempotencyKeyLayer<G> {
        IdempotencyKeyLayer {
            field: self.field,
            which,
            rng: self.rng,
            minted: self.minted,
        }
    }

    /// Draws the keys from `rng`. Who can tell its draws can guess the keys.
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }
}

impl<S, F: Clone> Layer<S> for IdempotencyKeyLayer<F> {
    type Service = IdempotencyKey<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        IdempotencyKey {
            inner,
            field: self.field,
            which: self.which.clone(),
            rng: self.rng.clone(),
            minted: self.minted.clone(),
        }
    }
}
