//! What a handler knows of its own execution.

use tokio::sync::watch;

use crate::idempotency::StoreKey;

use super::ambient;

/// One execution of a request under a key, as its handler sees it.
#[derive(Clone, Debug)]
pub struct Execution {
    key: StoreKey,
    attempt: u64,
    lease_lost: watch::Receiver<bool>,
}

impl Execution {
    pub(in crate::idempotency) const fn new(
        key: StoreKey,
        attempt: u64,
        lease_lost: watch::Receiver<bool>,
    ) -> Self {
        Self {
            key,
            attempt,
            lease_lost,
        }
    }

    /// The execution that the code now running is part of, if it is part of one and the task is the
    /// layer's: what the handler spawns does not see it.
    pub fn current() -> Option<Self> {
        ambient::current()
    }

    /// Under what the store keeps it.
    pub const fn key(&self) -> StoreKey {
        self.key
    }

    /// 1 for the first execution under its key; more when it took over from one that may have run.
    pub const fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Whether another may have taken the key over, or could.
    pub fn is_lease_lost(&self) -> bool {
        *self.lease_lost.borrow()
    }

    /// Returns when another may have taken the key over, or could: stop before the next effect.
    ///
    /// # Cancel safety
    /// It can be dropped and called again.
    pub async fn lease_lost(&mut self) {
        // An execution that has ended loses nothing any more.
        if self.lease_lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
