//! Runs a request once, and answers its repeats with what came of it.
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_idempotency_store_records` | gauge: keys that a [`MemoryStore`] holds, claimed and done |
//! | `mainstay_idempotency_store_bytes` | gauge: bytes that it holds, 512 for each key among them |

mod call;
mod capture;
mod claim;
mod client;
mod config;
#[cfg(feature = "test-util")]
pub mod conformance;
mod execution;
mod future;
mod handle;
mod key;
mod layer;
mod memory;
mod messages;
mod policy;
#[cfg(test)]
mod policy_tests;
mod prepare;
mod refusal;
mod scope;
mod service;
mod shared;
mod store;
mod stored;
mod wait;

pub use capture::{Capture, Disposition, OnError, Unreadable};
pub use claim::{Claim, Claimed, Fenced, OnLapse};
pub use client::{All, IdempotencyKey, IdempotencyKeyLayer, Which};
pub use config::{Duplicates, IdempotencyConfig, StoreDown};
pub use execution::Execution;
pub use future::ResponseFuture;
pub use handle::{IdempotencyHandle, IdempotencySnapshot};
pub use key::{ClientKey, Fingerprint, Hasher, Owner, StoreKey};
pub use layer::IdempotencyLayer;
pub use memory::{MemorySnapshot, MemoryStore, MemoryStoreConfig};
pub use messages::{Acknowledgement, ByMessageId, Defaulted, DoneOnly, Fingerprinting, IdAlone};
pub use prepare::{Prepare, Unfit};
pub use scope::{By, HasScope, Scope, Scoped, SingleTenant, Unscoped};
pub use service::Idempotency;
pub use store::Store;
pub use stored::{Stored, Tombstone};
