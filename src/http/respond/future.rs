//! One call that is always answered.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use pin_project::pin_project;

use crate::error::StackError;

use super::layer::Shared;

/// The response of a [`Respond`](super::Respond).
///
/// # Cancel safety
/// Dropping it drops the inner future; it holds nothing else.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, B> {
    #[pin]
    state: State<F, B>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, B> {
    Called(#[pin] F, Arc<Shared>),
    Answered(Option<Response<B>>),
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) const fn called(inner: F, shared: Arc<Shared>) -> Self {
        Self {
            state: State::Called(inner, shared),
        }
    }

    pub(super) const fn answered(response: Response<B>) -> Self {
        Self {
            state: State::Answered(Some(response)),
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: StackError + fmt::Display,
    B: From<Bytes>,
{
    type Output = Result<Response<B>, Infallible>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().state.project() {
            StateProjection::Called(inner, shared) => match ready!(inner.poll(cx)) {
                Ok(response) => response,
                Err(error) => {
                    let refusal = error.rejection();
                    if refusal.is_none() {
                        shared.unexpected(&error);
                    }
                    shared.problem(refusal).into_response()
                }
            },
            StateProjection::Answered(response) => response.take().expect("polled after ready"),
        }))
    }
}
