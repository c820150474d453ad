//! The layer by which the leader alone serves.

mod call;
mod config;
mod future;
mod layer;
#[cfg(feature = "test-util")]
mod manual;
mod seat;
mod service;

pub use config::LeaderConfig;
pub use future::ResponseFuture as LeaderFuture;
pub use layer::{LeaderHandle, LeaderLayer};
#[cfg(feature = "test-util")]
pub use manual::ManualSeat;
pub use seat::Seat;
pub use service::LeaderOnly;
