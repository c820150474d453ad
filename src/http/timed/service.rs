//! Calls whose responses are watched.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower::Service;

use crate::context::{CallContext, Deadline};
use crate::http::Extensions;
use crate::telemetry::Tally;

use super::dials::Dials;
use super::meter::Bodies;
use super::{BodyTimeoutFuture, TimedBody};

/// Ends the bodies of responses that take too long; made by
/// [`BodyTimeoutLayer`](super::BodyTimeoutLayer).
///
/// It refuses no call, and the errors of the inner service pass through untouched.
#[derive(Clone, Debug)]
pub struct BodyTimeout<S, X = Extensions> {
    inner: S,
    dials: Arc<Dials>,
    bodies: Arc<Bodies>,
    context: X,
}

impl<S, X> BodyTimeout<S, X> {
    pub(super) const fn new(inner: S, dials: Arc<Dials>, bodies: Arc<Bodies>, context: X) -> Self {
        Self {
            inner,
            dials,
            bodies,
            context,
        }
    }
}

impl<S, X, A, B> Service<Request<A>> for BodyTimeout<S, X>
where
    S: Service<Request<A>, Response = Response<B>>,
    X: CallContext<Request<A>>,
    B: Body,
{
    type Response = Response<TimedBody<B>>;
    type Error = S::Error;
    type Future = BodyTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let tally = Tally::new(&self.bodies);
        let deadline = self.context.deadline(&request).unwrap_or(Deadline::NEVER);
        let limits = self.dials.limits().deadline(deadline);
        BodyTimeoutFuture::new(self.inner.call(request), limits, tally)
    }
}
