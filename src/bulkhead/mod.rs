//! Bounds how many calls are in flight, and how many wait.

mod config;
mod future;
mod gate;
mod hold;
mod layer;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
#[cfg(all(test, not(mainstay_loom)))]
mod model_tests;
mod permit;
mod policy;
mod semaphore;
mod service;
mod waiters;

pub use config::{BulkheadConfig, Order};
pub use future::ResponseFuture;
pub use hold::{Hold, UntilResponse};
pub use layer::{BulkheadHandle, BulkheadLayer, BulkheadSnapshot};
pub use permit::Permit;
pub use service::Bulkhead;
