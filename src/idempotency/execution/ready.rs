//! Whether an execution begins at all.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::oneshot;
use tower::Service;

use crate::context::Deadline;
use crate::error::{Executed, Kind};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::time;
use crate::timer::Timer;

use super::Execution;

/// Waits for the inner service. What nobody waits for any more is not begun, and neither is what
/// another may have begun by now.
///
/// # Errors
/// When it is not to begin. Then nothing has run.
pub(super) async fn ready<S, I>(
    inner: &mut S,
    mut execution: Execution,
    mut caller: oneshot::Receiver<Infallible>,
    deadline: Deadline,
) -> Result<(), Failure<S::Error>>
where
    S: Service<I>,
{
    let mut lost = pin!(execution.lease_lost());
    let mut timer = pin!(Timer::unarmed());
    poll_fn(|cx| {
        let not_begun = |refusal| Poll::Ready(Err(Failure::Refused(refusal)));
        if lost.as_mut().poll(cx).is_ready() {
            return not_begun(Refusal::for_now(Kind::NotReady));
        }
        if deadline != Deadline::NEVER && deadline.has_passed(time::now()) {
            return not_begun(Refusal::new(Kind::DeadlineExceeded, Executed::No));
        }
        if let Poll::Ready(ready) = inner.poll_ready(cx) {
            return Poll::Ready(ready.map_err(Failure::Inner));
        }
        if pin!(&mut caller).poll(cx).is_ready() {
            return not_begun(Refusal::for_now(Kind::NotReady));
        }
        if !timer.is_armed() {
            timer.as_mut().arm(deadline.instant());
        }
        match timer.as_mut().poll_fired(cx) {
            Poll::Ready(()) => not_begun(Refusal::new(Kind::DeadlineExceeded, Executed::No)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
