//! One call and its attempts.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;
use tokio::task::coop;
use tower::Service;

use crate::classify::{Classify, Failure, Outcome};
use crate::context::{CallContext, enter_attempt, enter_deadline};
use crate::error::{Executed, Kind, Rejection, StackError};
use crate::sync::Held;
use crate::telemetry::Tally;
use crate::time;
use crate::timer::Timer;

use super::account::Account;
use super::layer::Shared;
use super::policy::{Next, Repeat};
use super::service::copy;
use super::{Replay, Stop};

/// The response of a [`Retry`](super::Retry).
///
/// # Cancel safety
/// Dropping it at any time drops the attempt that runs, or the wait, gives back what was paid for an
/// attempt that was not sent, and counts the call as cancelled.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<S, Req, K, R, X>
where
    S: Service<Req>,
{
    #[pin]
    state: State<S::Future, S::Error, S, Req, K, R, X>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, E, S, Req, K, R, X> {
    Called(#[pin] Call<F, E, S, Req, K, R, X>),
    Passed(#[pin] Passed<F, S>),
    Rejected(Option<Rejection>),
}

/// A call that another retry repeats. What runs is dropped before the call is counted.
#[pin_project]
#[derive(Debug)]
struct Passed<F, S> {
    #[pin]
    inner: F,
    tally: Tally<Shared<S>, Held<Shared<S>>>,
}

/// The stage goes first, so that what runs is dropped before the call is counted.
#[pin_project]
#[derive(Debug)]
struct Call<F, E, S, Req, K, R, X> {
    #[pin]
    stage: Stage<F, E, S>,
    plan: Plan<S, Req, K, R, X>,
}

#[pin_project(project = StageProjection)]
#[derive(Debug)]
enum Stage<F, E, S> {
    Attempt(#[pin] F),
    /// Apart, so that calls which do not fail are spared its room.
    Wait(Pin<Box<Wait<E, S>>>),
}

#[pin_project]
#[derive(Debug)]
struct Wait<E, S> {
    #[pin]
    timer: Timer,
    phase: Phase<S>,
    /// What the attempt before ended with. A response is not kept: it may hold a connection.
    error: Option<E>,
}

#[derive(Debug)]
enum Phase<S> {
    Sleeping,
    /// The service that will send the next attempt; `None` once it does, or the call has ended.
    Readying(Option<S>),
}

/// All of a call that outlives its attempts.
#[derive(Debug)]
pub(super) struct Plan<S, Req, K, R, X> {
    /// What the next attempt sends. `None` while the last one runs, and when the request cannot be
    /// copied.
    pub(super) copy: Option<Req>,
    pub(super) classify: K,
    pub(super) replay: R,
    pub(super) context: X,
    pub(super) account: Account<S>,
}

impl<S: Service<Req>, Req, K, R, X> ResponseFuture<S, Req, K, R, X> {
    #[inline]
    pub(super) const fn called(attempt: S::Future, plan: Plan<S, Req, K, R, X>) -> Self {
        let stage = Stage::Attempt(attempt);
        Self {
            state: State::Called(Call { stage, plan }),
        }
    }

    #[inline]
    pub(super) const fn passed(inner: S::Future, tally: Tally<Shared<S>, Held<Shared<S>>>) -> Self {
        Self {
            state: State::Passed(Passed { inner, tally }),
        }
    }

    #[inline]
    pub(super) const fn rejected(refusal: Rejection) -> Self {
        Self {
            state: State::Rejected(Some(refusal)),
        }
    }
}

impl<S, Req, K, R, X> Future for ResponseFuture<S, Req, K, R, X>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    K: Classify<S::Response, S::Error>,
    R: Replay<Req>,
    X: CallContext<Req>,
{
    type Output = Result<S::Response, S::Error>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Called(call) => call.poll_answer(cx),
            StateProjection::Passed(passed) => {
                let this = passed.project();
                let result = ready!(this.inner.poll(cx));
                this.tally.answered(&result);
                Poll::Ready(result)
            }
            StateProjection::Rejected(refusal) => {
                Poll::Ready(Err(refusal.take().expect("polled after ready").into()))
            }
        }
    }
}

impl<S, Req, K, R, X> Call<S::Future, S::Error, S, Req, K, R, X>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    K: Classify<S::Response, S::Error>,
    R: Replay<Req>,
    X: CallContext<Req>,
{
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        let this = self.project();
        let (mut stage, plan) = (this.stage, this.plan);
        loop {
            match stage.as_mut().project() {
                StageProjection::Attempt(attempt) => {
                    let result = ready!(plan.poll_attempt(attempt, cx));
                    let Some(timer) = plan.after(&result) else {
                        plan.account.answer(&result);
                        return Poll::Ready(result.map_err(|error| plan.of_all_attempts(error)));
                    };
                    // A failed response goes here, and the attempt that gave it; both before the sleep.
                    let error = result.err();
                    stage.set(Stage::Wait(Box::pin(Wait {
                        timer,
                        phase: Phase::Sleeping,
                        error,
                    })));
                }
                StageProjection::Wait(wait) => match ready!(plan.poll_send(wait.as_mut(), cx)) {
                    Ok(attempt) => stage.set(Stage::Attempt(attempt)),
                    Err(error) => return Poll::Ready(Err(plan.of_all_attempts(error))),
                },
            }
        }
    }
}

impl<S, Req, K, R, X> Plan<S, Req, K, R, X>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    K: Classify<S::Response, S::Error>,
    R: Replay<Req>,
    X: CallContext<Req>,
{
    #[inline]
    fn poll_attempt(
        &self,
        attempt: Pin<&mut S::Future>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        let _entered = enter_attempt(self.account.course.attempt());
        attempt.poll(cx)
    }

    /// The attempt ended with `result`. `None` ends the call with it; the wait for another has been
    /// paid for.
    fn after(&mut self, result: &Result<S::Response, S::Error>) -> Option<Timer> {
        let outcome = self.classify.classify(result.as_ref());
        self.account.settle(outcome);
        match outcome {
            Outcome::Success => None,
            Outcome::Ignored => {
                self.account.stop(Stop::NotTransient);
                None
            }
            Outcome::Failure(failure) => self.after_failure(failure),
        }
    }

    #[cold]
    fn after_failure(&mut self, failure: Failure) -> Option<Timer> {
        let repeat = match &self.copy {
            Some(copy) if !self.replay.is_intact(copy) => Repeat::Impossible,
            Some(copy) if self.replay.is_safe(copy) => Repeat::Safe,
            Some(_) => Repeat::Unsafe,
            None => Repeat::Impossible,
        };
        let now = time::now();
        let next = self.account.next(failure, repeat, now);
        let stop = match next {
            Next::Stop(stop) => stop,
            Next::Again(_) if !self.account.withdraw(now, failure) => Stop::Budget,
            Next::Again(at) if at > now => return Some(Timer::at(at)),
            Next::Again(_) => return Some(Timer::unarmed()),
        };
        self.account.stop(stop);
        None
    }

    /// Waits, makes a service ready, and sends the next attempt. An error ends the call.
    #[cold]
    fn poll_send(
        &mut self,
        wait: Pin<&mut Wait<S::Error, S>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Future, S::Error>> {
        let mut wait = wait.project();
        if let Phase::Sleeping = *wait.phase {
            if wait.timer.is_armed() {
                ready!(wait.timer.as_mut().poll_fired(cx));
                wait.timer.set(Timer::unarmed());
            } else {
                // A call that fails at once, over and over, gives way to the other tasks.
                ready!(coop::poll_proceed(cx)).made_progress();
            }
            *wait.phase = Phase::Readying(Some(self.account.shared().spare()));
        }
        // Taken out, so that they are gone whichever way the call ends here.
        let service = match wait.phase {
            Phase::Sleeping => None,
            Phase::Readying(service) => service.take(),
        };
        let (Some(mut service), Some(request)) = (service, self.copy.take()) else {
            return Poll::Ready(Err(self.give_up(Stop::NotReplayable, wait.error.take())));
        };
        let stop = match service.poll_ready(cx) {
            Poll::Ready(Ok(())) => match self.account.course.overdue(time::now()) {
                // An attempt that was given up may have gone on reading the body meanwhile.
                None if !self.replay.is_intact(&request) => Stop::NotReplayable,
                None => return Poll::Ready(Ok(self.send(service, request))),
                Some(stop) => stop,
            },
            Poll::Ready(Err(error)) => {
                self.account.stop(Stop::NotReady);
                self.account.fail();
                return Poll::Ready(Err(error));
            }
            Poll::Pending => match self.poll_unready(wait.timer, cx) {
                Poll::Ready(stop) => stop,
                Poll::Pending => {
                    *wait.phase = Phase::Readying(Some(service));
                    self.copy = Some(request);
                    return Poll::Pending;
                }
            },
        };
        drop((service, request));
        Poll::Ready(Err(self.give_up(stop, wait.error.take())))
    }

    /// The service is not ready. Ready itself when that has lasted too long.
    fn poll_unready(&self, mut timer: Pin<&mut Timer>, cx: &mut Context<'_>) -> Poll<Stop> {
        if !timer.is_armed() {
            let ready_max = self.account.shared().settings().config().ready_max;
            timer
                .as_mut()
                .arm(self.account.course.ready_by(ready_max, time::now()));
        }
        ready!(timer.poll_fired(cx));
        let overdue = self.account.course.overdue(time::now());
        Poll::Ready(overdue.unwrap_or(Stop::NotReady))
    }

    fn send(&mut self, mut service: S, mut request: Req) -> S::Future {
        let attempt = self.account.course.attempt();
        let copy = copy(&request, attempt, &self.replay);
        self.context.mark(&mut request, attempt);
        self.account.send();
        // As around the first: this one may be polled outside of the caller's scope.
        let _deadline = enter_deadline(self.account.course.deadline());
        let _entered = enter_attempt(attempt);
        let sent = service.call(request);
        self.copy = copy;
        sent
    }

    /// A refusal of the last attempt says whether that one ran; its caller reads it as said of the call.
    fn of_all_attempts(&self, error: S::Error) -> S::Error {
        match error.rejection() {
            Some(refusal)
                if refusal.executed() == Executed::No && self.account.course.may_have_run() =>
            {
                refusal.clone().may_have_run().into()
            }
            _ => error,
        }
    }

    /// No attempt can be sent any more, and the response of the last one is gone: its error ends the
    /// call, or a refusal where it had none.
    fn give_up(&mut self, why: Stop, error: Option<S::Error>) -> S::Error {
        self.account.stop(why);
        let kind = match (error, why) {
            (Some(error), _) => {
                self.account.fail();
                return error;
            }
            (None, Stop::Deadline) => Kind::DeadlineExceeded,
            (None, _) => Kind::NotReady,
        };
        self.account.reject(kind, Executed::Unknown).into()
    }
}
