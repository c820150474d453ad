//! A store in this process's memory.

mod config;
mod index;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
mod room;
mod shard;
mod snapshot;
mod spread;
mod store;
#[cfg(all(test, not(mainstay_loom)))]
mod store_tests;
mod waiter;

pub use config::MemoryStoreConfig;
pub use snapshot::MemorySnapshot;
pub use store::MemoryStore;
