//! One call under a limit.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::{pin_project, pinned_drop};

use crate::error::{Rejection, StackError};
use crate::sync::Held;
use crate::telemetry::{End, Metered as _, Open};
use crate::time;
use crate::timer::Timer;

use super::layer::Shared;
use super::policy::{Bounds, Expired, Term};

/// The response of a [`Timeout`](super::Timeout).
///
/// # Cancel safety
/// Dropping it at any time drops the inner future and its timer, and counts the call as cancelled.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    Called(#[pin] Call<F>),
    Rejected(Option<Rejection>),
}

/// The inner future goes first, so that it is dropped before the call is counted.
#[pin_project(PinnedDrop)]
#[derive(Debug)]
struct Call<F> {
    #[pin]
    inner: F,
    #[pin]
    phase: Phase,
    open: Open<Shared, Held<Shared>>,
}

#[pin_project(project = PhaseProjection)]
#[derive(Debug)]
enum Phase {
    Unpolled(Bounds),
    Waiting(#[pin] Timer, Term),
}

impl<F> ResponseFuture<F> {
    #[inline]
    pub(super) const fn new(open: Open<Shared, Held<Shared>>, bounds: Bounds, inner: F) -> Self {
        Self {
            state: State::Called(Call {
                inner,
                phase: Phase::Unpolled(bounds),
                open,
            }),
        }
    }

    #[inline]
    pub(super) const fn rejected(refusal: Rejection) -> Self {
        Self {
            state: State::Rejected(Some(refusal)),
        }
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: StackError,
{
    type Output = F::Output;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut state = self.project().state;
        let refusal = match state.as_mut().project() {
            StateProjection::Called(call) => match ready!(call.poll_answer(cx)) {
                Answer::Inner(result) => return Poll::Ready(result),
                Answer::Expired(refusal) => {
                    // The inner future ends before its caller hears of it.
                    state.set(State::Rejected(None));
                    refusal
                }
            },
            StateProjection::Rejected(refusal) => refusal.take().expect("polled after ready"),
        };
        Poll::Ready(Err(refusal.into()))
    }
}

enum Answer<R> {
    Inner(R),
    Expired(Rejection),
}

impl<F, T, E> Call<F>
where
    F: Future<Output = Result<T, E>>,
{
    #[inline]
    fn poll_answer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<F::Output>> {
        let mut this = self.project();
        if let Poll::Ready(result) = this.inner.poll(cx) {
            if let Some(shared) = this.open.end(End::of(&result)) {
                leave(&this.phase, &shared);
            }
            return Poll::Ready(Answer::Inner(result));
        }
        let expired = ready!(poll_expired(this.phase.as_mut(), this.open, cx));
        let Some(shared) = this.open.end(End::Rejected(expired.kind)) else {
            return Poll::Pending;
        };
        leave(&this.phase, &shared);
        let refusal = shared.calls().rejection(expired.kind, expired.executed);
        Poll::Ready(Answer::Expired(
            refusal.limit(expired.limit, expired.elapsed),
        ))
    }
}

/// The inner service has not answered. Its time begins when that is so for the first time.
fn poll_expired(
    mut phase: Pin<&mut Phase>,
    open: &Open<Shared, Held<Shared>>,
    cx: &mut Context<'_>,
) -> Poll<Expired> {
    if let (Phase::Unpolled(bounds), Some(shared)) = (&*phase, open.held()) {
        let now = time::now();
        let term = bounds.start(now);
        // First: it panics where there is no runtime, and then nothing waits. Each alone, as a timer that
        // may be one or the other is copied once more.
        match term.ends(now) {
            Some(at) => phase.set(Phase::Waiting(Timer::at(at), term)),
            None => phase.set(Phase::Waiting(Timer::unarmed(), term)),
        }
        shared.pending.increment(1.0);
    }
    let (mut timer, term) = match phase.project() {
        PhaseProjection::Waiting(timer, term) => (timer, *term),
        PhaseProjection::Unpolled(_) => return Poll::Pending,
    };
    ready!(timer.as_mut().poll_fired(cx));
    let now = time::now();
    Poll::Ready(term.expire(timer.fires_at().unwrap_or(now), now))
}

/// The call waits no longer, if it did.
fn leave(phase: &Phase, shared: &Shared) {
    if let Phase::Waiting(..) = phase {
        shared.pending.decrement(1.0);
    }
}

#[pinned_drop]
impl<F> PinnedDrop for Call<F> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        if let Some(shared) = this.open.held() {
            leave(&this.phase, shared);
        }
    }
}
