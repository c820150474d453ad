//! Admits calls while there is room.

use std::mem;
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::context::{Ambient, CallContext, Deadline, enter_deadline};
use crate::error::{Executed, Kind, StackError};
use crate::sync::Spread;
use crate::telemetry::{End, Tally};
use crate::time;

use super::future::Waiting;
use super::layer::Shared;
use super::permit::Place;
use super::policy::Wait;
use super::semaphore::Entry;
use super::{Hold, Permit, ResponseFuture, UntilResponse};

/// Bounds how many calls are in flight, and how many wait; made by
/// [`BulkheadLayer`](super::BulkheadLayer).
///
/// A clone holds nothing: neither a permit nor, ever, readiness of its inner service.
#[derive(Clone, Debug)]
pub struct Bulkhead<S, H = UntilResponse, X = Ambient> /* S::Error: StackError; add error::layer()? */
{
    inner: S,
    shared: Spread<Shared>,
    hold: H,
    context: X,
}

impl<S, H, X> Bulkhead<S, H, X> {
    #[inline]
    pub(super) const fn new(inner: S, shared: Spread<Shared>, hold: H, context: X) -> Self {
        Self {
            inner,
            shared,
            hold,
            context,
        }
    }
}

impl<S, Req, H, X> Service<Req> for Bulkhead<S, H, X>
where
    S: Service<Req> + Clone,
    S::Error: StackError,
    H: Hold<S::Response> + Clone,
    X: CallContext<Req>,
{
    type Response = H::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, H>;

    /// Ready at all times. The inner service is asked in `call`, once the call has its permit: what may
    /// have to wait or be refused reserves nothing.
    #[inline]
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let mut tally = Tally::by(&*self.shared);
        let deadline = self.context.deadline(&request).unwrap_or(Deadline::NEVER);
        if deadline != Deadline::NEVER && deadline.has_passed(time::now()) {
            let refusal = tally.reject(Kind::DeadlineExceeded, Executed::No);
            return ResponseFuture::ended(refusal.into(), self.hold.clone());
        }
        match self.shared.semaphore.enter() {
            Entry::Permit => {
                let permit = Permit::new(tally.hand_to(self.shared.hold()));
                self.admit(request, deadline, permit)
            }
            Entry::Queued(ticket, terms) => {
                let held = Place::new(ticket, tally.hand_to(self.shared.hold()));
                let waiting = Waiting {
                    inner: self.inner.clone(),
                    request,
                    wait: Wait::for_permit(time::now(), deadline, terms),
                    held,
                };
                ResponseFuture::queued(waiting, self.hold.clone())
            }
            Entry::Full { retry_hint } => {
                let refusal = tally.reject(Kind::BulkheadFull, Executed::No);
                ResponseFuture::ended(refusal.after(retry_hint).into(), self.hold.clone())
            }
        }
    }
}

impl<S: Clone, H: Clone, X> Bulkhead<S, H, X> {
    /// Calls the inner service if it is ready on the spot; otherwise the future waits for it.
    ///
    /// No waker is left behind here: the future asks again when it is polled. Nor is an instance left in
    /// which readiness was begun or has failed: it goes with the call, and a clone takes its place.
    fn admit<Req>(
        &mut self,
        request: Req,
        deadline: Deadline,
        mut permit: Permit,
    ) -> ResponseFuture<S, Req, H>
    where
        S: Service<Req>,
    {
        let hold = self.hold.clone();
        // For layers below that read the task's context; a call that waits sees the same.
        let _entered = enter_deadline(deadline);
        match self
            .inner
            .poll_ready(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => ResponseFuture::running(self.inner.call(request), permit, hold),
            Poll::Ready(Err(error)) => {
                self.inner = self.inner.clone();
                permit.tally.end(End::Error);
                ResponseFuture::ended(error, hold)
            }
            Poll::Pending => {
                let fresh = self.inner.clone();
                let waiting = Waiting {
                    inner: mem::replace(&mut self.inner, fresh),
                    request,
                    wait: Wait::for_inner(time::now(), deadline),
                    held: permit,
                };
                ResponseFuture::admitted(waiting, hold)
            }
        }
    }
}
