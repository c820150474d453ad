//! The work of an execution and its heartbeat, in one task.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project::pin_project;

use crate::idempotency::shared::Shared;
use crate::idempotency::{Claim, Store};
use crate::time;

use super::Execution;
use super::ambient;
use super::heartbeat::heartbeat;
use super::lease::{Due, Lease};

/// The output of its work, beside which its heart is polled, before it each time: what that finds out
/// holds for the poll of the work that follows.
///
/// One task for both: a heartbeat cannot outlive what it stands for, and what no longer makes progress
/// has none.
#[pin_project]
pub(super) struct Alive<'a, W, T> {
    #[pin]
    work: W,
    /// The execution that the work is part of, if it is part of one.
    within: Option<&'a Execution>,
    /// `None` where there is no claim.
    heart: Option<Heart<'a, T>>,
}

/// What keeps a claim while the work under it goes on.
pub(super) struct Heart<'a, T> {
    pub(super) shared: &'a Arc<Shared<T>>,
    pub(super) claim: &'a Claim,
    pub(super) timeout: Duration,
    pub(super) lease: Lease,
    pub(super) execution: &'a Execution,
    pub(super) beat: Beat,
}

pub(super) enum Beat {
    /// Nothing was polled yet.
    Fresh,
    /// The work has been polled, and has not been pending.
    Idle,
    /// It has been: time passes. Boxed, as what answers at once needs none of it.
    Begun(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// There is nothing to keep any more.
    Ended,
}

impl<'a, W: Future, T: Store> Alive<'a, W, T> {
    /// The work of `execution`, which is one only for as long as it has a heart: without a claim the work
    /// is part of whatever it was begun in.
    pub(super) fn new(work: W, execution: &'a Execution, heart: Option<Heart<'a, T>>) -> Self {
        let within = match heart {
            Some(_) => Some(execution),
            None => execution.around().innermost(),
        };
        Self {
            work,
            within,
            heart,
        }
    }
}

impl<W: Future, T: Store> Future for Alive<'_, W, T> {
    type Output = W::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W::Output> {
        let this = self.project();
        if let Some(heart) = this.heart {
            heart.poll(cx);
        }
        let worked = {
            let _within = this.within.map(ambient::enter);
            this.work.poll(cx)
        };
        if worked.is_pending() {
            if let Some(heart) = this.heart {
                heart.pend(cx);
            }
        }
        worked
    }
}

impl<T: Store> Heart<'_, T> {
    fn poll(&mut self, cx: &mut Context<'_>) {
        match self.beat {
            Beat::Fresh => {
                // Between the grant and this poll the lease may have ended.
                if let Due::Wait(_) = self.lease.due(time::now(), false) {
                    self.beat = Beat::Idle;
                    return;
                }
                self.begin();
            }
            Beat::Idle => self.begin(),
            Beat::Begun(_) | Beat::Ended => {}
        }
        if let Beat::Begun(beat) = &mut self.beat {
            if beat.as_mut().poll(cx).is_ready() {
                self.beat = Beat::Ended;
            }
        }
    }

    /// The work is pending: time passes from its first time on.
    fn pend(&mut self, cx: &mut Context<'_>) {
        if matches!(self.beat, Beat::Idle) {
            self.poll(cx);
        }
    }

    fn begin(&mut self) {
        let shared = Arc::clone(self.shared);
        let execution = self.execution.clone();
        let beat = heartbeat(shared, *self.claim, self.timeout, self.lease, execution);
        self.beat = Beat::Begun(Box::pin(beat));
    }
}
