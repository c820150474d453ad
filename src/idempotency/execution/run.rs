//! The detached run: from the grant of a key until the store knows what came of it.

use std::convert::Infallible;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready as ready_or_pending};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tower::Service;

use crate::context::{Carried, Deadline};
use crate::error::{Executed, Kind, StackError};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::idempotency::{Capture, Prepare, Store};
use crate::telemetry::CallSpan;
use crate::time;

use super::ambient::Around;
use super::beside::beside;
use super::handler::Hold;
use super::heartbeat::heartbeat;
use super::lease::Lease;
use super::outcome::Outcome;
use super::ready::ready;
use super::{Execution, Grant, Slot};

/// One execution, before it begins.
pub(in crate::idempotency) struct Run<S, I, P, C, T: Store> {
    pub(in crate::idempotency) grant: Grant<T>,
    pub(in crate::idempotency) slot: Slot<T>,
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
    _caller: oneshot::Sender<Infallible>,
}

/// What came of it. It panics as the handler did.
impl<O, E> Future for Running<O, E> {
    type Output = Result<O, Failure<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready_or_pending!(Pin::new(&mut self.task).poll(cx)) {
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
        let (caller, gone) = oneshot::channel();
        let Surroundings { carried, span, .. } = self.surroundings.clone();
        let runtime = self.grant.runtime.clone();
        let task = runtime.spawn(span.over(carried.over(self.run(gone))));
        Running {
            task,
            _caller: caller,
        }
    }

    async fn run<Req: 'static>(
        mut self,
        caller: oneshot::Receiver<Infallible>,
    ) -> Result<C::Outer, Failure<S::Error>>
    where
        P: Prepare<Req, Inner = I>,
    {
        let (claim, config) = (self.grant.claim, self.grant.config);
        let asked = self.grant.asked.unwrap_or_else(time::now);
        let lease = Lease::granted(asked, config.lease, config.ceiling);
        let is_protected = self.grant.attempt > 0;
        let (holds, hold) = watch::channel(Hold {
            is_lost: false,
            ends: lease.ends(),
        });
        let execution = Execution::new(claim.key, self.grant.attempt, hold);
        let around = self.surroundings.around.clone();
        let shared = Arc::clone(&self.grant.shared);
        let within = execution.clone();

        let capture = Arc::clone(&self.capture);
        let capturing = Arc::clone(&self.capture);

        let work = async move {
            let deadline = self.surroundings.deadline;
            match ready(&mut self.inner, execution.clone(), caller, deadline).await {
                Ok(()) => {}
                Err(failure) => return Err((self.grant, self.slot, failure)),
            }
            let mut outcome = Outcome::begin(self.grant, self.slot);
            if is_protected {
                self.prepare.attach(&mut self.request, &execution);
            }
            let result = self.inner.call(self.request).await;
            let (result, disposition) = capturing.capture(result).await;
            outcome.say(disposition);
            Ok((result, outcome))
        };
        let worked = if is_protected {
            let beat = heartbeat(&shared, &claim, &config, lease, holds);
            beside(around.over(within, work), beat).await
        } else {
            drop(holds);
            work.await
        };
        let (result, outcome) = match worked {
            Ok(ended) => ended,
            // After the heartbeat: to a renewal the store would say that the key is gone.
            Err((grant, _slot, failure)) => {
                grant.give_back().await;
                return Err(failure);
            }
        };
        if is_protected {
            outcome.keep(result, &*capture).await
        } else {
            outcome.offer(result, &*capture)
        }
    }
}
