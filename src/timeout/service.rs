//! Admits calls under a limit.

use std::task::{Context, Poll};

use tower::Service;

use crate::context::{Ambient, CallContext};
use crate::error::{Executed, Kind, StackError};
use crate::sync::Spread;
use crate::telemetry::Tally;
use crate::time;

use super::layer::Shared;
use super::policy::Bounds;
use super::{Fixed, Limit, ResponseFuture};

/// Ends calls that take too long; made by [`TimeoutLayer`](super::TimeoutLayer).
#[derive(Clone, Debug)]
// The compiler quotes the next line when a method of `Service` is called on a stack whose error cannot
// hold refusals, and has nothing else to say of the cause.
pub struct Timeout<S, L = Fixed, X = Ambient> /* S::Error: StackError; add error::layer()? */ {
    inner: S,
    shared: Spread<Shared>,
    limits: L,
    context: X,
}

impl<S, L, X> Timeout<S, L, X> {
    #[inline]
    pub(super) const fn new(inner: S, shared: Spread<Shared>, limits: L, context: X) -> Self {
        Self {
            inner,
            shared,
            limits,
            context,
        }
    }
}

impl<S, Req, L, X> Service<Req> for Timeout<S, L, X>
where
    S: Service<Req>,
    S::Error: StackError,
    L: Limit<Req>,
    X: CallContext<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let mut tally = Tally::by(&*self.shared);
        let deadline = self.context.deadline(&request);
        if deadline.is_some_and(|deadline| deadline.has_passed(time::now())) {
            return ResponseFuture::rejected(tally.reject(Kind::DeadlineExceeded, Executed::No));
        }
        let limit = self
            .limits
            .limit(&request)
            .unwrap_or_else(|| self.shared.limit());
        ResponseFuture::new(
            tally.hold(self.shared.hold()),
            Bounds::new(limit, deadline),
            self.inner.call(request),
        )
    }
}
