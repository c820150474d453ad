//! Takes the deadline from what arrives.

mod config;
mod layer;
mod policy;
mod service;
mod settings;
mod trust;

pub use config::{DeadlineServerConfig, Expired};
pub use layer::{DeadlineServerHandle, DeadlineServerLayer};
pub use service::DeadlineServer;
pub use trust::{Nobody, Trust};
