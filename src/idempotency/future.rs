//! One call, with or without a key.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::Service;

use crate::error::StackError;
use crate::telemetry::{End, Tally};

use super::Capture;
use super::call::Boxed;
use super::refusal::{Failure, Refusal};
use super::shared::Shared;

/// The response of an [`Idempotency`](super::Idempotency) service.
///
/// # Cancel safety
/// Dropping it counts the call as cancelled. Without a key it drops the inner future. With one: before
/// the key is granted nothing is left of it; what has begun goes on, and its result is kept.
///
/// # Panics
/// As the handler did; and with a key, when it is polled outside of a tokio runtime.
//
// `O` is what `C` makes of a response, and not read off its impl: that has a bound on the error, which
// the compiler cannot prove again for a `BoxError` in a spawned block.
#[pin_project]
pub struct ResponseFuture<S: Service<I>, I, C, T, O> {
    #[pin]
    state: State<S, I, O>,
    /// `None` where there is a key.
    unkeyed: Option<Unkeyed<C, T>>,
}

/// What a call without a key holds.
pub(super) struct Unkeyed<C, T> {
    pub(super) capture: Arc<C>,
    pub(super) tally: Tally<Shared<T>>,
}

/// An `Option` is empty only while its state is being left, and after a panic in that.
#[pin_project(project = StateProjection)]
enum State<S: Service<I>, I, O> {
    Passing(Option<(S, I)>),
    Passed(#[pin] S::Future),
    Keyed(Boxed<O, S::Error>),
    Ended(Option<Failure<S::Error>>),
}

impl<S, I, C, T, O> ResponseFuture<S, I, C, T, O>
where
    S: Service<I>,
{
    const fn new(state: State<S, I, O>, unkeyed: Option<Unkeyed<C, T>>) -> Self {
        Self { state, unkeyed }
    }

    pub(super) fn passing(inner: S, request: I, unkeyed: Unkeyed<C, T>) -> Self {
        Self::new(State::Passing(Some((inner, request))), Some(unkeyed))
    }

    pub(super) fn passed(inner: S::Future, unkeyed: Unkeyed<C, T>) -> Self {
        Self::new(State::Passed(inner), Some(unkeyed))
    }

    pub(super) const fn keyed(call: Boxed<O, S::Error>) -> Self {
        Self::new(State::Keyed(call), None)
    }

    pub(super) fn failed(error: S::Error, unkeyed: Unkeyed<C, T>) -> Self {
        let failure = Failure::Inner(error);
        Self::new(State::Ended(Some(failure)), Some(unkeyed))
    }

    pub(super) fn refused(refusal: Refusal, unkeyed: Unkeyed<C, T>) -> Self {
        Self::new(State::Ended(Some(refusal.into())), Some(unkeyed))
    }
}

impl<S, I, C, T, O> Future for ResponseFuture<S, I, C, T, O>
where
    S: Service<I>,
    S::Error: StackError,
    C: Capture<S::Response, S::Error, Outer = O>,
{
    type Output = Result<O, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const AFTER_READY: &str = "polled after ready";
        let mut this = self.project();
        let result = loop {
            match this.state.as_mut().project() {
                StateProjection::Passing(slot) => {
                    let (inner, _) = slot.as_mut().expect(AFTER_READY);
                    if let Err(error) = ready!(inner.poll_ready(cx)) {
                        break Err(Failure::Inner(error));
                    }
                    let (mut inner, request) = slot.take().expect(AFTER_READY);
                    let called = inner.call(request);
                    this.state.set(State::Passed(called));
                }
                StateProjection::Passed(inner) => {
                    let response = ready!(inner.poll(cx)).map_err(Failure::Inner);
                    break response;
                }
                StateProjection::Keyed(call) => {
                    let answer = ready!(call.poll(cx));
                    // What the call held is free before its caller hears of the end.
                    this.state.set(State::Ended(None));
                    return Poll::Ready(answer);
                }
                StateProjection::Ended(failure) => {
                    break Err(failure.take().expect(AFTER_READY));
                }
            }
        };
        let Unkeyed { capture, mut tally } = this.unkeyed.take().expect(AFTER_READY);
        let result = result.map(|response| capture.pass(response));
        this.state.set(State::Ended(None));
        Poll::Ready(match result {
            Ok(response) => {
                tally.end(End::Ok);
                Ok(response)
            }
            Err(failure) => Err(failure.count(&mut tally)),
        })
    }
}

impl<S, I, C, T, O> fmt::Debug for ResponseFuture<S, I, C, T, O>
where
    S: Service<I>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Passing(_) => "Passing",
            State::Passed(_) => "Passed",
            State::Keyed(_) => "Keyed",
            State::Ended(_) => "Ended",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
