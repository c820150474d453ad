//! Keeps a claim while its execution runs.

use std::mem;

use tokio::sync::watch;

use crate::idempotency::shared::{Shared, ask_once};
use crate::idempotency::{Claim, Fenced, IdempotencyConfig, Store};
use crate::telemetry::{Metered as _, event};
use crate::time;

use super::handler::Hold;
use super::lease::{Due, Lease};

/// Renews `claim` until its ceiling, and says when another may have it. Ends when there is nothing more
/// to renew.
pub(super) async fn heartbeat<T: Store>(
    shared: &Shared<T>,
    claim: &Claim,
    config: &IdempotencyConfig,
    mut lease: Lease,
    hold: watch::Sender<Hold>,
) {
    let tell = |why: &'static str| {
        let tells = |hold: &mut Hold| !mem::replace(&mut hold.is_lost, true);
        if hold.send_if_modified(tells) {
            shared.figures.lease_lost.increment(1);
            let scope = shared.calls().scope();
            event(scope, "a lease was lost", format_args!("{why}"));
        }
    };
    loop {
        let is_lost = hold.borrow().is_lost;
        match lease.due(time::now(), is_lost) {
            Due::Wait(Some(until)) => tokio::time::sleep_until(until).await,
            Due::Wait(None) => std::future::pending().await,
            Due::Lost => tell("it was not renewed in time"),
            Due::Ceiling => break tell("its execution takes too long"),
            Due::Renew => {
                let asked = time::now();
                // The end of the lease is told on time, also while an answer is waited for.
                let timeout = match lease.ends() {
                    Some(ends) if !is_lost => config
                        .store_timeout
                        .min(ends.saturating_duration_since(asked)),
                    _ => config.store_timeout,
                };
                match ask_once(timeout, || shared.store.renew(claim)).await {
                    Ok(Fenced::Applied) => {
                        lease.renewed(asked);
                        // Nobody waits for this.
                        hold.send_if_modified(|hold| {
                            hold.ends = lease.ends();
                            false
                        });
                    }
                    Ok(Fenced::Superseded) => break tell("another took the key over"),
                    Ok(Fenced::Gone) => break tell("the store forgot the key"),
                    Err(_) => lease.unanswered(time::now()),
                }
            }
        }
    }
    // Held to the end of the execution: whoever listens hears of nothing more.
    std::future::pending::<()>().await;
}
