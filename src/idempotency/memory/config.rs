//! The settings of a store in memory.

use crate::error::ConfigError;
use crate::name::Name;

use super::room::KEY_BYTES;

/// How much a [`MemoryStore`](super::MemoryStore) may hold, and what it does when that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MemoryStoreConfig {
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) name: Name,
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) evict_oldest: bool,
}

impl Default for MemoryStoreConfig {
    fn default() -> Self {
        Self {
            name: Name::from("memory"),
            records: 100_000,
            bytes: 64 << 20u32,
            evict_oldest: false,
        }
    }
}

impl MemoryStoreConfig {
    /// What its metrics are labelled with. Default `memory`.
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// How many keys it may know at once, claimed and done together; at least 1. Default 100 000.
    ///
    /// Beyond it a new key is answered [`Claimed::Full`](crate::idempotency::Claimed::Full).
    pub const fn records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// How many bytes it may hold: those of its records, and 576 for each key besides; at least 576.
    /// Default 64 MiB.
    ///
    /// Beyond it the oldest records become tombstones, and when there is none left a new key is
    /// answered [`Claimed::Full`](crate::idempotency::Claimed::Full).
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Forgets the oldest key that is done, in place of refusing a new one. A repeat of the forgotten
    /// request **runs again**. Off by default.
    pub const fn evict_oldest(mut self, evict_oldest: bool) -> Self {
        self.evict_oldest = evict_oldest;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.records == 0 {
            return Err(ConfigError::new("records", self.records, "at least 1"));
        }
        if self.bytes < KEY_BYTES {
            return Err(ConfigError::new("bytes", self.bytes, "at least 576"));
        }
        Ok(())
    }
}
