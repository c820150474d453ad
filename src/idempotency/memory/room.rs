//! How much there is room for, and how much of it is taken, over all shards.

use std::mem;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::name::Name;
use crate::sync::{self, Lock};
use crate::telemetry::{Gauge, Scope};

use super::MemoryStoreConfig;

/// What a key costs besides its record: its place in the map, its claim, and its places in the order of
/// expiry and of age. `store_tests` measures that it is no less.
pub(super) const KEY_BYTES: usize = 512;

/// What is taken: keys, and bytes, in which [`KEY_BYTES`] for each key are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) keys: usize,
    pub(super) bytes: usize,
}

impl Load {
    const KEY: Self = Self {
        keys: 1,
        bytes: KEY_BYTES,
    };

    const fn plus(self, other: Self) -> Self {
        Self {
            keys: self.keys.saturating_add(other.keys),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            keys: self.keys.saturating_sub(other.keys),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    const fn lack(self, most: Self) -> Option<Lack> {
        if self.keys > most.keys {
            Some(Lack::Keys)
        } else if self.bytes > most.bytes {
            Some(Lack::Bytes)
        } else {
            None
        }
    }
}

/// Which limit has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    Keys,
    Bytes,
}

/// The limits of a store. Its lock is taken inside a shard's, and nothing inside it.
#[derive(Debug)]
pub(super) struct Room {
    taken: Lock<Load>,
    most: Load,
    keys: Gauge,
    bytes: Gauge,
}

impl Room {
    pub(super) fn new(name: Name, config: &MemoryStoreConfig) -> Self {
        let scope = Scope::new("idempotency", name);
        Self {
            taken: Lock::default(),
            most: Load {
                keys: config.records,
                bytes: config.bytes,
            },
            keys: scope.gauge("mainstay_idempotency_store_records"),
            bytes: scope.gauge("mainstay_idempotency_store_bytes"),
        }
    }

    pub(super) fn taken(&self) -> Load {
        *self.taken.lock()
    }

    /// Whether a record of so many bytes would have room if it were the only one.
    pub(super) fn could_hold(&self, record: usize) -> bool {
        let keys = self.taken().keys.saturating_mul(KEY_BYTES);
        keys.saturating_add(record) <= self.most.bytes
    }

    /// Begins an operation. Make it before the shard is locked, so that it ends after.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn {
            room: self,
            taken: Load::default(),
            freed: Load::default(),
            given: Load::default(),
            reserved: 0,
            bells: Vec::new(),
        }
    }

    fn tell(&self, taken: Load, freed: Load) {
        tell(&self.keys, taken.keys, freed.keys);
        tell(&self.bytes, taken.bytes, freed.bytes);
    }
}

/// A store that is dropped holds nothing any more.
impl Drop for Room {
    fn drop(&mut self) {
        self.tell(Load::default(), self.taken());
    }
}

fn tell(gauge: &Gauge, taken: usize, freed: usize) {
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    if taken > freed {
        gauge.increment(taken.saturating_sub(freed) as f64);
    } else if freed > taken {
        gauge.decrement(freed.saturating_sub(taken) as f64);
    }
}

/// What one operation takes and gives back. What it did not use is given back at its end, and there,
/// outside of all locks, metrics and waiters are told.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    room: &'a Room,
    taken: Load,
    freed: Load,
    /// What was freed, and is room for others already.
    given: Load,
    reserved: usize,
    bells: Vec<Arc<Notify>>,
}

impl Turn<'_> {
    /// Takes room for another key, if there is.
    #[must_use]
    pub(super) fn take_key(&mut self) -> bool {
        self.take(Load::KEY)
    }

    /// What there is too little of for another key.
    pub(super) fn lacks(&mut self) -> Option<Lack> {
        let most = self.room.most;
        self.given_back(|taken| taken.plus(Load::KEY).lack(most))
    }

    /// Takes room for a record that is about to be kept, if there is.
    #[must_use]
    pub(super) fn reserve(&mut self, record: usize) -> bool {
        let bytes = record;
        let has_room = self.take(Load { keys: 0, bytes });
        if has_room {
            self.reserved = self.reserved.saturating_add(bytes);
        }
        has_room
    }

    /// A record was replaced by another, either of which may be of no bytes. What it grew by was
    /// reserved.
    pub(super) fn resize(&mut self, before: usize, after: usize) {
        let grown = after.saturating_sub(before);
        debug_assert!(grown <= self.reserved, "bytes that nobody reserved");
        self.reserved = self.reserved.saturating_sub(grown);
        let bytes = before.saturating_sub(after);
        self.freed = self.freed.plus(Load { keys: 0, bytes });
    }

    /// A key was forgotten, and a record of so many bytes with it.
    pub(super) fn free_key(&mut self, record: usize) {
        self.resize(record, 0);
        self.freed = self.freed.plus(Load::KEY);
    }

    /// Rings at the end.
    pub(super) fn ring(&mut self, bell: Option<Arc<Notify>>) {
        self.bells.extend(bell);
    }

    fn take(&mut self, load: Load) -> bool {
        let most = self.room.most;
        let has_room = self.given_back(|taken| {
            let wanted = taken.plus(load);
            let has_room = wanted.lack(most).is_none();
            if has_room {
                *taken = wanted;
            }
            has_room
        });
        if has_room {
            self.taken = self.taken.plus(load);
        }
        has_room
    }

    /// What is taken by all, once what this turn has freed is room, for it as for others.
    fn given_back<T>(&mut self, see: impl FnOnce(&mut Load) -> T) -> T {
        let freed = mem::take(&mut self.freed);
        self.given = self.given.plus(freed);
        let mut taken = self.room.taken.lock();
        *taken = taken.minus(freed);
        see(&mut taken)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let bytes = self.reserved;
        let freed = self.freed.plus(Load { keys: 0, bytes });
        if freed != Load::default() {
            let mut taken = self.room.taken.lock();
            *taken = taken.minus(freed);
        }
        self.room.tell(self.taken, self.given.plus(freed));
        for bell in self.bells.drain(..) {
            sync::wake(|| bell.notify_waiters());
        }
    }
}
