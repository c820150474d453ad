//! One call through a breaker.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;

use crate::classify::{Classify, Outcome};
use crate::error::{Executed, Kind, Rejection, StackError};

use super::permit::Admitted;

/// The response of a [`Breaker`](super::Breaker).
///
/// # Cancel safety
/// Dropping it at any time, also before the first poll, drops the inner future, and then counts the
/// call as [`BreakerConfig::cancelled`](super::BreakerConfig::cancelled) says; a probe gives its
/// place back or is counted as failed.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, K> {
    #[pin]
    state: State<F, K>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, K> {
    Called(#[pin] Call<F, K>),
    Rejected(Option<Rejection>),
}

/// The inner future goes first, so that it is gone when its place is free.
#[pin_project]
#[derive(Debug)]
struct Call<F, K> {
    #[pin]
    inner: F,
    admitted: Admitted,
    classify: K,
}

impl<F, K> ResponseFuture<F, K> {
    pub(super) const fn new(admitted: Admitted, classify: K, inner: F) -> Self {
        Self {
            state: State::Called(Call {
                inner,
                admitted,
                classify,
            }),
        }
    }

    pub(super) const fn rejected(refusal: Rejection) -> Self {
        Self {
            state: State::Rejected(Some(refusal)),
        }
    }
}

impl<F, K, T, E> Future for ResponseFuture<F, K>
where
    F: Future<Output = Result<T, E>>,
    K: Classify<T, E>,
    E: StackError,
{
    type Output = F::Output;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            StateProjection::Called(call) => {
                let call = call.project();
                let result = ready!(call.admitted.run(|| call.inner.poll(cx)));
                match call.classify.classify(result.as_ref()) {
                    Outcome::Ignored if was_given_up(&result) => call.admitted.given_up(),
                    outcome => call.admitted.answered(outcome),
                }
                call.admitted.count(&result);
                Poll::Ready(result)
            }
            StateProjection::Rejected(refusal) => {
                let refusal = refusal.take().expect("polled after ready");
                Poll::Ready(Err(refusal.into()))
            }
        }
    }
}

/// Whether the caller's deadline ended the call while it ran, as a drop would have.
fn was_given_up<T, E: StackError>(result: &Result<T, E>) -> bool {
    let refusal = result.as_ref().err().and_then(StackError::rejection);
    refusal.is_some_and(|refusal| {
        refusal.kind() == Kind::DeadlineExceeded && refusal.executed() != Executed::No
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::ByError;

    #[test]
    fn the_future_adds_little_to_the_inner_one() {
        let size = size_of::<ResponseFuture<(), ByError>>();
        assert!(size <= 96, "{size}");
    }
}
