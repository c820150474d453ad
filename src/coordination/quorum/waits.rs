//! Those who wait at an acceptor until a lease is given back.
//!
//! They do not keep the seat while they wait, and a wait that is dropped leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::coordination::acceptor::Standing;
use crate::telemetry::{Gauge, Scope};

use super::LeaseResponse;
use super::seat::{Result, Shared};

/// As many wait at one acceptor at a time. Whoever comes then is told nothing, at once.
const MOST: usize = 256;

#[derive(Debug)]
pub(super) struct Waits {
    places: Semaphore,
    changed: watch::Sender<()>,
    waiting: Gauge,
}

impl Waits {
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            places: Semaphore::new(MOST),
            changed: watch::Sender::new(()),
            waiting: scope.gauge("mainstay_acceptor_waits"),
        }
    }

    /// Lets all look again.
    pub(super) fn tell(&self) {
        self.changed.send_replace(());
    }
}

/// Raises the gauge for as long as it lives.
struct Waiting<'a>(&'a Gauge);

impl<'a> Waiting<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Waits, for `within` and for what is left of the lease at most.
pub(super) async fn wait(shared: Arc<Shared>, within: Duration) -> Result {
    if Handle::try_current().is_err() {
        // There is nobody who would wake it in time.
        return Ok(LeaseResponse::Silence);
    }
    let Ok(_place) = shared.waits.places.try_acquire() else {
        return Ok(LeaseResponse::Silence);
    };
    let _waiting = Waiting::new(&shared.waits.waiting);
    let answer = timeout(within, until_free(&shared)).await;
    answer.unwrap_or(Ok(LeaseResponse::Silence))
}

async fn until_free(shared: &Shared) -> Result {
    // Before the first look: what changes after it is told.
    let mut changed = shared.waits.changed.subscribe();
    loop {
        let standing = {
            let seat = shared.seat.lock().await;
            seat.check()?;
            seat.acceptor.standing(shared.clock.now())
        };
        let remaining = match standing {
            Standing::Unknown => return Ok(LeaseResponse::Silence),
            Standing::Free { promised } => return Ok(LeaseResponse::Free { promised }),
            Standing::Held { remaining } => remaining,
        };
        // A lease that ends by its time is no news: whoever waits knows when that is.
        if !matches!(timeout(remaining, changed.changed()).await, Ok(Ok(()))) {
            return Ok(LeaseResponse::Silence);
        }
    }
}
