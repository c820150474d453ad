//! Turns errors into responses.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Response, StatusCode};
use tower::Service;

use crate::error::{Rejection, StackError};

use super::{Answer, Answers, ResponseFuture};

/// Turns errors into responses with codes of `C`; made by [`RespondLayer`](super::RespondLayer), and by
/// the one of gRPC.
///
/// An error of the inner service's `poll_ready` is the answer to the next call, which the inner
/// service then does not see.
#[derive(Debug)]
pub struct Respond<S, C = StatusCode> {
    inner: S,
    answers: Arc<Answers<C>>,
    failed: Option<Failed>,
}

/// How the inner service failed to become ready.
#[derive(Debug)]
enum Failed {
    Refused(Rejection),
    Unexpected,
}

impl<S, C> Respond<S, C> {
    pub(crate) const fn new(inner: S, answers: Arc<Answers<C>>) -> Self {
        Self {
            inner,
            answers,
            failed: None,
        }
    }
}

/// By hand: readiness, and the lack of it, belongs to one instance.
impl<S: Clone, C> Clone for Respond<S, C> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.answers))
    }
}

impl<S, Req, B, C> Service<Req> for Respond<S, C>
where
    S: Service<Req, Response = Response<B>>,
    S::Error: StackError + fmt::Display,
    C: Answer<B>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, B, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.failed.is_none() {
            if let Err(error) = ready!(self.inner.poll_ready(cx)) {
                self.failed = Some(if let Some(refusal) = error.rejection() {
                    Failed::Refused(refusal.clone())
                } else {
                    self.answers.unexpected(&error);
                    Failed::Unexpected
                });
            }
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let refusal = match self.failed.take() {
            None => {
                let answers = Arc::clone(&self.answers);
                return ResponseFuture::called(self.inner.call(request), answers);
            }
            Some(Failed::Refused(refusal)) => Some(refusal),
            Some(Failed::Unexpected) => None,
        };
        ResponseFuture::answered(C::answer(refusal.as_ref(), &self.answers))
    }
}
