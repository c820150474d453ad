//! Runs a request once, and answers its repeats with what came of it.

mod capture;
mod claim;
mod execution;
mod key;
mod prepare;
mod scope;
mod store;
mod stored;

pub use capture::{Capture, Disposition, OnError, Unreadable};
pub use claim::{Claim, Claimed, Fenced, OnLapse};
pub use execution::Execution;
pub use key::{ClientKey, Fingerprint, Hasher, Owner, StoreKey};
pub use prepare::{Prepare, Unfit};
pub use scope::{Scope, Scoped, SingleTenant, Unscoped};
pub use store::Store;
pub use stored::{Stored, Tombstone};
