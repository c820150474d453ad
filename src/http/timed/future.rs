//! One call until its head has come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project::pin_project;

use crate::telemetry::{End, Tally};

use super::meter::Bodies;
use super::{BodyLimits, TimedBody};

/// The response of a [`BodyTimeout`](super::BodyTimeout).
///
/// # Cancel safety
/// Dropping it at any time drops the inner future, and counts the call as cancelled.
#[pin_project]
#[derive(Debug)]
pub struct BodyTimeoutFuture<F> {
    #[pin]
    inner: F,
    limits: BodyLimits,
    tally: Tally<Bodies>,
}

impl<F> BodyTimeoutFuture<F> {
    pub(super) const fn new(inner: F, limits: BodyLimits, tally: Tally<Bodies>) -> Self {
        Self {
            inner,
            limits,
            tally,
        }
    }
}

impl<F, B, E> Future for BodyTimeoutFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<TimedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        if result.is_err() {
            this.tally.end(End::Error);
        }
        // The call is over with its body, which counts it.
        Poll::Ready(result.map(|response| {
            response.map(|body| TimedBody::counted(body, *this.limits, this.tally.hand_on()))
        }))
    }
}
