//! The call of the inner service, which may have to wait until that is ready.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::Service;

use crate::context::{Carried, Carry};

/// A call that waits for the inner service, or that has begun.
#[pin_project]
pub(super) struct Call<S: Service<Req>, Req> {
    #[pin]
    state: State<S, Req>,
}

#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req> {
    /// It may be polled outside of the scope that the call was made in.
    Waiting(#[pin] Carry<Readying<S, Req>>),
    Begun(#[pin] S::Future),
}

impl<S: Service<Req>, Req> Call<S, Req> {
    pub(super) const fn begun(future: S::Future) -> Self {
        let state = State::Begun(future);
        Self { state }
    }

    pub(super) fn waiting(inner: S, request: Req) -> Self {
        let readying = Carried::take().over(Readying(Some((inner, request))));
        let state = State::Waiting(readying);
        Self { state }
    }

    /// Whether the inner service has seen the request.
    pub(super) const fn has_begun(&self) -> bool {
        matches!(self.state, State::Begun(_))
    }
}

impl<S: Service<Req>, Req> Future for Call<S, Req> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Waiting(readying) => {
                    let future = ready!(readying.poll(cx))?;
                    state.set(State::Begun(future));
                }
                StateProjection::Begun(future) => return future.poll(cx),
            }
        }
    }
}

/// Makes an instance ready and calls it. The instance goes first, so that what it has reserved is free
/// before the request is. Empty once it has been called, and after a panic in that.
struct Readying<S, Req>(Option<(S, Req)>);

/// Neither is ever pinned.
impl<S, Req> Unpin for Readying<S, Req> {}

impl<S: Service<Req>, Req> Future for Readying<S, Req> {
    type Output = Result<S::Future, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const AFTER_READY: &str = "polled after ready";
        let (inner, _) = self.0.as_mut().expect(AFTER_READY);
        ready!(inner.poll_ready(cx))?;
        let (mut inner, request) = self.0.take().expect(AFTER_READY);
        Poll::Ready(Ok(inner.call(request)))
    }
}

impl<S: Service<Req>, Req> fmt::Debug for Call<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Waiting(_) => "Waiting",
            State::Begun(_) => "Begun",
        })
    }
}
