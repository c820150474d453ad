//! failsafe's breakers, in a service.

use std::task::{Context, Poll};
use std::time::Duration;

use failsafe::backoff::{self, Constant};
use failsafe::failure_policy::{
    ConsecutiveFailures, SuccessRateOverTimeWindow, consecutive_failures,
    success_rate_over_time_window,
};
use failsafe::futures::{CircuitBreaker, ResponseFuture};
use failsafe::{Config, FailurePolicy, StateMachine};
use tower::{BoxError, Service};

use crate::subject::{Call, Inner, Request};

struct Guarded<S, P> {
    breaker: StateMachine<P, ()>,
    inner: S,
}

impl<S: Clone, P> Clone for Guarded<S, P> {
    fn clone(&self) -> Self {
        Self {
            breaker: self.breaker.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<Q: Request, S: Inner<Q>, P: FailurePolicy + Send + Sync + 'static> Service<Q>
    for Guarded<S, P>
{
    type Response = Q::Answer;
    type Error = failsafe::Error<BoxError>;
    type Future = ResponseFuture<S::Future, P, (), failsafe::Any>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(failsafe::Error::Inner)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        self.breaker.call(self.inner.call(request))
    }
}

fn guarded<Q: Request, S: Inner<Q>, P>(inner: S, policy: P) -> Guarded<S, P>
where
    P: FailurePolicy + Send + Sync + 'static,
{
    let breaker = Config::new().failure_policy(policy).build();
    Guarded { breaker, inner }
}

fn an_hour() -> Constant {
    backoff::constant(Duration::from_secs(3600))
}

/// Its window is the lifetime of a moving average, and it stays closed for the length of one.
pub fn breaker_of_time<Q: Request>(inner: impl Inner<Q>, window: Duration) -> impl Call<Q> {
    let policy: SuccessRateOverTimeWindow<_> =
        success_rate_over_time_window(0.5, 100, window, an_hour());
    guarded(inner, policy)
}

pub fn breaker_in_a_row<Q: Request>(inner: impl Inner<Q>) -> impl Call<Q> {
    let policy: ConsecutiveFailures<_> = consecutive_failures(5, an_hour());
    guarded(inner, policy)
}
