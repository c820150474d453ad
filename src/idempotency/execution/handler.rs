//! What a handler knows of its own execution.

use tokio::sync::watch;

use crate::idempotency::StoreKey;
use crate::time::{self, Instant};

use super::ambient;

/// One execution of a request under a key, as its handler sees it.
#[derive(Clone, Debug)]
pub struct Execution {
    key: StoreKey,
    attempt: u64,
    hold: watch::Receiver<Hold>,
}

/// What an execution has of its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    /// Whether it was said that another may have it.
    pub(super) is_lost: bool,
    /// When another may have it, if it is not renewed.
    pub(super) ends: Option<Instant>,
}

impl Execution {
    pub(super) const fn new(key: StoreKey, attempt: u64, hold: watch::Receiver<Hold>) -> Self {
        Self { key, attempt, hold }
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
    ///
    /// It looks at the clock, so that a handler that has blocked its thread, and with it the renewals,
    /// is not told that all is well. After the end of the execution it says what was so at the end.
    pub fn is_lease_lost(&self) -> bool {
        let hold = *self.hold.borrow();
        let is_over = || self.hold.has_changed().is_err();
        hold.is_lost || hold.ends.is_some_and(|ends| ends <= time::now()) && !is_over()
    }

    /// Returns when another may have taken the key over, or could: stop before the next effect.
    ///
    /// # Cancel safety
    /// It can be dropped and called again.
    pub async fn lease_lost(&mut self) {
        // An execution that has ended loses nothing any more.
        if self.hold.wait_for(|hold| hold.is_lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
