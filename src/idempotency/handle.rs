//! Watches and steers a layer.

use std::fmt;
use std::sync::Arc;

use crate::context::Deadline;
use crate::error::ConfigError;

use super::shared::Shared;
use super::{ClientKey, IdempotencyConfig, Scoped, Store, StoreKey};

/// Watches and steers an [`IdempotencyLayer`](super::IdempotencyLayer) while it is in use.
pub struct IdempotencyHandle<T> {
    shared: Arc<Shared<T>>,
}

impl<T> IdempotencyHandle<T> {
    pub(super) const fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// The counts and the settings in force.
    pub fn snapshot(&self) -> IdempotencySnapshot {
        IdempotencySnapshot {
            executing: self.shared.slots.executing(),
            waiting: self.shared.waiters.count(),
            config: self.shared.config(),
        }
    }

    /// Replaces the settings. Calls that are in flight keep theirs.
    ///
    /// # Errors
    /// When a setting is out of range; the old ones then stay.
    pub fn reconfigure(&self, config: IdempotencyConfig) -> Result<(), ConfigError> {
        config.validate()?;
        *self.shared.config.lock() = config;
        Ok(())
    }

    /// Begins no more executions, waits for those that run and for what the store is yet to be told,
    /// and says how many executions run still at the `deadline`. There is no way back; replays go on
    /// being answered. Call it when no more requests come in: a key that is being claimed as the process
    /// ends is as one whose execution was lost.
    ///
    /// An execution that ends with the process is as one that was lost: its lease lapses, and then
    /// [`OnLapse`](super::OnLapse) decides.
    ///
    /// # Cancel safety
    /// It can be dropped and called again; no execution begins from the first call on.
    pub async fn drain(&self, deadline: Deadline) -> u32 {
        self.shared.slots.close();
        let idle = self.shared.slots.idle();
        match deadline.instant() {
            Some(ends) => _ = tokio::time::timeout_at(ends, idle).await,
            None => idle.await,
        }
        self.shared.slots.executing()
    }

    /// Under what the store keeps the request that `scope` called `key`; `None` for a scope that is
    /// missing.
    pub fn store_key<N: AsRef<[u8]>>(&self, scope: Scoped<N>, key: ClientKey) -> Option<StoreKey> {
        self.shared.store_key(&scope, key)
    }
}

impl<T: Store> IdempotencyHandle<T> {
    /// Forgets a key, whatever its state; the next request with it runs. Says whether there was one.
    ///
    /// For operators who found out how an execution of unknown outcome ended.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn purge(&self, key: &StoreKey) -> Result<bool, T::Error> {
        self.shared.store.purge(key).await
    }
}

impl<T> Clone for IdempotencyHandle<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> fmt::Debug for IdempotencyHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyHandle")
            .field("shared", &self.shared)
            .finish()
    }
}

/// A layer at one moment.
#[derive(Clone, Copy, Debug)]
pub struct IdempotencySnapshot {
    executing: u32,
    waiting: u32,
    config: IdempotencyConfig,
}

impl IdempotencySnapshot {
    /// How many executions run, those included of which the store is yet to be told.
    pub const fn executing(&self) -> u32 {
        self.executing
    }

    /// How many requests wait for another with their key.
    pub const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// The settings in force.
    pub const fn config(&self) -> &IdempotencyConfig {
        &self.config
    }
}
