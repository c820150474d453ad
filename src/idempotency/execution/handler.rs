//! What a handler knows of its own execution.

use std::sync::Arc;

use crate::idempotency::StoreKey;

use super::ambient::{self, Around};
use super::hold::Hold;

/// One execution of a request under a key, as its handler sees it.
#[derive(Clone, Debug)]
pub struct Execution {
    key: StoreKey,
    attempt: u64,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hold: Hold,
    around: Around,
}

impl Execution {
    pub(super) fn new(key: StoreKey, attempt: u64, hold: Hold, around: Around) -> Self {
        Self {
            key,
            attempt,
            inner: Arc::new(Inner { hold, around }),
        }
    }

    /// The execution that the code now running is part of, if it is part of one and the task is the
    /// layer's: what the handler spawns does not see it.
    pub fn current() -> Option<Self> {
        ambient::innermost()
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
        self.inner.hold.is_lost()
    }

    /// Returns when another may have taken the key over, or could: stop before the next effect.
    ///
    /// # Cancel safety
    /// It can be dropped and called again.
    pub async fn lease_lost(&mut self) {
        loop {
            let changed = self.inner.hold.changed();
            // An execution that has ended loses nothing any more.
            if self.inner.hold.state().is_lost {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn hold(&self) -> &Hold {
        &self.inner.hold
    }

    /// The execution that this one was begun in: layers may be nested.
    pub(super) fn around(&self) -> &Around {
        &self.inner.around
    }
}
