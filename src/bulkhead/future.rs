//! One call, from the queue to its answer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::Service;

use crate::context::enter_deadline;
use crate::error::{Executed, Kind, Rejection, StackError};
use crate::sync::Held;
use crate::telemetry::{End, Tally};
use crate::time;
use crate::timer::Timer;

use super::layer::Shared;
use super::permit::Place;
use super::policy::{Expired, Wait};
use super::{Hold, Permit};

/// The response of a [`Bulkhead`](super::Bulkhead).
///
/// # Cancel safety
/// Dropping it at any time gives up its place in the queue, or drops the inner future and gives the
/// permit back, and counts the call as cancelled.
#[pin_project]
pub struct ResponseFuture<S: Service<Req>, Req, H> {
    #[pin]
    state: State<S, Req>,
    hold: H,
}

/// What a call waits with lies where its inner future will. An `Option` is empty only while its state is
/// being left, and after a panic in that.
#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req> {
    Queued(Option<Waiting<S, Req, Place>>, Alarm),
    Admitted(Option<Waiting<S, Req, Permit>>, Alarm),
    /// The inner future goes first, so that it is dropped before the permit is given back.
    Running(#[pin] S::Future, Option<Permit>),
    Ended(Option<S::Error>),
}

/// Made when something is waited for that has an end. In a box, for it is larger than most calls, of which few wait.
type Alarm = Option<Pin<Box<Timer>>>;

/// A call that the inner service has not seen. The instance goes first, so that what it may have
/// reserved is free before the permit is.
pub(super) struct Waiting<S, Req, P> {
    pub(super) inner: S,
    pub(super) request: Req,
    pub(super) wait: Wait,
    pub(super) held: P,
}

impl<S: Service<Req>, Req, H> ResponseFuture<S, Req, H> {
    #[inline]
    pub(super) const fn queued(waiting: Waiting<S, Req, Place>, hold: H) -> Self {
        let state = State::Queued(Some(waiting), None);
        Self { state, hold }
    }

    #[inline]
    pub(super) const fn admitted(waiting: Waiting<S, Req, Permit>, hold: H) -> Self {
        let state = State::Admitted(Some(waiting), None);
        Self { state, hold }
    }

    #[inline]
    pub(super) const fn running(inner: S::Future, permit: Permit, hold: H) -> Self {
        Self {
            state: State::Running(inner, Some(permit)),
            hold,
        }
    }

    #[inline]
    pub(super) const fn ended(error: S::Error, hold: H) -> Self {
        let state = State::Ended(Some(error));
        Self { state, hold }
    }
}

impl<S, Req, H> Future for ResponseFuture<S, Req, H>
where
    S: Service<Req>,
    S::Error: StackError,
    H: Hold<S::Response>,
{
    type Output = Result<H::Response, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const AFTER_READY: &str = "polled after ready";
        let mut this = self.project();
        let error = loop {
            match this.state.as_mut().project() {
                StateProjection::Queued(slot, alarm) => {
                    let waiting = slot.as_mut().expect(AFTER_READY);
                    let permit = match ready!(waiting.poll_permit(alarm, cx)) {
                        Ok(permit) => permit,
                        Err(error) => break error,
                    };
                    let admitted = slot.take().expect(AFTER_READY).admitted(permit);
                    let next = State::Admitted(Some(admitted), None);
                    this.state.set(next);
                }
                StateProjection::Admitted(slot, alarm) => {
                    let waiting = slot.as_mut().expect(AFTER_READY);
                    if let Err(error) = ready!(waiting.poll_inner(alarm, cx)) {
                        break error;
                    }
                    let (inner, permit) = slot.take().expect(AFTER_READY).call();
                    this.state.set(State::Running(inner, Some(permit)));
                }
                StateProjection::Running(inner, slot) => {
                    let result = ready!(inner.poll(cx));
                    let mut permit = slot.take().expect(AFTER_READY);
                    permit.tally.answered(&result);
                    this.state.set(State::Ended(None));
                    return Poll::Ready(result.map(|response| this.hold.hold(response, permit)));
                }
                StateProjection::Ended(error) => break error.take().expect(AFTER_READY),
            }
        };
        // What the call held is free before its caller hears of the end.
        this.state.set(State::Ended(None));
        Poll::Ready(Err(error))
    }
}

impl<S, Req> Waiting<S, Req, Place>
where
    S: Service<Req>,
    S::Error: StackError,
{
    fn poll_permit(
        &mut self,
        alarm: &mut Alarm,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Permit, S::Error>> {
        let Some(mut permit) = self.held.take_turn(cx.waker()) else {
            let now = ready!(poll_expired(self.wait, alarm, cx));
            self.held.tally.waited.record(self.wait.elapsed(now));
            let refusal = refuse(&mut self.held.tally, self.wait.expire(now));
            return Poll::Ready(Err(refusal.into()));
        };
        let now = time::now();
        permit.tally.waited.record(self.wait.elapsed(now));
        Poll::Ready(match self.wait.admit(now) {
            None => Ok(permit),
            Some(expired) => Err(refuse(&mut permit.tally, expired).into()),
        })
    }

    fn admitted(self, permit: Permit) -> Waiting<S, Req, Permit> {
        Waiting {
            inner: self.inner,
            request: self.request,
            wait: self.wait,
            held: permit,
        }
    }
}

impl<S, Req> Waiting<S, Req, Permit>
where
    S: Service<Req>,
    S::Error: StackError,
{
    fn poll_inner(
        &mut self,
        alarm: &mut Alarm,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>> {
        let expired = match self.inner.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.wait.admit(time::now()),
            Poll::Ready(Err(error)) => {
                self.held.tally.end(End::Error);
                return Poll::Ready(Err(error));
            }
            Poll::Pending => {
                let now = ready!(poll_expired(self.wait, alarm, cx));
                Some(self.wait.expire(now))
            }
        };
        Poll::Ready(match expired {
            None => Ok(()),
            Some(expired) => Err(refuse(&mut self.held.tally, expired).into()),
        })
    }

    /// Calls the instance that was made ready.
    #[inline]
    fn call(mut self) -> (S::Future, Permit) {
        // It may be polled outside of the scope that it was called in.
        let _deadline = enter_deadline(self.wait.deadline());
        (self.inner.call(self.request), self.held)
    }
}

/// The instant at which the wait is found to be over.
fn poll_expired(wait: Wait, alarm: &mut Alarm, cx: &mut Context<'_>) -> Poll<time::Instant> {
    if alarm.is_none() {
        *alarm = wait.ends().map(|at| Box::pin(Timer::at(at)));
    }
    match alarm {
        Some(timer) => timer.as_mut().poll_fired(cx).map(|()| time::now()),
        None => Poll::Pending,
    }
}

fn refuse(tally: &mut Tally<Shared, Held<Shared>>, expired: Expired) -> Rejection {
    let mut refuse = |kind| tally.reject(kind, Executed::No);
    match expired {
        Expired::Queue { retry_hint } => refuse(Kind::QueueTimeout).after(retry_hint),
        Expired::Deadline { limit, elapsed } => {
            refuse(Kind::DeadlineExceeded).limit(limit, elapsed)
        }
    }
}

impl<S: Service<Req>, Req, H> fmt::Debug for ResponseFuture<S, Req, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Queued(..) => "Queued",
            State::Admitted(..) => "Admitted",
            State::Running(..) => "Running",
            State::Ended(_) => "Ended",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
