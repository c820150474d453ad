//! One call under a deadline.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project::pin_project;

use crate::context::{Deadline, enter_deadline};
use crate::error::{Executed, Kind, Rejection, StackError};
use crate::telemetry::Tally;
use crate::time::{self, Instant};
use crate::timer::Timer;

use super::Cover;
use super::record::Record;

/// The response of a [`DeadlineServer`](super::DeadlineServer) or a
/// [`DeadlineClient`](super::DeadlineClient).
///
/// # Cancel safety
/// Dropping it at any time drops the inner future and its timer, and counts the call as cancelled.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, C> {
    #[pin]
    state: State<F>,
    cover: C,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    Called(#[pin] Call<F>),
    Rejected(Option<Rejection>),
}

/// The inner future goes first, so that it is dropped before the call is counted.
#[pin_project]
#[derive(Debug)]
struct Call<F> {
    #[pin]
    inner: F,
    span: Span,
    #[pin]
    timer: Timer,
    tally: Tally<Record>,
}

/// The time that a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Nobody said when to stop waiting, so no clock was read.
    Endless,
    /// `kind` says whose time it is that ends.
    Until {
        began: Instant,
        ends: Deadline,
        kind: Kind,
    },
}

impl Span {
    pub(super) const fn deadline(self) -> Deadline {
        match self {
            Self::Endless => Deadline::NEVER,
            Self::Until { ends, .. } => ends,
        }
    }

    /// The call was ended at `now`.
    fn expire(self, now: Instant, tally: &mut Tally<Record>) -> Rejection {
        let (kind, limit, elapsed) = match self {
            Self::Endless => (Kind::DeadlineExceeded, Duration::MAX, Duration::ZERO),
            Self::Until { began, ends, kind } => {
                let elapsed = now.saturating_duration_since(began);
                (kind, ends.remaining(began), elapsed)
            }
        };
        let refusal = tally.reject(kind, Executed::Unknown);
        refusal.limit(limit, elapsed)
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(super) const fn called(inner: F, span: Span, tally: Tally<Record>, cover: C) -> Self {
        let call = Call {
            inner,
            span,
            timer: Timer::unarmed(),
            tally,
        };
        Self {
            state: State::Called(call),
            cover,
        }
    }

    /// Refuses the call; nobody has seen it.
    pub(super) fn refused(mut tally: Tally<Record>, cover: C) -> Self {
        let refusal = tally.reject(Kind::DeadlineExceeded, Executed::No);
        Self {
            state: State::Rejected(Some(refusal)),
            cover,
        }
    }
}

impl<F, T, E, C> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    E: StackError,
    C: Cover<T>,
{
    type Output = Result<C::Response, E>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let refusal = match this.state.as_mut().project() {
            StateProjection::Called(mut call) => match ready!(call.as_mut().poll_answer(cx)) {
                Ok(result) => {
                    let deadline = call.span.deadline();
                    let covered = |response| this.cover.cover(response, deadline);
                    return Poll::Ready(result.map(covered));
                }
                Err(refusal) => {
                    // The inner future ends before its caller hears of it.
                    this.state.set(State::Rejected(None));
                    refusal
                }
            },
            StateProjection::Rejected(refusal) => refusal.take().expect("polled after ready"),
        };
        Poll::Ready(Err(refusal.into()))
    }
}

impl<F, T, E> Call<F>
where
    F: Future<Output = Result<T, E>>,
{
    /// What the inner service answered, or the refusal where the deadline came first.
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Rejection>> {
        let mut this = self.project();
        let deadline = this.span.deadline();
        let polled = {
            let _entered = enter_deadline(deadline);
            this.inner.poll(cx)
        };
        if let Poll::Ready(result) = polled {
            this.tally.answered(&result);
            return Poll::Ready(Ok(result));
        }
        if !this.timer.is_armed() {
            this.timer.as_mut().arm(deadline.instant());
        }
        ready!(this.timer.poll_fired(cx));
        Poll::Ready(Err(this.span.expire(time::now(), this.tally)))
    }
}
