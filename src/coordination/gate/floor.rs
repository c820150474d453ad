//! Which term is let in, and who is inside.
//!
//! # Invariants
//! - F1: `high` never goes down, and no token below it is let in.
//! - F2: nothing of a term is let in before the term is recorded.
//! - F3: tokens inside only grow from the oldest to the newest; there is one entry for each term with a
//!   permit. So memory is that of the most terms that were inside at once, and of those who wait.
//! - F4: one write at a time, begun by whoever comes when none is under way.
//! - F5: whatever changes an answer to those who wait wakes all of them.
//!
//! The wakers that operations give back are called and dropped by the caller, after the lock is gone:
//! both may run a task's code, and that may come back here.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use crate::coordination::{FencingToken, StoreError};

use super::{GateError, Stale};

#[derive(Debug)]
pub(super) struct Floor {
    high: Option<FencingToken>,
    /// The highest term that the store is known to keep. `high` itself, where there is no store.
    recorded: Option<FencingToken>,
    has_store: bool,
    is_writing: bool,
    /// How many writes have failed, and how the last of them did.
    failures: u64,
    failure: Option<StoreError>,
    inside: VecDeque<(FencingToken, usize)>,
    waiting: BTreeMap<u64, Waker>,
    next_visit: u64,
}

/// What one caller knows between two looks at the floor.
#[derive(Debug, Default)]
pub(super) struct Visit {
    number: Option<u64>,
    failures: Option<u64>,
}

/// What has to be done with a term before anything of it is let in.
#[derive(Debug)]
#[must_use]
pub(super) enum Recording {
    Done,
    /// A write is under way.
    Wait,
    /// The caller writes.
    Write,
    Failed(StoreError),
}

/// Those who wait to be woken.
pub(super) type Woken = BTreeMap<u64, Waker>;

impl Floor {
    pub(super) fn new(high: Option<FencingToken>, has_store: bool) -> Self {
        Self {
            high,
            recorded: high,
            has_store,
            is_writing: false,
            failures: 0,
            failure: None,
            inside: VecDeque::new(),
            waiting: BTreeMap::new(),
            next_visit: 0,
        }
    }

    /// Lets in what needs no wait.
    #[inline]
    pub(super) fn admit(&mut self, token: FencingToken) -> Result<Woken, GateError> {
        let woken = if self.has_store && self.recorded < Some(token) {
            self.check(token)?;
            return Err(GateError::Unrecorded);
        } else {
            self.raise(token)?
        };
        self.count(token);
        Ok(woken)
    }

    /// From now on, nothing older is let in.
    #[inline]
    pub(super) fn raise(&mut self, token: FencingToken) -> Result<Woken, Stale> {
        self.check(token)?;
        if self.high == Some(token) {
            return Ok(Woken::new());
        }
        self.high = Some(token);
        if !self.has_store {
            self.recorded = self.high;
        }
        Ok(self.wake())
    }

    /// Has the term of `token` recorded, which the floor was raised to.
    pub(super) fn record(&mut self, token: FencingToken, visit: &mut Visit) -> Recording {
        let failures = *visit.failures.get_or_insert(self.failures);
        if self.recorded >= Some(token) {
            return Recording::Done;
        }
        if self.is_writing {
            return Recording::Wait;
        }
        match &self.failure {
            Some(failure) if failures != self.failures => Recording::Failed(failure.clone()),
            Some(_) | None => {
                self.is_writing = true;
                Recording::Write
            }
        }
    }

    /// The write of `token` has ended.
    pub(super) fn written(&mut self, token: FencingToken, result: Result<(), StoreError>) -> Woken {
        self.is_writing = false;
        match result {
            Ok(()) => self.recorded = self.recorded.max(Some(token)),
            Err(failure) => {
                self.failures = self.failures.wrapping_add(1);
                self.failure = Some(failure);
            }
        }
        self.wake()
    }

