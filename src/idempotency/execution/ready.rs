//! Whether an execution begins at all.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tower::Service;

use crate::context::Deadline;
use crate::error::{Executed, Kind};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::time;
use crate::timer::Timer;

use super::hold::Hold;

/// Waits for the inner service. What nobody waits for any more is not begun, and neither is what
/// another may have begun by now.
///
/// # Errors
/// When it is not to begin. Then nothing has run.
pub(super) async fn ready<S, I>(
    inner: &mut S,
    hold: &Hold,
    deadline: Deadline,
) -> Result<(), Failure<S::Error>>
where
    S: Service<I>,
{
    let mut timer = pin!(Timer::unarmed());
    let mut changed = pin!(hold.changed());
    poll_fn(|cx| {
        let not_begun = |refusal| Poll::Ready(Err(Failure::Refused(refusal)));
        loop {
            let state = hold.state();
            if state.is_lost {
                return not_begun(Refusal::for_now(Kind::NotReady));
            }
            if deadline != Deadline::NEVER && deadline.has_passed(time::now()) {
                return not_begun(Refusal::new(Kind::DeadlineExceeded, Executed::No));
            }
            if let Poll::Ready(ready) = inner.poll_ready(cx) {
                return Poll::Ready(ready.map_err(Failure::Inner));
            }
            if state.is_left {
                return not_begun(Refusal::for_now(Kind::NotReady));
            }
            if changed.as_mut().poll(cx).is_pending() {
                break;
            }
            changed.set(hold.changed());
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
