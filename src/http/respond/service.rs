//! Turns errors into responses.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use tower::Service;

use crate::error::{Rejection, StackError};

use super::ResponseFuture;
use super::layer::Shared;

/// Turns errors into responses; made by [`RespondLayer`](super::RespondLayer).
///
/// An error of the inner service's `poll_ready` is the answer to the next call, which the inner
/// service then does not see.
#[derive(Debug)]
pub struct Respond<S> {
    inner: S,
    shared: Arc<Shared>,
    failed: Option<Failed>,
}

/// How the inner service failed to become ready.
#[derive(Debug)]
enum Failed {
    Refused(Rejection),
    Unexpected,
}

impl<S> Respond<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self {
            inner,
            shared,
            failed: None,
        }
    }
}

/// By hand: readiness, and the lack of it, belongs to one instance.
impl<S: Clone> Clone for Respond<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.shared))
    }
}

impl<S, Req, B> Service<Req> for Respond<S>
where
    S: Service<Req, Response = Response<B>>,
    S::Error: StackError + fmt::Display,
    B: From<Bytes>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.failed.is_none() {
            if let Err(error) = ready!(self.inner.poll_ready(cx)) {
                self.failed = Some(if let Some(refusal) = error.rejection() {
                    Failed::Refused(refusal.clone())
                } else {
                    self.shared.unexpected(&error);
                    Failed::Unexpected
                });
            }
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let refusal = match self.failed.take() {
            None => {
                let shared = Arc::clone(&self.shared);
                return ResponseFuture::called(self.inner.call(request), shared);
            }
            Some(Failed::Refused(refusal)) => Some(refusal),
            Some(Failed::Unexpected) => None,
        };
        let problem = self.shared.problem(refusal.as_ref());
        ResponseFuture::answered(problem.into_response())
    }
}
