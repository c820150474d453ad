//! Sends the first attempt.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use crate::classify::{ByError, Classify};
use crate::context::{Ambient, Attempt, CallContext, Deadline, enter_attempt, enter_deadline};
use crate::error::{Executed, Kind, StackError};
use crate::telemetry::Tally;
use crate::time;

use super::account::Account;
use super::future::{Plan, Spare};
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
    shared: Arc<Shared>,
    classify: K,
    replay: R,
    context: X,
}

impl<S, K, R, X> Retry<S, K, R, X> {
    pub(super) const fn new(
        inner: S,
        shared: Arc<Shared>,
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

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let deadline = self.context.deadline(&request).unwrap_or(Deadline::NEVER);
        if deadline != Deadline::NEVER && deadline.has_passed(time::now()) {
            let mut tally = Tally::new(&self.shared);
            return ResponseFuture::rejected(tally.reject(Kind::DeadlineExceeded, Executed::No));
        }
        let start = self.shared.settings().start();
        if start.passes && self.context.attempt(&request).is_some_and(can_repeat) {
            // Whoever repeats it pays for it too.
            let tally = Tally::new(&self.shared);
            tally.record().stopped(Stop::Nested);
            return ResponseFuture::passed(self.inner.call(request), tally);
        }
        let account = Account::enter(&self.shared);
        let ends = start
            .elapsed_max
            .and_then(|most| time::after(time::now(), most));
        let course = Course::new(start.attempts, deadline, ends);
        let attempt = course.attempt();
        let plan = Plan {
            spare: Spare::of(&self.inner, &request, attempt, &self.replay),
            course,
            classify: self.classify.clone(),
            replay: self.replay.clone(),
            context: self.context.clone(),
            account,
        };
        self.context.mark(&mut request, attempt);
        // For layers below that read the task's context; further attempts see the same.
        let _entered = (enter_attempt(attempt), enter_deadline(deadline));
        // The instance that was made ready; the spare's is made ready when it is needed.
        ResponseFuture::called(self.inner.call(request), plan)
    }
}

/// A layer further out that sends each call once repeats nothing.
fn can_repeat(outer: Attempt) -> bool {
    outer.max() > 1
}
