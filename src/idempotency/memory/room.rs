//! How much there is room for, and how much of it is taken, over all shards.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::name::Name;
use crate::sync::{self, Lock};
use crate::telemetry::{Gauge, Scope};

use super::MemoryStoreConfig;

/// What a key costs besides its record: its place in the map, its claim, and its places in the order of
/// expiry and of age. `tests/idempotency_store/limits.rs` measures that it is enough, just after a map has grown too.
pub(super) const KEY_BYTES: usize = 576;

/// What is taken: keys, and bytes, in which [`KEY_BYTES`] for each key are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) keys: usize,
    pub(super) bytes: usize,
}

impl Load {
    pub(super) const KEY: Self = Self {
        keys: 1,
        bytes: KEY_BYTES,
    };

    pub(super) const fn record(bytes: usize) -> Self {
        Self { keys: 0, bytes }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
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

    /// What keeps `more` from being taken as well.
    const fn lack(self, more: Self, most: Self) -> Option<Lack> {
        let all = self.plus(more);
        let record = more
            .bytes
            .saturating_sub(more.keys.saturating_mul(KEY_BYTES));
        let without_records = all.keys.saturating_mul(KEY_BYTES).saturating_add(record);
        if all.keys > most.keys || without_records > most.bytes {
            Some(Lack::Keys)
        } else if all.bytes > most.bytes {
            Some(Lack::Records)
        } else {
            None
        }
    }
}

/// What there are too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// By their number, or by what they take without any record: to demote would not help.
    Keys,
    Records,
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

    /// Begins an operation. Make it before the shard is locked, so that it ends after.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn {
            room: self,
            taken: Load::default(),
            freed: Load::default(),
            refused: Load::default(),
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

/// What one operation takes and gives back. It does so at once, in the same critical section as it is
/// kept or forgotten: whoever has looked into every shard for room has seen all there is. Metrics and
/// waiters are told at its end, outside of all locks.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    room: &'a Room,
    taken: Load,
    freed: Load,
    refused: Load,
    bells: Vec<Arc<Notify>>,
}

impl Turn<'_> {
    /// Takes room, if there is.
    #[must_use]
    pub(super) fn take(&mut self, load: Load) -> bool {
        if load == Load::default() {
            return true;
        }
        let most = self.room.most;
        let mut taken = self.room.taken.lock();
        let has_room = taken.lack(load, most).is_none();
        if has_room {
            *taken = taken.plus(load);
            self.taken = self.taken.plus(load);
        } else {
            self.refused = load;
        }
        has_room
    }

    /// What there is too little of, yet, for what was refused last.
    pub(super) fn lacks(&self) -> Option<Lack> {
        self.room.taken().lack(self.refused, self.room.most)
    }

    /// Something is no longer kept.
    pub(super) fn free(&mut self, load: Load) {
        if load == Load::default() {
            return;
        }
        self.freed = self.freed.plus(load);
        let mut taken = self.room.taken.lock();
        *taken = taken.minus(load);
    }

    /// Rings at the end.
    pub(super) fn ring(&mut self, bell: Option<Arc<Notify>>) {
        self.bells.extend(bell);
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.taken != self.freed || !self.bells.is_empty() {
            self.tell();
        }
    }
}

impl Turn<'_> {
    fn tell(&mut self) {
        self.room.tell(self.taken, self.freed);
        for bell in self.bells.drain(..) {
            sync::wake(|| bell.notify_waiters());
        }
    }
}
