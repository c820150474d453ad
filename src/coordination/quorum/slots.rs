//! The acceptors of one quorum, and the calls to them.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tower::{BoxError, Service};

use crate::coordination::AcceptorId;
use crate::name::Name;
use crate::telemetry::Counter;

use super::slot::Slot;
use super::{Ask, LeaseRequest, LeaseResponse};

/// What went wrong on the way.
pub(super) type Cause = Arc<dyn StdError + Send + Sync>;

/// One call at most to each of them.
pub(super) struct Slots<S: Service<LeaseRequest>> {
    resource: Name,
    errors: Counter,
    /// Each in a box, made once: the calls in them must not move, and a vector moves when it is given away.
    all: Vec<Pin<Box<Slot<S>>>>,
}

impl<S> Slots<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>> + Clone,
{
    pub(super) fn new(resource: Name, errors: Counter, acceptors: Vec<(AcceptorId, S)>) -> Self {
        let slot = |(id, service)| Box::pin(Slot::new(id, service));
        Self {
            resource,
            errors,
            all: acceptors.into_iter().map(slot).collect(),
        }
    }

    /// Asks each; the calls that are under way are dropped.
    pub(super) fn ask_all(&mut self, ask: Ask) {
        self.ask_those(ask, |_| true);
    }

    /// Asks those to whom no call is under way.
    pub(super) fn ask_idle(&mut self, ask: Ask) {
        self.ask_those(ask, |slot| !slot.is_busy());
    }

    /// Asks one, if no call to it is under way.
    pub(super) fn ask_one(&mut self, id: AcceptorId, ask: Ask) {
        self.ask_those(ask, |slot| slot.id == id && !slot.is_busy());
    }

    fn ask_those(&mut self, ask: Ask, which: impl Fn(&Slot<S>) -> bool) {
        for slot in self.all.iter_mut().filter(|slot| which(slot)) {
            let resource = self.resource.clone();
            slot.as_mut().ask(LeaseRequest { resource, ask });
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.all.iter().any(|slot| slot.is_busy())
    }

    /// The next answer, of whomever; pending as long as nobody is asked.
    pub(super) fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(AcceptorId, Result<LeaseResponse, Cause>)> {
        for slot in &mut self.all {
            if let Poll::Ready(answer) = slot.as_mut().poll_answer(cx) {
                let id = slot.id;
                // In another's name: the pair of id and service is wrong. It says nothing.
                let answer = answer.and_then(|answer| {
                    if answer.is_from(id) {
                        Ok(answer)
                    } else {
                        Err(Arc::new(Stranger(id)) as Cause)
                    }
                });
                if answer.is_err() {
                    self.errors.increment(1);
                }
                return Poll::Ready((id, answer));
            }
        }
        Poll::Pending
    }

    /// See [`poll_answer`](Self::poll_answer).
    pub(super) async fn answer(&mut self) -> (AcceptorId, Result<LeaseResponse, Cause>) {
        poll_fn(|cx| self.poll_answer(cx)).await
    }
}

impl<S> Slots<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    /// Takes in what is there at once. What is still under way goes on in a task of its own, for `limit`
    /// at most, and its answers are of no use any more.
    pub(super) async fn see_off(&mut self, limit: Duration) -> Option<AbortHandle> {
        poll_fn(|cx| {
            while self.poll_answer(cx).is_ready() {}
            Poll::Ready(())
        })
        .await;
        if !self.is_busy() {
            return None;
        }
        let mut rest = Self {
            resource: self.resource.clone(),
            errors: self.errors.clone(),
            all: Vec::new(),
        };
        for slot in self.all.iter_mut().filter(|slot| slot.is_busy()) {
            let idle = Box::pin(slot.another());
            rest.all.push(std::mem::replace(slot, idle));
        }
        let end = async move {
            while rest.is_busy() {
                drop(rest.answer().await);
            }
        };
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(timeout(limit, end)).abort_handle())
    }
}

/// The slots for as long as somebody waits for them; then no call is left in them.
pub(super) struct Asking<'a, S>(pub(super) &'a mut Slots<S>)
where
    S: Service<LeaseRequest>;

impl<S: Service<LeaseRequest>> Deref for Asking<'_, S> {
    type Target = Slots<S>;

    fn deref(&self) -> &Slots<S> {
        self.0
    }
}

impl<S: Service<LeaseRequest>> DerefMut for Asking<'_, S> {
    fn deref_mut(&mut self) -> &mut Slots<S> {
        self.0
    }
}

impl<S: Service<LeaseRequest>> Drop for Asking<'_, S> {
    fn drop(&mut self) {
        for slot in &mut self.0.all {
            slot.as_mut().clear();
        }
    }
}

impl<S: Service<LeaseRequest>> fmt::Debug for Slots<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.all.iter().map(|slot| slot.id);
        f.debug_list().entries(ids).finish()
    }
}

/// An answer in the name of another acceptor than the one that was asked.
#[derive(Debug)]
struct Stranger(AcceptorId);

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "what was asked of acceptor {} another answered",
            self.0.0
        )
    }
}

impl StdError for Stranger {}
