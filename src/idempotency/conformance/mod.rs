//! What any [`Store`](super::Store) must do, as cases to run against one.
//!
//! ```
//! use mainstay::idempotency::conformance::check;
//! use mainstay::idempotency::{MemoryStore, MemoryStoreConfig};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(MemoryStoreConfig::default())?;
//! check(store, Duration::from_secs(1)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//! Leases and retentions of the cases are a few units long, and between steps the cases let a few units
//! pass, by tokio's clock. A store on that clock, as `MemoryStore` is, runs them in no time under a
//! paused one. A store with a clock of its own runs them in real time: choose a unit that is several
//! times what an operation takes (100 ms for an engine on the same machine), and mind that all cases
//! together wait for some hundred units.
//!
//! # Keys
//! They are drawn at random, so the store need not be empty, and a case does not see another's. What the
//! cases leave behind is forgotten after some tens of units.
//!
//! # What is not checked
//! That leases are decided on the store's clock follows from [`Claim`](super::Claim), which has no
//! instant in it. That what was answered is durable, and that it is seen through all replicas, is for
//! the store's own tests.

mod case;
mod claims;
mod endings;
mod lapses;
mod races;
mod report;
mod room;
mod subject;
mod times;

pub use case::check;
pub use report::{Failure, Report};
pub use room::check_room;
