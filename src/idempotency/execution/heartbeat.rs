//! Keeps a claim while its execution runs.

use std::sync::Arc;
use std::time::Duration;

use crate::idempotency::shared::{Shared, ask_once};
use crate::idempotency::{Claim, Fenced, Store};
use crate::telemetry::{Metered as _, event};
use crate::time;

use super::Execution;
use super::lease::{Due, Lease};

/// Renews `claim` until its ceiling, and says when another may have it. Ends when there is nothing more
/// to renew.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` has a second place for each of its arguments"
)]
pub(super) fn heartbeat<T: Store>(
    shared: Arc<Shared<T>>,
    claim: Claim,
    timeout: Duration,
    mut lease: Lease,
    execution: Execution,
) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let tell = |why: &'static str| {
            if execution.hold().lose() {
                shared.figures.lease_lost.increment(1);
                let scope = shared.calls().scope();
                event(scope, "a lease was lost", format_args!("{why}"));
            }
        };
        loop {
            let is_lost = execution.hold().state().is_lost;
            match lease.due(time::now(), is_lost) {
                Due::Wait(Some(until)) => tokio::time::sleep_until(until).await,
                Due::Wait(None) => std::future::pending().await,
                Due::Lost => tell("it was not renewed in time"),
                Due::Ceiling => return tell("its execution takes too long"),
                Due::Renew => {
                    let asked = time::now();
                    // The end of the lease is told on time, also while an answer is waited for.
                    let timeout = match lease.ends() {
                        Some(ends) if !is_lost => {
                            timeout.min(ends.saturating_duration_since(asked))
                        }
                        _ => timeout,
                    };
                    match ask_once(timeout, || shared.store.renew(&claim)).await {
                        Ok(Fenced::Applied) => {
                            lease.renewed(asked);
                            execution.hold().renew(lease.ends());
                        }
                        Ok(Fenced::Superseded) => return tell("another took the key over"),
                        Ok(Fenced::Gone) => return tell("the store forgot the key"),
                        Err(_) => lease.unanswered(time::now()),
                    }
                }
            }
        }
    }
}
