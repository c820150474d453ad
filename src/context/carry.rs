//! The context of a call, taken along to a task of its own.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;

use super::ambient::{self, enter_attempt, enter_deadline};
use super::trace::{Current, Swapped};
use super::{Attempt, Deadline};

/// What the task said when this was taken. A spawned task starts with nothing of it.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    deadline: Option<Deadline>,
    attempt: Option<Attempt>,
    trace: Option<Current>,
}

impl Carried {
    /// What the task says now.
    pub(crate) fn take() -> Self {
        Self {
            deadline: ambient::deadline(),
            attempt: ambient::attempt(),
            trace: Current::take(),
        }
    }

    /// The deadline is this one, if it comes sooner.
    #[must_use]
    pub(crate) fn until(mut self, deadline: Deadline) -> Self {
        let sooner = self.deadline.map(|carried| carried.sooner(deadline));
        self.deadline = Some(sooner.unwrap_or(deadline));
        self
    }

    /// Says it wherever `future` is polled.
    pub(crate) fn over<F>(self, future: F) -> Carry<F> {
        Carry {
            carried: self,
            inner: future,
        }
    }
}

/// A future that is polled under what was taken elsewhere; of two deadlines the sooner holds.
#[pin_project]
#[derive(Debug)]
pub(crate) struct Carry<F> {
    carried: Carried,
    #[pin]
    inner: F,
}

impl<F: Future> Future for Carry<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _deadline = this.carried.deadline.map(enter_deadline);
        let _attempt = this.carried.attempt.map(enter_attempt);
        let _trace = this
            .carried
            .trace
            .is_some()
            .then(|| Swapped::new(&mut this.carried.trace));
        this.inner.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use super::*;
    use crate::context::TraceContext;
    use crate::rng::Rng;

    #[tokio::test(start_paused = true)]
    async fn a_spawned_task_sees_what_was_taken_along_and_its_thread_is_left_as_it_was() {
        let deadline = Deadline::within(Duration::from_secs(1));
        let carried = deadline
            .scope(async {
                let _attempt = enter_attempt(Attempt::first(3));
                Carried::take()
            })
            .await;
        let later = Deadline::within(Duration::from_secs(2));
        let carried = carried.until(later).until(Deadline::NEVER);
        let seen = tokio::spawn(carried.over(async {
            tokio::task::yield_now().await;
            (Deadline::current(), Attempt::current())
        }));
        let seen = seen.await.unwrap();
        assert_eq!(seen, (Some(deadline), Some(Attempt::first(3))));
        assert_eq!((Deadline::current(), Attempt::current()), (None, None));
    }

    #[tokio::test]
    async fn a_trace_goes_along_and_is_left_behind_after_each_poll() {
        let context = TraceContext::root(&Rng::seeded(1));
        let carried = context.clone().in_scope(async { Carried::take() }).await;
        let mut seen = pin!(carried.over(async {
            tokio::task::yield_now().await;
            TraceContext::current()
        }));
        assert!(futures::poll!(&mut seen).is_pending());
        assert_eq!(TraceContext::current(), None);
        assert_eq!(seen.await, Some(context));
    }

    #[tokio::test]
    async fn what_was_not_said_is_not_said_later() {
        let carried = Carried::take().until(Deadline::NEVER);
        let seen = carried.over(async { (Deadline::current(), Attempt::current()) });
        assert_eq!(seen.await, (None, None));
    }
}
