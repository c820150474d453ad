//! Two futures in one task.

use std::pin::pin;

/// The output of `work`, beside which `other` is polled, before it each time: what that finds out holds
/// for the poll of the work that follows.
///
/// One task for both: a heartbeat cannot outlive what it stands for, and what no longer makes progress
/// has none.
pub(super) async fn beside<W: Future>(work: W, other: impl Future<Output = ()>) -> W::Output {
    let (mut work, mut other) = (pin!(work), pin!(other));
    let mut other_ended = false;
    std::future::poll_fn(|cx| {
        if !other_ended {
            other_ended = other.as_mut().poll(cx).is_ready();
        }
        work.as_mut().poll(cx)
    })
    .await
}
