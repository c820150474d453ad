//! What a store holds.

/// What a [`MemoryStore`](super::MemoryStore) held at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemorySnapshot {
    pub(super) pending: usize,
    pub(super) done: usize,
    pub(super) tombstones: usize,
    pub(super) bytes: usize,
}

impl MemorySnapshot {
    /// Keys that were claimed and not finished, those whose lease has lapsed among them.
    pub const fn pending(&self) -> usize {
        self.pending
    }

    /// Keys that are done, with a record or with a tombstone.
    pub const fn done(&self) -> usize {
        self.done
    }

    /// Keys that are done, with a tombstone.
    pub const fn tombstones(&self) -> usize {
        self.tombstones
    }

    /// All keys.
    pub const fn records(&self) -> usize {
        self.pending.saturating_add(self.done)
    }

    /// Bytes, as [`MemoryStoreConfig::bytes`](super::MemoryStoreConfig::bytes) counts them.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}