    /// One more of the floor's own term is inside.
    #[inline]
    pub(super) fn count(&mut self, token: FencingToken) {
        debug_assert!(self.high == Some(token), "F1");
        match self.inside.back_mut() {
            Some((newest, permits)) if *newest == token => *permits = permits.saturating_add(1),
            _ => self.inside.push_back((token, 1)),
        }
    }

    /// One more holds what one who is inside holds already; its term may be over by now.
    #[inline]
    pub(super) fn share(&mut self, token: FencingToken) {
        let place = self
            .inside
            .binary_search_by_key(&token, |(token, _)| *token);
        debug_assert!(place.is_ok(), "only who is inside can share");
        if let Some((_, permits)) = place.ok().and_then(|index| self.inside.get_mut(index)) {
            *permits = permits.saturating_add(1);
        }
    }

    /// One of the term of `token` has left.
    #[inline]
    pub(super) fn leave(&mut self, token: FencingToken) -> Woken {
        let Ok(index) = self
            .inside
            .binary_search_by_key(&token, |(token, _)| *token)
        else {
            return Woken::new();
        };
        let last = match self.inside.get_mut(index) {
            Some((_, permits)) if *permits > 1 => {
                *permits = permits.saturating_sub(1);
                false
            }
            _ => true,
        };
        if last {
            self.inside.remove(index);
        }
        if last && self.is_drained() {
            self.wake()
        } else {
            Woken::new()
        }
    }

    /// Whether nothing older than the floor is inside.
    pub(super) fn is_drained(&self) -> bool {
        self.inside
            .front()
            .is_none_or(|(oldest, _)| Some(*oldest) >= self.high)
    }

    /// Whether nothing older would be beside one of the term of `token`, once the floor is that.
    #[inline]
    pub(super) fn would_be_alone(&self, token: FencingToken) -> bool {
        self.inside
            .front()
            .is_none_or(|(oldest, _)| *oldest >= token)
    }

    /// Wakes `waker` at the next change. Gives back the one that was there.
    pub(super) fn wait(&mut self, visit: &mut Visit, waker: Waker) -> Option<Waker> {
        let number = *visit.number.get_or_insert(self.next_visit);
        // Nobody counts that far.
        self.next_visit = self.next_visit.max(number.wrapping_add(1));
        self.waiting.insert(number, waker)
    }

    /// Gives back the waker of a visit that ends.
    pub(super) fn forget(&mut self, visit: &Visit) -> Option<Waker> {
        self.waiting.remove(&visit.number?)
    }

    pub(super) fn snapshot(&self) -> GateSnapshot {
        let total = |entries: &mut dyn Iterator<Item = &(FencingToken, usize)>| {
            entries.fold(0, |sum: usize, (_, permits)| sum.saturating_add(*permits))
        };
        GateSnapshot {
            high: self.high,
            recorded: self.recorded.filter(|_| self.has_store),
            in_flight: total(&mut self.inside.iter()),
            older: total(
                &mut self
                    .inside
                    .iter()
                    .filter(|(token, _)| Some(*token) < self.high),
            ),
            waiting: self.waiting.len(),
        }
    }

    #[inline]
    pub(super) fn check(&self, token: FencingToken) -> Result<(), Stale> {
        match self.high {
            Some(high) if token < high => Err(Stale::new(token, high)),
            Some(_) | None => Ok(()),
        }
    }

    fn wake(&mut self) -> Woken {
        std::mem::take(&mut self.waiting)
    }
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateSnapshot {
    high: Option<FencingToken>,
    recorded: Option<FencingToken>,
    in_flight: usize,
    older: usize,
    waiting: usize,
}

impl GateSnapshot {
    /// The floor: the highest token that the gate has seen.
    pub const fn high(&self) -> Option<FencingToken> {
        self.high
    }

    /// The highest token that is recorded durably; `None` for a gate in memory.
    pub const fn recorded(&self) -> Option<FencingToken> {
        self.recorded
    }

    /// How many permits are out.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many of them are of terms below the floor.
    pub const fn older(&self) -> usize {
        self.older
    }

    /// How many callers wait, for a term to be recorded or for older permits to come back.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }
}
