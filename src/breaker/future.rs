//! One call through a breaker.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;

use crate::classify::{Classify, Outcome};
use crate::error::{Executed, Kind, StackError};

use super::permit::Admitted;
use super::refusal::Refusal;
use super::{AtResponse, Settle, Unsettled};

/// The response of a [`Breaker`](super::Breaker).
///
/// # Cancel safety
/// Dropping it at any time, also before the first poll, drops the inner future, and then counts the
/// call as [`BreakerConfig::cancelled`](super::BreakerConfig::cancelled) says; a probe gives its
/// place back or is counted as failed.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, K, H = AtResponse> {
    #[pin]
    state: State<F, K, H>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, K, H> {
    Called(#[pin] Call<F, K, H>),
    Rejected(Option<Refusal>),
}

/// The inner future goes first, so that it is gone when its place is free.
#[pin_project]
#[derive(Debug)]
struct Call<F, K, H> {
    #[pin]
    inner: F,
    /// Empty once it has been handed to what the response leaves to be settled.
    admitted: Option<Admitted>,
    classify: K,
    settle: H,
}

impl<F, K, H> ResponseFuture<F, K, H> {
    #[inline]
    pub(super) const fn new(admitted: Admitted, classify: K, settle: H, inner: F) -> Self {
        Self {
            state: State::Called(Call {
                inner,
                admitted: Some(admitted),
                classify,
                settle,
            }),
        }
    }

    #[inline]
    pub(super) const fn rejected(refusal: Refusal) -> Self {
        Self {
            state: State::Rejected(Some(refusal)),
        }
    }
}

impl<F, K, H, T, E> Future for ResponseFuture<F, K, H>
where
    F: Future<Output = Result<T, E>>,
    K: Classify<T, E>,
    H: Settle<T>,
    E: StackError,
{
    type Output = Result<H::Response, E>;

    #[inline]
    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const AFTER_READY: &str = "polled after ready";
        match self.project().state.project() {
            StateProjection::Called(call) => {
                let call = call.project();
                let admitted = call.admitted.as_mut().expect(AFTER_READY);
                let result = ready!(admitted.run(|| call.inner.poll(cx)));
                let outcome = call.classify.classify(result.as_ref());
                let is_settled = match &result {
                    Ok(response) => call.settle.is_settled(response, outcome),
                    Err(_) => true,
                };
                admitted.answered(&result);
                let unsettled = if is_settled {
                    match outcome {
                        Outcome::Ignored if was_given_up(&result) => admitted.given_up(),
                        outcome => admitted.settle(outcome),
                    }
                    None
                } else {
                    call.admitted.take().map(Unsettled::new)
                };
                Poll::Ready(result.map(|response| call.settle.respond(response, unsettled)))
            }
            StateProjection::Rejected(refusal) => {
                let refusal = refusal.take().expect(AFTER_READY);
                Poll::Ready(Err(refusal.into_rejection().into()))
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
        let size = size_of::<ResponseFuture<(), ByError, AtResponse>>();
        assert!(size <= 56, "{size}");
    }
}
