//! One call that is always answered.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Response, StatusCode};
use pin_project::pin_project;

use crate::error::StackError;

use super::{Answer, Answers};

/// The response of a [`Respond`](super::Respond).
///
/// # Cancel safety
/// Dropping it drops the inner future; it holds nothing else.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, B, C = StatusCode> {
    #[pin]
    state: State<F, B, C>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, B, C> {
    Called(#[pin] F, Arc<Answers<C>>),
    Answered(Option<Response<B>>),
}

impl<F, B, C> ResponseFuture<F, B, C> {
    pub(super) const fn called(inner: F, answers: Arc<Answers<C>>) -> Self {
        Self {
            state: State::Called(inner, answers),
        }
    }

    pub(super) const fn answered(response: Response<B>) -> Self {
        Self {
            state: State::Answered(Some(response)),
        }
    }
}

impl<F, B, C, E> Future for ResponseFuture<F, B, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: StackError + fmt::Display,
    C: Answer<B>,
{
    type Output = Result<Response<B>, Infallible>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().state.project() {
            StateProjection::Called(inner, answers) => match ready!(inner.poll(cx)) {
                Ok(response) => response,
                Err(error) => {
                    let refusal = error.rejection();
                    if refusal.is_none() {
                        answers.unexpected(&error);
                    }
                    C::answer(refusal, answers)
                }
            },
            StateProjection::Answered(response) => response.take().expect("polled after ready"),
        }))
    }
}
