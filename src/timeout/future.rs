//! One call under a limit.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::{pin_project, pinned_drop};

use crate::error::{Rejection, StackError};
use crate::sync::Held;
use crate::telemetry::Tally;
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
    tally: Tally<Shared, Held<Shared>>,
}

#[pin_project(project = PhaseProjection)]
#[derive(Debug)]
enum Phase {
    Unpolled(Bounds),
    Waiting(#[pin] Timer, Term),
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(tally: Tally<Shared, Held<Shared>>, bounds: Bounds, inner: F) -> Self {
        let phase = Phase::Unpolled(bounds);
        Self {
            state: State::Called(Call {
                inner,
                phase,
                tally,
            }),
        }
    }

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
    fn poll_answer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<F::Output>> {
        let mut this = self.project();
        if let Poll::Ready(result) = this.inner.poll(cx) {
            this.tally.answered(&result);
            return Poll::Ready(Answer::Inner(result));
        }
        if let Phase::Unpolled(bounds) = *this.phase {
            let now = time::now();
            let term = bounds.start(now);
            // First: it panics where there is no runtime, and then nothing waits.
            let timer = Timer::armed(term.ends(now));
            this.phase.set(Phase::Waiting(timer, term));
            this.tally.pending.increment(1.0);
        }
        let expired = match this.phase.project() {
            PhaseProjection::Waiting(timer, term) => ready!(poll_expired(timer, *term, cx)),
            PhaseProjection::Unpolled(_) => return Poll::Pending,
        };
        let refusal = this.tally.reject(expired.kind, expired.executed);
        Poll::Ready(Answer::Expired(
            refusal.limit(expired.limit, expired.elapsed),
        ))
    }
}

fn poll_expired(mut timer: Pin<&mut Timer>, term: Term, cx: &mut Context<'_>) -> Poll<Expired> {
    ready!(timer.as_mut().poll_fired(cx));
    let now = time::now();
    Poll::Ready(term.expire(timer.fires_at().unwrap_or(now), now))
}

#[pinned_drop]
impl<F> PinnedDrop for Call<F> {
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        if let Phase::Waiting(..) = *this.phase {
            this.tally.pending.decrement(1.0);
        }
    }
}
