//! Admits calls while the circuit is closed.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tower::Service;

use crate::classify::{ByError, Classify};
use crate::context::{Ambient, CallContext};
use crate::error::{Executed, Kind, StackError};
use crate::telemetry::Tally;
use crate::time;

use super::ResponseFuture;
use super::permit::{Admitted, Refused};
use super::shared::Shared;
use super::wait::Wait;

/// Refuses calls while the service behind it fails; made by [`BreakerLayer`](super::BreakerLayer).
#[derive(Debug)]
pub struct Breaker<S, K = ByError, X = Ambient> /* S::Error: StackError; add error::layer()? */ {
    inner: S,
    shared: Arc<Shared>,
    classify: K,
    context: X,
    when_open: WhenOpen,
    readied: Readied,
    wait: Wait,
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
    /// The circuit is open: the inner service was not asked and must not be called.
    Refusing,
}

impl<S, K, X> Breaker<S, K, X> {
    pub(super) fn new(
        inner: S,
        shared: Arc<Shared>,
        classify: K,
        context: X,
        when_open: WhenOpen,
    ) -> Self {
        Self {
            inner,
            shared,
            classify,
            context,
            when_open,
            readied: Readied::No,
            wait: Wait::default(),
        }
    }
}

/// By hand: readiness belongs to the instance that was polled.
impl<S: Clone, K: Clone, X: Clone> Clone for Breaker<S, K, X> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self::new(
            self.inner.clone(),
            shared,
            self.classify.clone(),
            self.context.clone(),
            self.when_open,
        )
    }
}

impl<S: Clone, K, X> Breaker<S, K, X> {
    /// Gives back what the inner service may hold because it was asked for readiness: a clone takes
    /// its place that was not.
    fn unready(&mut self) {
        if let Readied::Asked = self.readied {
            self.inner = self.inner.clone();
        }
        self.readied = Readied::No;
    }
}

impl<S, Req, K, X> Service<Req> for Breaker<S, K, X>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    K: Classify<S::Response, S::Error> + Clone,
    X: CallContext<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, K>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        loop {
            let until = match (self.shared.peek(), self.when_open) {
                (Ok(()), _) => {
                    self.readied = Readied::Asked;
                    if let Poll::Ready(ready) = self.inner.poll_ready(cx) {
                        self.wait.end();
                        return Poll::Ready(ready);
                    }
                    // The circuit may open while the inner service is not ready.
                    None
                }
                (Err(_), WhenOpen::Refuse) => {
                    self.wait.end();
                    self.unready();
                    self.readied = Readied::Refusing;
                    return Poll::Ready(Ok(()));
                }
                (Err(until), WhenOpen::Wait) => {
                    self.unready();
                    until
                }
            };
            ready!(self.wait.poll(&self.shared, until, cx));
        }
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let mut tally = Tally::new(&self.shared);
        let deadline = self.context.deadline(&request);
        if deadline.is_some_and(|deadline| deadline.has_passed(time::now())) {
            // Before the circuit is asked: nobody waits for what a probe would find.
            self.unready();
            return ResponseFuture::rejected(tally.reject(Kind::DeadlineExceeded, Executed::No));
        }
        let admission = match self.readied {
            Readied::Refusing => Err(self.shared.refuse()),
            Readied::Asked | Readied::No => self.shared.admit(),
        };
        match admission {
            Ok(permit) => {
                self.readied = Readied::No;
                let mut admitted = Admitted::new(tally, permit);
                let inner = admitted.run(|| self.inner.call(request));
                ResponseFuture::new(admitted, self.classify.clone(), inner)
            }
            Err(Refused(after)) => {
                self.unready();
                let refusal = tally.reject(Kind::CircuitOpen, Executed::No);
                ResponseFuture::rejected(match after {
                    Some(after) => refusal.after(after),
                    None => refusal,
                })
            }
        }
    }
}
