//! One who waits for a key.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::idempotency::StoreKey;
use crate::sync::Lock;
use crate::time::Instant;

use super::shard::Shard;

/// Keeps the bell of one key hung. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    home: &'a Lock<Shard>,
    key: StoreKey,
    bell: Option<Arc<Notify>>,
    lease_left: Duration,
}

impl<'a> Waiter<'a> {
    /// And what ends when the bell is rung; it is to be dropped first. `None` when nobody has the key:
    /// there is nothing to wait for.
    ///
    /// Whether somebody has it is looked up under the lock under which the bell is heard from then on,
    /// and which every change takes. So a change since the caller's claim is seen here, and one from
    /// here on is heard: there is no moment between in which it is missed.
    pub(super) fn new(
        home: &'a Lock<Shard>,
        key: StoreKey,
        now: Instant,
    ) -> Option<(Self, OwnedNotified)> {
        let mut shard = home.lock();
        let (bell, lease_left) = shard.listen(key, now)?;
        // It hears what is rung from its making on, polled or not.
        let rung = Arc::clone(&bell).notified_owned();
        drop(shard);
        let waiter = Self {
            home,
            key,
            bell: Some(bell),
            lease_left,
        };
        Some((waiter, rung))
    }

    /// How long there is something to wait for, if the lease is not renewed meanwhile.
    pub(super) const fn lease_left(&self) -> Duration {
        self.lease_left
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(bell) = self.bell.take() {
            self.home.lock().leave(&self.key, bell);
        }
    }
}
