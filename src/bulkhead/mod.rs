//! Bounds how many calls are in flight, and how many wait.

mod config;
mod future;
mod gate;
mod hold;
mod layer;
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
