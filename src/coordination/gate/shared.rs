//! What the handles of one gate share, and the write of a term.

use std::sync::Arc;
use std::task::Waker;

use tokio::runtime::Handle;

use crate::coordination::{FencingToken, StoreError, TokenRecord, TokenStore};
use crate::sync::{Lock, wake};

use super::floor::{Floor, Visit, Woken};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) floor: Lock<Floor>,
    pub(super) store: Option<Arc<dyn TokenStore>>,
}

/// Only when the lock is free.
pub(super) fn wake_all(woken: Woken) {
    for waker in woken.into_values() {
        wake(|| waker.wake());
    }
}

/// A caller that may wait; dropped, nothing of it stays.
#[derive(Debug)]
pub(super) struct Visitor<'a> {
    pub(super) shared: &'a Shared,
    pub(super) visit: Visit,
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let waker: Option<Waker> = self.shared.floor.lock().forget(&self.visit);
        wake(|| drop(waker));
    }
}

/// A write that is under way. However it ends, those who wait are told: a store that panics and a
/// runtime that stops before it came to the write drop it.
#[derive(Debug)]
pub(super) struct Write {
    shared: Arc<Shared>,
    token: FencingToken,
    result: Result<(), StoreError>,
}

impl Write {
    pub(super) fn new(shared: Arc<Shared>, token: FencingToken) -> Self {
        Self {
            shared,
            token,
            result: Err(StoreError::Failed),
        }
    }

    /// On a thread that may block, or on this one outside a runtime.
    pub(super) fn start(self) {
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(|| self.run())),
            Err(_) => self.run(),
        }
    }

    pub(super) fn run(mut self) {
        let record = TokenRecord {
            token: self.token,
            owner: None,
        };
        if let Some(store) = &self.shared.store {
            self.result = store.record(record);
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Ok(()));
        let woken = self.shared.floor.lock().written(self.token, result);
        wake_all(woken);
    }
}
