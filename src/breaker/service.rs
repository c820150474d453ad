//! Admits calls while the circuit is closed.

use std::task::{Context, Poll, ready};

use tower::Service;

use crate::classify::{ByError, Classify};
use crate::context::{Ambient, CallContext};
use crate::error::StackError;
use crate::sync::Spread;
use crate::telemetry::{End, Metered, Tally};
use crate::time;

use super::permit::{Admitted, Calling};
use super::refusal::{Refusal, Shut, Why};
use super::shared::Shared;
use super::wait::Wait;
use super::{AtResponse, ResponseFuture, Settle};

/// Refuses calls while the service behind it fails; made by [`BreakerLayer`](super::BreakerLayer).
#[derive(Debug)]
pub struct Breaker<S, K = ByError, X = Ambient, H = AtResponse> /* S::Error: StackError; add error::layer()? */
{
    inner: S,
    shared: Spread<Shared>,
    rules: Rules<K, X, H>,
    readied: Readied,
    wait: Wait,
}

/// How each call is read.
#[derive(Clone, Debug)]
pub(super) struct Rules<K, X, H> {
    pub(super) classify: K,
    pub(super) context: X,
    pub(super) settle: H,
    pub(super) when_open: WhenOpen,
}

/// What `poll_ready` says while calls would be refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum WhenOpen {
    Refuse,
    Wait,
}

/// What the last `poll_ready` of this instance found.
#[derive(Clone, Copy, Debug)]
enum Readied {
    /// Nothing is owed to the inner service.
    No,
    /// The inner service was asked, and may hold something for being ready, or a place in a queue for
    /// it.
    Asked,
    /// The circuit is open, as it was seen then: the inner service was not asked and must not be called.
    Refusing(Shut),
}

impl<S, K, X, H> Breaker<S, K, X, H> {
    pub(super) fn new(inner: S, shared: Spread<Shared>, rules: Rules<K, X, H>) -> Self {
        Self {
            inner,
            shared,
            rules,
            readied: Readied::No,
            wait: Wait::default(),
        }
    }
}

/// By hand: readiness belongs to the instance that was polled.
impl<S: Clone, K: Clone, X: Clone, H: Clone> Clone for Breaker<S, K, X, H> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        Self::new(self.inner.clone(), shared, self.rules.clone())
    }
}

impl Readied {
    /// Gives back what `inner` may hold because it was asked for readiness: a clone takes its place
    /// that was not.
    fn undo<S: Clone>(&mut self, inner: &mut S) {
        if let Self::Asked = self {
            *inner = inner.clone();
        }
        *self = Self::No;
    }
}

/// What a poll has found so far.
enum Found {
    Unknown,
    /// The circuit is closed, and the inner service not ready.
    Pending,
}

impl<S: Clone, K, X, H> Breaker<S, K, X, H> {
    fn get_ready_to_refuse(&mut self, shut: Shut) {
        self.wait.end();
        self.readied.undo(&mut self.inner);
        self.readied = Readied::Refusing(shut);
    }

    /// Whether the instance is ready to refuse, as far as a look at the circuit tells so.
    #[inline(never)]
    fn is_refusing(&mut self) -> bool {
        let shut = match self.rules.when_open {
            WhenOpen::Refuse => self.shared.look(),
            WhenOpen::Wait => None,
        };
        shut.map(|shut| self.get_ready_to_refuse(shut)).is_some()
    }
}

impl<S, K, X, H> Breaker<S, K, X, H> {
    /// Asks the inner service.
    #[inline]
    fn ask<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        self.readied = Readied::Asked;
        let ready = ready!(self.inner.poll_ready(cx));
        self.wait.end();
        Poll::Ready(ready)
    }

    /// Goes on with a poll for which it does not suffice that the circuit is closed and the inner service
    /// ready.
    fn poll_further<Req>(
        &mut self,
        mut found: Found,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req> + Clone,
    {
        loop {
            let until = match found {
                // The circuit may open while the inner service is not ready.
                Found::Pending => None,
                Found::Unknown => match (self.shared.peek(), self.rules.when_open) {
                    (Ok(()), _) => {
                        if let Poll::Ready(ready) = self.ask(cx) {
                            return Poll::Ready(ready);
                        }
                        None
                    }
                    (Err(shut), WhenOpen::Refuse) => {
                        self.get_ready_to_refuse(shut);
                        return Poll::Ready(Ok(()));
                    }
                    (Err(shut), WhenOpen::Wait) => {
                        self.readied.undo(&mut self.inner);
                        shut.until.and_then(|until| self.shared.instant(until))
                    }
                },
            };
            ready!(self.wait.poll(&self.shared, until, cx));
            found = Found::Unknown;
        }
    }
}

impl<S, Req, K, X, H> Service<Req> for Breaker<S, K, X, H>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    K: Classify<S::Response, S::Error> + Clone,
    X: CallContext<Req>,
    H: Settle<S::Response> + Clone,
{
    type Response = H::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, K, H>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.shared.is_passable() {
            if let Poll::Ready(ready) = self.ask(cx) {
                return Poll::Ready(ready);
            }
            return self.poll_further(Found::Pending, cx);
        }
        if self.is_refusing() {
            return Poll::Ready(Ok(()));
        }
        self.poll_further(Found::Unknown, cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let tally = Tally::by(&*self.shared);
        let deadline = self.rules.context.deadline(&request);
        if deadline.is_some_and(|deadline| deadline.has_passed(time::now())) {
            // Before the circuit is asked: nobody waits for what a probe would find.
            let refusal = refuse(tally, Why::TooLate);
            self.readied.undo(&mut self.inner);
            return ResponseFuture::rejected(refusal);
        }
        let admission = match self.readied {
            Readied::Refusing(shut) => Err(self.shared.refuse(shut)),
            Readied::Asked | Readied::No => self.shared.admit(),
        };
        match admission {
            Ok(permit) => {
                let calling = Calling::new(&self.shared, permit);
                // It is counted by its permit from here on.
                std::mem::forget(tally);
                self.readied = Readied::No;
                let inner = self.inner.call(request);
                calling.done();
                let admitted = Admitted::new(self.shared.hold(), permit);
                let (classify, settle) = (self.rules.classify.clone(), self.rules.settle.clone());
                ResponseFuture::new(admitted, classify, settle, inner)
            }
            Err(refused) => {
                let refusal = refuse(tally, Why::Shut(refused));
                self.readied.undo(&mut self.inner);
                ResponseFuture::rejected(refusal)
            }
        }
    }
}

/// Counts a call as refused.
fn refuse(mut tally: Tally<Shared, &Shared>, why: Why) -> Refusal {
    tally.end(End::Rejected(why.kind()));
    Refusal {
        name: tally.calls().scope().name(),
        why,
    }
}
