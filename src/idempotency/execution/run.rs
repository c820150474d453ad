//! The detached run: from the grant of a key until the store knows what came of it.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready as ready_or_pending};

use tokio::task::JoinHandle;
use tower::Service;

use crate::context::{Carried, Deadline};
use crate::error::{Executed, Kind, StackError};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::idempotency::{Capture, Prepare, Store};
use crate::telemetry::CallSpan;
use crate::time;

use super::Execution;
use super::alive::{Alive, Beat, Heart};
use super::ambient::Around;
use super::hold::Hold;
use super::lease::Lease;
use super::outcome::Outcome;
use super::ready::ready;

/// One execution, before it begins.
pub(in crate::idempotency) struct Run<S, I, P, C, T: Store> {
    pub(in crate::idempotency) outcome: Outcome<T>,
    pub(in crate::idempotency) inner: S,
    pub(in crate::idempotency) request: I,
    pub(in crate::idempotency) prepare: Arc<P>,
    pub(in crate::idempotency) capture: Arc<C>,
    pub(in crate::idempotency) surroundings: Surroundings,
}

/// What holds where a call is made, and is to hold where it runs.
#[derive(Clone, Debug)]
pub(in crate::idempotency) struct Surroundings {
    carried: Carried,
    deadline: Deadline,
    span: CallSpan,
    around: Around,
}

impl Surroundings {
    pub(in crate::idempotency) fn take(deadline: Deadline) -> Self {
        Self {
            carried: Carried::take().until(deadline),
            deadline,
            span: CallSpan::take(),
            around: Around::take(),
        }
    }

    pub(in crate::idempotency) const fn deadline(&self) -> Deadline {
        self.deadline
    }
}

/// The caller's end of a run. Dropped, it lets what has begun go on.
pub(in crate::idempotency) struct Running<O, E> {
    task: JoinHandle<Result<O, Failure<E>>>,
    /// `None` once there is nobody to be told any more that the caller has gone.
    execution: Option<Execution>,
}

impl<O, E> Drop for Running<O, E> {
    fn drop(&mut self) {
        if let Some(execution) = &self.execution {
            execution.hold().leave();
        }
    }
}

/// What came of it. It panics as the handler did.
impl<O, E> Future for Running<O, E> {
    type Output = Result<O, Failure<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready_or_pending!(Pin::new(&mut self.task).poll(cx));
        self.execution = None;
        Poll::Ready(match ended {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => Err(Refusal::new(Kind::OutcomeUnknown, Executed::Unknown).into()),
            },
        })
    }
}

impl<S, I, P, C, T> Run<S, I, P, C, T>
where
    I: Send + 'static,
    S: Service<I, Future: Send> + Send + 'static,
    S::Error: StackError + Send + 'static,
    S::Response: Send,
    C: Capture<S::Response, S::Error, Outer: Send + 'static>,
    T: Store,
{
    /// Runs it in a task of its own, under what holds for its caller.
    pub(in crate::idempotency) fn detach<Req: 'static>(self) -> Running<C::Outer, S::Error>
    where
        P: Prepare<Req, Inner = I>,
    {
        let Self {
            outcome,
            inner,
            request,
            prepare,
            capture,
            surroundings,
        } = self;
        let Surroundings {
            carried,
            deadline,
            span,
            around,
        } = surroundings;
        let grant = &outcome.grant;
        let config = &grant.config;
        let asked = grant.asked.unwrap_or_else(time::now);
        let lease = Lease::granted(asked, config.lease, config.ceiling);
        let hold = Hold::new(lease.ends());
        let execution = Execution::new(grant.claim.key, grant.attempt, hold, around);
        let begun = Begun {
            execution: Over(execution.clone()),
            outcome,
            inner,
            request,
            prepare,
            capture,
            deadline,
        };
        let runtime = begun.outcome.grant.runtime.clone();
        let run = begun.run::<Req>(lease);
        Running {
            task: runtime.spawn(span.over(carried.over(run))),
            execution: Some(execution),
        }
    }
}

/// The part of an execution that its task holds.
struct Begun<S, I, P, C, T: Store> {
    execution: Over,
    outcome: Outcome<T>,
    inner: S,
    request: I,
    prepare: Arc<P>,
    capture: Arc<C>,
    deadline: Deadline,
}

/// An execution that ends when this is dropped.
struct Over(Execution);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.hold().end();
    }
}

impl<S, I, P, C, T> Begun<S, I, P, C, T>
where
    I: Send + 'static,
    S: Service<I, Future: Send> + Send + 'static,
    S::Error: StackError + Send + 'static,
    S::Response: Send,
    C: Capture<S::Response, S::Error, Outer: Send + 'static>,
    T: Store,
{
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` has a second place for each of its arguments"
    )]
    fn run<Req: 'static>(
        mut self,
        lease: Lease,
    ) -> impl Future<Output = Result<C::Outer, Failure<S::Error>>> + Send + 'static
    where
        P: Prepare<Req, Inner = I>,
    {
        async move {
            let is_protected = self.outcome.grant.attempt > 0;
            let (claim, shared) = (
                self.outcome.grant.claim,
                Arc::clone(&self.outcome.grant.shared),
            );
            let timeout = self.outcome.grant.config.store_timeout;
            let execution = &self.execution.0;
            let heart = is_protected.then_some(Heart {
                shared: &shared,
                claim: &claim,
                timeout,
                lease,
                execution,
                beat: Beat::Fresh,
            });
            let work = async {
                ready(&mut self.inner, execution.hold(), self.deadline).await?;
                self.outcome.begin();
                let mut request = self.request;
                if is_protected {
                    self.prepare.attach(&mut request, execution);
                }
                let result = self.inner.call(request).await;
                let (result, disposition) = self.capture.capture(result).await;
                self.outcome.say(disposition);
                Ok(result)
            };
            let worked = Alive::new(work, execution, heart).await;
            drop(self.execution);
            match worked {
                Ok(result) if is_protected => self.outcome.keep(result, &*self.capture).await,
                Ok(result) => self.outcome.offer(result, &*self.capture),
                // After the heartbeat: to a renewal the store would say that the key is gone.
                Err(failure) => {
                    self.outcome.grant.give_back().await;
                    Err(failure)
                }
            }
        }
    }
}
