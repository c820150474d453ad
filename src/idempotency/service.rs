//! Tells requests with a key from those without.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::context::{Ambient, CallContext, Deadline};
use crate::error::{Executed, Kind, StackError};
use crate::rng::Rng;
use crate::telemetry::Tally;

use super::call::Keyed;
use super::execution::{Surroundings, is_within};
use super::refusal::Refusal;
use super::shared::Shared;
use super::{Capture, Prepare, ResponseFuture, Scope, Store, StoreKey};

/// Runs each request once; made by [`IdempotencyLayer`](super::IdempotencyLayer).
///
/// A clone holds nothing, readiness of its inner service included.
pub struct Idempotency<S, P, C, T, K, X = Ambient> /* S::Error: StackError; add error::layer()? */ {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<T>>,
    pub(super) prepare: Arc<P>,
    pub(super) capture: Arc<C>,
    pub(super) scope: K,
    pub(super) context: X,
    pub(super) rng: Rng,
}

impl<S: Clone, P, C, T, K: Clone, X: Clone> Clone for Idempotency<S, P, C, T, K, X> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
            prepare: Arc::clone(&self.prepare),
            capture: Arc::clone(&self.capture),
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
        let tally = Tally::new(&self.shared);
        let capture = Arc::clone(&self.capture);
        match self.key(&request) {
            Err(refusal) => ResponseFuture::refused(refusal, capture, tally),
            Ok(None) => {
                let request = self.prepare.pass(request);
                self.pass(request, capture, tally)
            }
            Ok(Some(key)) => {
                let deadline = self.context.deadline(&request).unwrap_or(Deadline::NEVER);
                let keyed = Keyed {
                    key,
                    request,
                    inner: self.inner.clone(),
                    shared: Arc::clone(&self.shared),
                    prepare: Arc::clone(&self.prepare),
                    capture: Arc::clone(&capture),
                    rng: self.rng.clone(),
                    surroundings: Surroundings::take(deadline),
                };
                ResponseFuture::keyed(keyed.answer(), capture, tally)
            }
        }
    }
}

impl<S, P, C, T, K, X> Idempotency<S, P, C, T, K, X> {
    /// Under what the request is kept; `None` for one that goes straight through.
    fn key<Req>(&self, request: &Req) -> Result<Option<StoreKey>, Refusal>
    where
        P: Prepare<Req>,
        K: Scope<Req>,
    {
        let Some(key) = self.prepare.key(request)? else {
            return Ok(None);
        };
        let scope = self.scope.scope(request);
        let Some(key) = self.shared.store_key(&scope, key) else {
            return Err(Refusal::new(Kind::ScopeMissing, Executed::No));
        };
        if is_within(key) {
            // A layer of the same name around this one has the key. It would wait for itself.
            self.shared.figures.nested.increment(1);
            return Ok(None);
        }
        Ok(Some(key))
    }

    /// Calls the inner service if it is ready on the spot; otherwise the future waits for it.
    ///
    /// No instance is left in which readiness was begun or has failed: it goes with the call, and a
    /// clone takes its place.
    fn pass<I, O>(
        &mut self,
        request: I,
        capture: Arc<C>,
        tally: Tally<Shared<T>>,
    ) -> ResponseFuture<S, I, C, T, O>
    where
        S: Service<I> + Clone,
    {
        match self
            .inner
            .poll_ready(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => ResponseFuture::passed(self.inner.call(request), capture, tally),
            Poll::Ready(Err(error)) => {
                self.inner = self.inner.clone();
                ResponseFuture::failed(error, capture, tally)
            }
            Poll::Pending => {
                let fresh = self.inner.clone();
                let inner = mem::replace(&mut self.inner, fresh);
                ResponseFuture::passing(inner, request, capture, tally)
            }
        }
    }
}

impl<S: fmt::Debug, P, C, T, K, X> fmt::Debug for Idempotency<S, P, C, T, K, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("inner", &self.inner)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
