//! Runs a request once, and answers its repeats with what came of it.
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_idempotency_store_records` | gauge: keys that a [`MemoryStore`] holds, claimed and done |
//! | `mainstay_idempotency_store_bytes` | gauge: bytes that it holds, 576 for each key among them |

mod capture;
mod claim;
#[cfg(feature = "test-util")]
pub mod conformance;
mod execution;
mod key;
mod memory;
mod policy;
#[cfg(test)]
mod policy_tests;
mod prepare;
mod scope;
mod store;
mod stored;

pub use capture::{Capture, Disposition, Unreadable};
pub use claim::{Claim, Claimed, Fenced, OnLapse};
pub use execution::Execution;
pub use key::{ClientKey, Fingerprint, Hasher, Owner, StoreKey};
pub use memory::{MemorySnapshot, MemoryStore, MemoryStoreConfig};
pub use prepare::{Prepare, Unfit};
pub use scope::{Scope, Scoped, SingleTenant, Unscoped};
pub use store::Store;
pub use stored::{Stored, Tombstone};
