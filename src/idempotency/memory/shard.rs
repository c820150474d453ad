//! A part of the keys, behind one lock.

use std::collections::HashMap;
use std::collections::hash_map;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::idempotency::policy::{Entry, Holding};
use crate::idempotency::{Claim, Claimed, Fenced, StoreKey, Stored};
use crate::time::Instant;

use super::index::{Index, Marks};
use super::room::{Load, Turn};
use super::spread::Spread;

/// Every how many operations of a shard another shard is looked after.
const VISIT: usize = 8;

/// A map is made smaller when it uses an eighth of what it has, and has more than this.
const SMALL: usize = 64;

#[derive(Debug)]
pub(super) struct Shard {
    kept: HashMap<StoreKey, Kept, Spread>,
    index: Index,
    /// One for each key that somebody waits for.
    bells: HashMap<StoreKey, Arc<Notify>, Spread>,
    operations: usize,
}

#[derive(Debug, Default)]
struct Kept {
    entry: Entry,
    marks: Marks,
}

impl Shard {
    pub(super) fn new(spread: Spread) -> Self {
        Self {
            kept: HashMap::with_hasher(spread.clone()),
            index: Index::default(),
            bells: HashMap::with_hasher(spread),
            operations: 0,
        }
    }

    /// `None` when the key is new and there is no room for it.
    pub(super) fn claim(
        &mut self,
        claim: &Claim,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Option<Claimed> {
        if let Some(kept) = self.kept.get(&claim.key) {
            // Most repeats: nothing follows from them.
            if let Some(replay) = kept.entry.replay(claim, now) {
                return Some(replay);
            }
            let known = self.change(&claim.key, now, turn, |entry| entry.claim(claim, now));
            if known.is_some() {
                return known;
            }
        }
        self.add(claim.key, turn, 0, |entry| entry.claim(claim, now))
    }

    pub(super) fn renew(&mut self, claim: &Claim, now: Instant, turn: &mut Turn<'_>) -> Fenced {
        let known = self.change(&claim.key, now, turn, |entry| entry.renew(claim, now));
        known.unwrap_or(Fenced::Gone)
    }

    /// `None` when there is no room for the result, or for the key if that is new.
    pub(super) fn finish(
        &mut self,
        claim: &Claim,
        result: &Stored,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Option<Fenced> {
        let record = match result {
            Stored::Record(record) => record.len(),
            Stored::Tombstone(_) => 0,
        };
        let finish = |entry: &mut Entry| entry.finish(claim, result.clone(), now);
        let Some(kept) = self.kept.get(&claim.key) else {
            return self.add(claim.key, turn, record, finish);
        };
        if kept.entry.has_expired(now) {
            self.change(&claim.key, now, turn, |_| ());
            return self.add(claim.key, turn, record, finish);
        }
        // What keeps nothing needs no room, and may not cost another its record.
        if kept.entry.finished_by(claim).is_none() && !turn.take(Load::record(record)) {
            return None;
        }
        self.change(&claim.key, now, turn, finish)
    }

    pub(super) fn release(&mut self, claim: &Claim, now: Instant, turn: &mut Turn<'_>) -> Fenced {
        let known = self.change(&claim.key, now, turn, |entry| entry.release(claim, now));
        known.unwrap_or(Fenced::Gone)
    }

    /// Forgets a key; whether it was known.
    pub(super) fn purge(&mut self, key: &StoreKey, now: Instant, turn: &mut Turn<'_>) -> bool {
        let known = self.change(key, now, turn, |entry| *entry = Entry::default());
        known.is_some()
    }

    /// Looks at no more than `most` of the keys whose time has come, and forgets those that have
    /// expired; at how many it looked.
    pub(super) fn sweep(&mut self, now: Instant, most: usize, turn: &mut Turn<'_>) -> usize {
        let due = (0..most).map_while(|_| {
            let key = self.index.due(now)?;
            if let Some(kept) = self.kept.get_mut(&key) {
                kept.marks.unmark();
            }
            // An expiry that was put off is marked again by that.
            self.change(&key, now, turn, |_| ());
            Some(())
        });
        due.count()
    }

    /// Makes the oldest record a tombstone; whether there was one.
    pub(super) fn demote(&mut self, now: Instant, turn: &mut Turn<'_>) -> bool {
        let oldest = self.index.oldest_record();
        oldest.is_some_and(|key| {
            self.change(&key, now, turn, |entry| _ = entry.demote());
            true
        })
    }

    /// Forgets the oldest key that is done; whether there was one.
    pub(super) fn evict(&mut self, now: Instant, turn: &mut Turn<'_>) -> bool {
        let oldest = self.index.oldest_done();
        oldest.is_some_and(|key| {
            self.purge(&key, now, turn);
            true
        })
    }

    /// The bell that is rung when nobody has the key any more, and what is left of its lease; `None`
    /// when nobody has it.
    pub(super) fn listen(
        &mut self,
        key: StoreKey,
        now: Instant,
    ) -> Option<(Arc<Notify>, Duration)> {
        let lease_left = self.kept.get(&key)?.entry.lease_left(now)?;
        let bell = self.bells.entry(key).or_default();
        Some((Arc::clone(bell), lease_left))
    }

    /// Takes the bell away when nobody listens but the one who leaves.
    pub(super) fn leave(&mut self, key: &StoreKey, bell: Arc<Notify>) {
        let hung = self.bells.get(key);
        // One is the map's and one is ours, which is dropped before the lock is gone: of two who leave
        // together the second is then alone.
        if hung.is_some_and(|hung| Arc::ptr_eq(hung, &bell)) && Arc::strong_count(&bell) == 2 {
            self.bells.remove(key);
            shrink(&mut self.bells);
        }
    }

    /// Counts an operation; from time to time, which of the other shards it should look after, counted
    /// from this one. So keys are forgotten though nobody asks for their shard.
    pub(super) fn visit(&mut self) -> Option<usize> {
        self.operations = self.operations.wrapping_add(1);
        let is_time = self.operations % VISIT == 0;
        is_time.then_some(self.operations / VISIT)
    }

    /// How many claims, records and tombstones there are.
    pub(super) fn counts(&self) -> [usize; 3] {
        let (records, tombstones) = (self.index.records(), self.index.tombstones());
        let done = records.saturating_add(tombstones);
        [self.kept.len().saturating_sub(done), records, tombstones]
    }

    /// Changes a key that is known, and all that follows from it; `None` when it is not, or not any
    /// more.
    fn change<T>(
        &mut self,
        key: &StoreKey,
        now: Instant,
        turn: &mut Turn<'_>,
        change: impl FnOnce(&mut Entry) -> T,
    ) -> Option<T> {
        let hash_map::Entry::Occupied(mut place) = self.kept.entry(*key) else {
            return None;
        };
        let Kept { entry, marks } = place.get_mut();
        let before = entry.holding();
        let said = (!entry.expire(now)).then(|| change(entry));
        let after = entry.holding();
        self.index.note(*key, marks, before, entry);
        let is_free = entry.lease_left(now).is_none();
        if after == Holding::Nothing {
            place.remove();
            turn.free(Load::KEY.plus(Load::record(before.bytes())));
            shrink(&mut self.kept);
        } else {
            // What a record adds was taken before.
            let shrunk = before.bytes().saturating_sub(after.bytes());
            turn.free(Load::record(shrunk));
        }
        if is_free && !self.bells.is_empty() {
            turn.ring(self.bells.remove(key));
        }
        said
    }

    /// Makes a key known, with a record of so many bytes, if there is room.
    fn add<T>(
        &mut self,
        key: StoreKey,
        turn: &mut Turn<'_>,
        record: usize,
        begin: impl FnOnce(&mut Entry) -> T,
    ) -> Option<T> {
        if !turn.take(Load::KEY.plus(Load::record(record))) {
            return None;
        }
        let mut kept = Kept::default();
        let said = begin(&mut kept.entry);
        self.index
            .note(key, &mut kept.marks, Holding::Nothing, &kept.entry);
        self.kept.insert(key, kept);
        Some(said)
    }
}

/// Gives memory back. It takes as many steps as are left, after several times as many removals.
fn shrink<T>(map: &mut HashMap<StoreKey, T, Spread>) {
    if map.capacity() > SMALL && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len().saturating_mul(2));
    }
}

#[cfg(test)]
impl Shard {
    /// What all that is kept takes, after a look at whether the index is true.
    pub(super) fn audit(&self) -> Load {
        let all = self.kept.iter();
        self.index
            .audit(all.map(|(key, kept)| (key, &kept.entry, &kept.marks)));
        let loads = self.kept.values().map(|kept| kept.entry.holding().bytes());
        loads.fold(Load::default(), |all, record| {
            all.plus(Load::KEY).plus(Load::record(record))
        })
    }

    /// For how many keys somebody waits; how many keys are kept, and for how many there is space.
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.bells.len(), self.kept.len(), self.kept.capacity()]
    }
}
