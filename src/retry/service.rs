//! Sends the first attempt.

use std::task::{Context, Poll};

use tower::Service;

use crate::classify::{ByError, Classify};
use crate::context::{Ambient, Attempt, CallContext, Deadline, enter_attempt, enter_deadline};
use crate::error::{Executed, Kind, StackError};
use crate::sync::Spread;
use crate::telemetry::Tally;
use crate::time;

use super::account::Entry;
use super::future::Plan;
use super::layer::Shared;
use super::policy::Course;
use super::{ByClone, Replay, ResponseFuture, Stop};

/// Repeats calls that failed; made by [`RetryLayer`](super::RetryLayer).
///
/// Its clones are as ready as clones of the inner service are.
#[derive(Clone, Debug)]
pub struct Retry<S, K = ByError, R = ByClone, X = Ambient> /* S::Error: StackError; add error::layer()? */
{
    inner: S,
    shared: Spread<Shared<S>>,
    classify: K,
    replay: R,
    context: X,
}

impl<S, K, R, X> Retry<S, K, R, X> {
    #[inline]
    pub(super) const fn new(
        inner: S,
        shared: Spread<Shared<S>>,
        classify: K,
        replay: R,
        context: X,
    ) -> Self {
        Self {
            inner,
            shared,
            classify,
            replay,
            context,
        }
    }
}

impl<S, Req, K, R, X> Service<Req> for Retry<S, K, R, X>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    K: Classify<S::Response, S::Error> + Clone,
    R: Replay<Req> + Clone,
    X: CallContext<Req> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, K, R, X>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called, it would have the future of all layers below copied once more"
    )]
    fn call(&mut self, mut request: Req) -> Self::Future {
        let deadline = self.context.deadline(&request).unwrap_or(Deadline::NEVER);
        if deadline != Deadline::NEVER && deadline.has_passed(time::now()) {
            let mut tally = Tally::by(&*self.shared);
            return ResponseFuture::rejected(tally.reject(Kind::DeadlineExceeded, Executed::No));
        }
        let start = self.shared.settings().start();
        if start.passes && self.context.attempt(&request).is_some_and(can_repeat) {
            // Whoever repeats it pays for it too.
            let tally = Tally::by(self.shared.hold());
            tally.record().stopped(Stop::Nested);
            return ResponseFuture::passed(self.inner.call(request), tally);
        }
        let ends = start
            .elapsed_max
            .and_then(|most| time::after(time::now(), most));
        let entry = Entry::new(&self.shared);
        let attempt = Attempt::first(start.attempts);
        let copy = copy(&request, attempt, &self.replay);
        self.context.mark(&mut request, attempt);
        // For layers below that read the task's context; further attempts see the same.
        let _entered = (enter_attempt(attempt), enter_deadline(deadline));
        // The instance that was made ready; a spare one is made ready when it is needed.
        let sent = self.inner.call(request);
        // Made last and at once: what is named before is copied again.
        let plan = Plan {
            copy,
            classify: self.classify.clone(),
            replay: self.replay.clone(),
            context: self.context.clone(),
            account: entry.sent(Course::new(start.attempts, deadline, ends)),
        };
        ResponseFuture::called(sent, plan)
    }
}

/// `None` when `attempt` is the last, and when the request cannot be copied.
#[inline]
pub(super) fn copy<Req>(request: &Req, attempt: Attempt, replay: &impl Replay<Req>) -> Option<Req> {
    if attempt.is_last() {
        return None;
    }
    replay.copy(request)
}

/// A layer further out that sends each call once repeats nothing.
fn can_repeat(outer: Attempt) -> bool {
    outer.max() > 1
}
