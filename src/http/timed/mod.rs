//! Bodies that end when their time is over.

mod body;
mod config;
#[cfg(feature = "deadline")]
mod cover;
mod dials;
mod future;
mod layer;
#[cfg(all(test, mainstay_loom))]
mod loom_tests;
mod meter;
mod policy;
mod service;
mod watched;

pub use body::TimedBody;
pub use config::{BodyLimits, BodyTimeoutConfig};
#[cfg(feature = "deadline")]
pub use cover::CoverBody;
pub use future::BodyTimeoutFuture;
pub use layer::{BodyTimeoutHandle, BodyTimeoutLayer};
pub use service::BodyTimeout;

pub(crate) use meter::Bodies;
pub(crate) use watched::{Cut, Watched};
