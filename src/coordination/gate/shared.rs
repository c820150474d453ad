//! What the handles of one gate share, and the write of a term.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;

use crate::coordination::{FencingToken, StoreError, TokenRecord, TokenStore};
use crate::sync::{Lock, wake};

use super::GateError;
use super::floor::{Floor, Recording, Visit, Woken};

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
pub(super) struct Visitor {
    pub(super) shared: Arc<Shared>,
    visit: Visit,
}

impl Visitor {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            visit: Visit::default(),
        }
    }

    /// Looks at all that matters, and if it is not to be yet waits for the next change, under one lock:
    /// a change cannot fall between the two.
    pub(super) fn poll<T>(
        &mut self,
        token: FencingToken,
        cx: &Context<'_>,
        take: impl FnOnce(&mut Floor) -> Option<T>,
    ) -> Poll<Result<T, GateError>> {
        // Another's code, so before the lock is taken.
        let waker = cx.waker().clone();
        let mut floor = self.shared.floor.lock();
        let woken = floor.raise(token)?;
        let recording = floor.record(token, &mut self.visit);
        let must_write = matches!(recording, Recording::Write);
        let answer = match recording {
            Recording::Done => take(&mut floor).map(Ok),
            Recording::Wait | Recording::Write => None,
            Recording::Failed(error) => Some(Err(GateError::Store(error))),
        };
        let unused = match answer {
            Some(_) => Some(waker),
            None => floor.wait(&mut self.visit, waker),
        };
        drop(floor);
        wake_all(woken);
        wake(|| drop(unused));
        if must_write {
            Write::new(Arc::clone(&self.shared), token).start();
        }
        answer.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Visitor {
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
