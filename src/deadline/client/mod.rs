//! Tells the next hop how much time is left.

mod config;
mod layer;
mod policy;
mod service;

pub use config::DeadlineClientConfig;
pub use layer::{DeadlineClientHandle, DeadlineClientLayer};
pub use service::DeadlineClient;
