//! Tells requests with a key from those without.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::context::{Ambient, CallContext, Deadline};
use crate::error::{Executed, Kind, StackError};
use crate::rng::Rng;
use crate::sync::Spread;
use crate::telemetry::Tally;

use super::call::{Asker, Runner, keyed};
use super::execution::{Surroundings, is_within};
use super::future::Unkeyed;
use super::refusal::Refusal;
use super::shared::Parts;
use super::{Capture, Owner, Prepare, ResponseFuture, Scope, Store, StoreKey};

/// Runs each request once; made by [`IdempotencyLayer`](super::IdempotencyLayer).
///
/// A clone holds nothing, readiness of its inner service included.
pub struct Idempotency<S, P, C, T, K, X = Ambient> /* S::Error: StackError; add error::layer()? */ {
    pub(super) inner: S,
    pub(super) parts: Spread<Parts<P, C, T>>,
    pub(super) scope: K,
    pub(super) context: X,
    pub(super) rng: Rng,
}

impl<S: Clone, P, C, T, K: Clone, X: Clone> Clone for Idempotency<S, P, C, T, K, X> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            parts: self.parts.clone(),
            scope: self.scope.clone(),
            context: self.context.clone(),
            rng: self.rng.clone(),
        }
    }
}

impl<S, Req, P, C, T, K, X> Service<Req> for Idempotency<S, P, C, T, K, X>
where
    Req: Send + 'static,
    S: Service<P::Inner, Future: Send, Response: Send> + Clone + Send + 'static,
    S::Error: StackError + Send + 'static,
    P: Prepare<Req, Inner: Send + 'static>,
    C: Capture<S::Response, S::Error, Outer: Send + 'static>,
    T: Store,
    K: Scope<Req>,
    X: CallContext<Req>,
{
    type Response = C::Outer;
    type Error = S::Error;
    type Future = ResponseFuture<S, P::Inner, C, T, C::Outer>;

    /// Ready at all times: what has run is answered while the inner service is not ready. That one is
    /// asked once a request is to run.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The key is found by code of others, which may panic.
        let tally = Tally::by(&*self.parts);
        match self.key(&request) {
            Ok(Some(key)) => {
                let deadline = self.context.deadline(&request).unwrap_or(Deadline::NEVER);
                let asker = Asker {
                    key,
                    owner: Owner::random(&self.rng),
                    rng: self.rng.clone(),
                };
                let run = Runner {
                    inner: self.inner.clone(),
                    surroundings: Surroundings::take(deadline),
                };
                let tally = tally.hand_to(self.parts.hold());
                ResponseFuture::keyed(keyed(tally, request, asker, run))
            }
            Ok(None) => {
                let request = self.parts.prepare.pass(request);
                let unkeyed = unkeyed(tally);
                self.pass(request, unkeyed)
            }
            Err(refusal) => ResponseFuture::refused(refusal, unkeyed(tally)),
        }
    }
}

/// Hands a call without a key on to a tally that knows nothing of `P`.
fn unkeyed<P, C, T>(tally: Tally<Parts<P, C, T>, &Parts<P, C, T>>) -> Unkeyed<C, T> {
    let parts: &Parts<P, C, T> = &tally;
    let unkeyed = Unkeyed {
        capture: Arc::clone(&parts.capture),
        tally: Tally::new(&parts.shared),
    };
    // It holds a borrow, and is not to count what the other will.
    mem::forget(tally);
    unkeyed
}

impl<S, P, C, T, K, X> Idempotency<S, P, C, T, K, X> {
    /// Under what the request is kept; `None` for one that goes straight through.
    fn key<Req>(&self, request: &Req) -> Result<Option<StoreKey>, Refusal>
    where
        P: Prepare<Req>,
        K: Scope<Req>,
    {
        let Some(key) = self.parts.prepare.key(request)? else {
            return Ok(None);
        };
        let scope = self.scope.scope(request);
        let Some(key) = self.parts.shared.store_key(&scope, key) else {
            return Err(Refusal::new(Kind::ScopeMissing, Executed::No));
        };
        if is_within(key) {
            // A layer of the same name around this one has the key. It would wait for itself.
            self.parts.shared.figures.nested.increment(1);
            return Ok(None);
        }
        Ok(Some(key))
    }

    /// Calls the inner service if it is ready on the spot; otherwise the future waits for it.
    ///
    /// No instance is left in which readiness was begun or has failed: it goes with the call, and a
    /// clone takes its place.
    fn pass<I, O>(&mut self, request: I, unkeyed: Unkeyed<C, T>) -> ResponseFuture<S, I, C, T, O>
    where
        S: Service<I> + Clone,
    {
        match self
            .inner
            .poll_ready(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => ResponseFuture::passed(self.inner.call(request), unkeyed),
            Poll::Ready(Err(error)) => {
                self.inner = self.inner.clone();
                ResponseFuture::failed(error, unkeyed)
            }
            Poll::Pending => {
                let fresh = self.inner.clone();
                let inner = mem::replace(&mut self.inner, fresh);
                ResponseFuture::passing(inner, request, unkeyed)
            }
        }
    }
}

impl<S: fmt::Debug, P, C, T, K, X> fmt::Debug for Idempotency<S, P, C, T, K, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("inner", &self.inner)
            .field("shared", &self.parts.shared)
            .finish_non_exhaustive()
    }
}
