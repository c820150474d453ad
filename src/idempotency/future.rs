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
    capture: Arc<C>,
    tally: Tally<Shared<T>>,
}

/// An `Option` is empty only while its state is being left, and after a panic in that.
#[pin_project(project = StateProjection)]
enum State<S: Service<I>, I, O> {
    Passing(Option<(S, I)>),
    Passed(#[pin] S::Future),
    Keyed(Boxed<O, S::Error>),
    Ended(Option<Failure<S::Error>>),
}

/// Boxed, because it awaits what a store, a request and a response are read by, and their futures have no
/// names. A call without a key has none.
type Boxed<O, E> = Pin<Box<dyn Future<Output = Result<O, Failure<E>>> + Send>>;

impl<S, I, C, T, O> ResponseFuture<S, I, C, T, O>
where
    S: Service<I>,
{
    const fn new(state: State<S, I, O>, capture: Arc<C>, tally: Tally<Shared<T>>) -> Self {
        Self {
            state,
            capture,
            tally,
        }
    }

    pub(super) fn passing(inner: S, request: I, capture: Arc<C>, tally: Tally<Shared<T>>) -> Self {
        Self::new(State::Passing(Some((inner, request))), capture, tally)
    }

    pub(super) fn passed(inner: S::Future, capture: Arc<C>, tally: Tally<Shared<T>>) -> Self {
        Self::new(State::Passed(inner), capture, tally)
    }

    /// The one future of this layer that is boxed: it waits for the store, and for a task.
    pub(super) fn keyed(
        call: impl Future<Output = Result<O, Failure<S::Error>>> + Send + 'static,
        capture: Arc<C>,
        tally: Tally<Shared<T>>,
    ) -> Self {
        Self::new(State::Keyed(Box::pin(call)), capture, tally)
    }

    pub(super) fn failed(error: S::Error, capture: Arc<C>, tally: Tally<Shared<T>>) -> Self {
        let failure = Failure::Inner(error);
        Self::new(State::Ended(Some(failure)), capture, tally)
    }

    pub(super) fn refused(refusal: Refusal, capture: Arc<C>, tally: Tally<Shared<T>>) -> Self {
        Self::new(State::Ended(Some(refusal.into())), capture, tally)
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
                    break response.map(|response| this.capture.pass(response));
                }
                StateProjection::Keyed(call) => break ready!(call.as_mut().poll(cx)),
                StateProjection::Ended(failure) => {
                    break Err(failure.take().expect(AFTER_READY));
                }
            }
        };
        // What the call held is free before its caller hears of the end.
        this.state.set(State::Ended(None));
        Poll::Ready(match result {
            Ok(response) => {
                this.tally.end(End::Ok);
                Ok(response)
            }
            Err(failure) => Err(failure.count(this.tally)),
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
