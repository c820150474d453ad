//! One call, from the gate to its answer.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::Service;

use crate::context::Carried;
use crate::error::{Rejection, StackError};

use super::Bearer;
use super::held::{Inside, Outside};

/// The response of a [`Fencing`](super::Fencing).
///
/// # Cancel safety
/// Dropping it drops the inner future and then gives the permit back, and counts the call as cancelled.
/// Whatever the service has sent on by then is under way and unguarded, unless it took the
/// [`Permit`](crate::coordination::Permit) along.
#[pin_project]
pub struct ResponseFuture<S: Service<Req>, Req, T> {
    #[pin]
    state: State<S, Req, T>,
}

/// An `Option` is empty only while its state is being left, and after a panic in that.
#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req, T> {
    Waiting(Option<Waiting<S, Req, T>>),
    /// The inner future goes first, so that it is dropped before the permit is given back.
    Running(#[pin] S::Future, Inside),
    Ended(Option<Rejection>),
}

/// A call that the inner service has not seen.
pub(super) struct Waiting<S, Req, T> {
    outside: Outside,
    inner: S,
    request: Req,
    bearer: T,
    /// The call may be polled outside of the scope that it was made in.
    carried: Carried,
}

impl<S, Req, T> Waiting<S, Req, T> {
    pub(super) fn new(inner: S, request: Req, bearer: T, outside: Outside) -> Self {
        Self {
            outside,
            inner,
            request,
            bearer,
            carried: Carried::take(),
        }
    }
}

impl<S, Req, T> Waiting<S, Req, T>
where
    S: Service<Req>,
    T: Bearer<Req>,
{
    /// Calls the instance that was made ready, as if it were called at once.
    fn call(self, inside: &Inside, cx: &mut Context<'_>) -> Poll<S::Future> {
        let (mut inner, mut request) = (self.inner, self.request);
        self.bearer.let_in(&mut request, inside.permit());
        let mut request = Some(request);
        let call = poll_fn(|_| match request.take() {
            Some(request) => Poll::Ready(inner.call(request)),
            None => Poll::Pending,
        });
        pin!(self.carried.over(call)).poll(cx)
    }
}

impl<S: Service<Req>, Req, T> ResponseFuture<S, Req, T> {
    pub(super) const fn waiting(waiting: Waiting<S, Req, T>) -> Self {
        let state = State::Waiting(Some(waiting));
        Self { state }
    }

    pub(super) const fn running(inner: S::Future, inside: Inside) -> Self {
        let state = State::Running(inner, inside);
        Self { state }
    }

    pub(super) const fn refused(refusal: Rejection) -> Self {
        let state = State::Ended(Some(refusal));
        Self { state }
    }
}

impl<S, Req, T> Future for ResponseFuture<S, Req, T>
where
    S: Service<Req>,
    S::Error: StackError,
    T: Bearer<Req>,
{
    type Output = Result<S::Response, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const AFTER_READY: &str = "polled after ready";
        let mut state = self.project().state;
        let refusal = loop {
            match state.as_mut().project() {
                StateProjection::Waiting(slot) => {
                    let waiting = slot.as_mut().expect(AFTER_READY);
                    let inside = match ready!(waiting.outside.poll_in(cx)) {
                        Ok(inside) => inside,
                        Err(refusal) => break refusal,
                    };
                    let waiting = slot.take().expect(AFTER_READY);
                    let inner = ready!(waiting.call(&inside, cx));
                    state.set(State::Running(inner, inside));
                }
                StateProjection::Running(inner, inside) => {
                    let result = ready!(inner.poll(cx));
                    inside.tally.answered(&result);
                    // The inner future ends, and then the permit, before their caller hears of it.
                    state.set(State::Ended(None));
                    return Poll::Ready(result);
                }
                StateProjection::Ended(refusal) => break refusal.take().expect(AFTER_READY),
            }
        };
        state.set(State::Ended(None));
        Poll::Ready(Err(refusal.into()))
    }
}

impl<S: Service<Req>, Req, T> fmt::Debug for ResponseFuture<S, Req, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Waiting(_) => "Waiting",
            State::Running(..) => "Running",
            State::Ended(_) => "Ended",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
