//! One call, from the queue to its answer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tower::Service;

use crate::error::{Executed, Kind, StackError};
use crate::telemetry::End;
use crate::time;
use crate::timer::Timer;

use super::permit::Claim;
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

/// What a call waits for lies where its inner future will.
#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req> {
    Waiting(Option<Waiting<S, Req>>, #[pin] Timer),
    /// The inner future goes first, so that it is dropped before the permit is given back.
    Running(#[pin] S::Future, Option<Claim>),
    Ended(Option<S::Error>),
}

/// A call that the inner service has not seen. The instance goes before the claim, so that what it may
/// have reserved is free before the permit is.
struct Waiting<S, Req> {
    inner: S,
    request: Req,
    wait: Wait,
    claim: Claim,
}

impl<S: Service<Req>, Req, H> ResponseFuture<S, Req, H> {
    pub(super) const fn running(inner: S::Future, claim: Claim, hold: H) -> Self {
        let state = State::Running(inner, Some(claim));
        Self { state, hold }
    }

    pub(super) const fn waiting(inner: S, request: Req, wait: Wait, claim: Claim, hold: H) -> Self {
        let waiting = Waiting {
            inner,
            request,
            wait,
            claim,
        };
        let state = State::Waiting(Some(waiting), Timer::unarmed());
        Self { state, hold }
    }

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
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Waiting(slot, timer) => {
                    let waiting = slot.as_mut().expect(AFTER_READY);
                    if let Err(error) = ready!(waiting.poll_turn(timer, cx)) {
                        this.state.set(State::Ended(None));
                        return Poll::Ready(Err(error));
                    }
                    let waiting = slot.take().expect(AFTER_READY);
                    let (inner, claim) = waiting.call();
                    this.state.set(State::Running(inner, Some(claim)));
                }
                StateProjection::Running(inner, slot) => {
                    let result = ready!(inner.poll(cx));
                    let mut claim = slot.take().expect(AFTER_READY);
                    claim.tally.answered(&result);
                    this.state.set(State::Ended(None));
                    let permit = Permit::new(claim);
                    return Poll::Ready(result.map(|response| this.hold.hold(response, permit)));
                }
                StateProjection::Ended(error) => {
                    return Poll::Ready(Err(error.take().expect(AFTER_READY)));
                }
            }
        }
    }
}

const AFTER_READY: &str = "polled after ready";

impl<S, Req> Waiting<S, Req>
where
    S: Service<Req>,
    S::Error: StackError,
{
    /// Waits for a permit, and then for the inner service, which is not asked before.
    fn poll_turn(
        &mut self,
        mut timer: Pin<&mut Timer>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>> {
        if self.wait.is_for_permit() {
            if !self.claim.has_turn(cx.waker()) {
                return self.poll_expired(timer, cx).map(Err);
            }
            let now = time::now();
            self.claim.tally.waited.record(self.wait.elapsed(now));
            timer.as_mut().arm(None);
            if let Some(expired) = self.wait.admit(now) {
                return Poll::Ready(Err(self.refuse(expired)));
            }
        }
        match self.inner.poll_ready(cx) {
            Poll::Pending => self.poll_expired(timer, cx).map(Err),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => {
                self.claim.tally.end(End::Error);
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_expired(&mut self, mut timer: Pin<&mut Timer>, cx: &mut Context<'_>) -> Poll<S::Error> {
        if !timer.is_armed() {
            timer.as_mut().arm(self.wait.ends());
        }
        ready!(timer.poll_fired(cx));
        let now = time::now();
        if self.wait.is_for_permit() {
            self.claim.tally.waited.record(self.wait.elapsed(now));
        }
        Poll::Ready(self.refuse(self.wait.expire(now)))
    }

    fn refuse(&mut self, expired: Expired) -> S::Error {
        let mut refuse = |kind| self.claim.tally.reject(kind, Executed::No);
        match expired {
            Expired::Queue { retry_hint } => refuse(Kind::QueueTimeout).after(retry_hint),
            Expired::Deadline { limit, elapsed } => {
                refuse(Kind::DeadlineExceeded).limit(limit, elapsed)
            }
        }
        .into()
    }

    /// Calls the instance that was made ready.
    fn call(mut self) -> (S::Future, Claim) {
        (self.inner.call(self.request), self.claim)
    }
}

impl<S, Req> fmt::Debug for Waiting<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

impl<S: Service<Req>, Req, H> fmt::Debug for ResponseFuture<S, Req, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state: &dyn fmt::Debug = match &self.state {
            State::Waiting(waiting, _) => waiting,
            State::Running(_, claim) => claim,
            State::Ended(_) => &"ended",
        };
        f.debug_tuple("ResponseFuture").field(state).finish()
    }
}
