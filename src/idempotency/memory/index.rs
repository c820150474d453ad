//! The keys of a shard by when they expire and by how long they have been done.
//!
//! # Invariants
//! - I1: a key that expires is here once, at its instant or before it; one that does not expire is not.
//! - I2: a key with a record is among the records once, one with a tombstone among the tombstones, and
//!   any other in neither.
//!
//! So nothing here outlives its key, and an operation takes logarithmic time.

use std::collections::{BTreeMap, BTreeSet};

use crate::idempotency::StoreKey;
use crate::idempotency::policy::{Entry, Holding};
use crate::time::{self, Instant};

#[derive(Debug, Default)]
pub(super) struct Index {
    expiries: BTreeSet<(Instant, StoreKey)>,
    /// The first of them, at hand: it is looked at by every operation.
    soonest: Option<Instant>,
    records: BTreeMap<u64, StoreKey>,
    tombstones: BTreeMap<u64, StoreKey>,
    finished: u64,
}

/// Where a key stands in the index.
#[derive(Debug, Default)]
pub(super) struct Marks {
    expiry: Option<Instant>,
    age: u64,
}

impl Index {
    /// What is held of a key was `before`, and now it is as `entry` says.
    pub(super) fn note(
        &mut self,
        key: StoreKey,
        marks: &mut Marks,
        before: Holding,
        entry: &Entry,
    ) {
        let after = entry.holding();
        self.note_expiry(key, marks, entry.expires());
        if before != after {
            self.leave(marks, before);
            self.enter(key, marks, before, after);
        }
    }

    /// An expiry that is put off stays where it was, and is looked at again when it is
    /// [`due`](Self::due): a key that is renewed all the time costs nothing here.
    fn note_expiry(&mut self, key: StoreKey, marks: &mut Marks, expires: Option<Instant>) {
        let is_early = match (marks.expiry, expires) {
            (Some(marked), Some(expires)) => marked <= expires,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if is_early {
            return;
        }
        if let Some(marked) = marks.expiry.take() {
            self.expiries.remove(&(marked, key));
            if self.soonest == Some(marked) {
                self.look();
            }
        }
        if let Some(expires) = expires {
            self.expiries.insert((expires, key));
            self.soonest = time::sooner(self.soonest, Some(expires));
            marks.expiry = Some(expires);
        }
    }

    fn look(&mut self) {
        self.soonest = self.expiries.first().map(|(at, _)| *at);
    }

    fn leave(&mut self, marks: &Marks, before: Holding) {
        match before {
            Holding::Record(_) => self.records.remove(&marks.age),
            Holding::Tombstone => self.tombstones.remove(&marks.age),
            Holding::Nothing | Holding::Claim => None,
        };
    }

    fn enter(&mut self, key: StoreKey, marks: &mut Marks, before: Holding, after: Holding) {
        let is_done = |holding| matches!(holding, Holding::Record(_) | Holding::Tombstone);
        // A record that is demoted keeps its age.
        if is_done(after) && !is_done(before) {
            self.finished = self.finished.saturating_add(1);
            marks.age = self.finished;
        }
        match after {
            Holding::Record(_) => self.records.insert(marks.age, key),
            Holding::Tombstone => self.tombstones.insert(marks.age, key),
            Holding::Nothing | Holding::Claim => None,
        };
    }

    /// The next key to look at, if its time has come by `now`. It is no longer marked with an expiry,
    /// as [`Marks::unmark`] is to say.
    pub(super) fn due(&mut self, now: Instant) -> Option<StoreKey> {
        self.soonest.filter(|at| *at <= now)?;
        let due = self.expiries.pop_first().map(|(_, key)| key);
        self.look();
        due
    }

    pub(super) fn oldest_record(&self) -> Option<StoreKey> {
        self.records.first_key_value().map(|(_, key)| *key)
    }

    /// The one that has been done for longest, with a record or without.
    pub(super) fn oldest_done(&self) -> Option<StoreKey> {
        let fronts = [&self.records, &self.tombstones].map(BTreeMap::first_key_value);
        let oldest = fronts.into_iter().flatten().min_by_key(|(age, _)| **age);
        oldest.map(|(_, key)| *key)
    }

    pub(super) fn records(&self) -> usize {
        self.records.len()
    }

    pub(super) fn tombstones(&self) -> usize {
        self.tombstones.len()
    }
}

impl Marks {
    pub(super) fn unmark(&mut self) {
        self.expiry = None;
    }
}

#[cfg(test)]
impl Index {
    /// That `keys` and nothing else stand here, each where it should (I1, I2).
    pub(super) fn audit<'a>(
        &self,
        keys: impl Iterator<Item = (&'a StoreKey, &'a Entry, &'a Marks)>,
    ) {
        let (mut expiries, mut records, mut tombstones) = (0, 0, 0);
        for (key, entry, marks) in keys {
            match (marks.expiry, entry.expires()) {
                (None, None) => {}
                (Some(marked), Some(end)) => {
                    assert!(marked <= end, "found too late");
                    assert!(self.expiries.contains(&(marked, *key)));
                    expiries += 1;
                }
                other => panic!("marked and due: {other:?}"),
            }
            match entry.holding() {
                Holding::Record(_) => {
                    assert_eq!(self.records.get(&marks.age), Some(key));
                    records += 1;
                }
                Holding::Tombstone => {
                    assert_eq!(self.tombstones.get(&marks.age), Some(key));
                    tombstones += 1;
                }
                Holding::Claim => {}
                Holding::Nothing => panic!("nothing is kept"),
            }
        }
        assert_eq!(expiries, self.expiries.len(), "expiries of no key");
        let first = self.expiries.first().map(|(at, _)| *at);
        assert_eq!(self.soonest, first, "the soonest expiry");
        assert_eq!((records, tombstones), (self.records(), self.tombstones()));
    }
}
