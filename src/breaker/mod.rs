//! Circuit breaker.

mod circuit;
mod config;
mod dials;
mod epoch;
mod future;
mod gate;
mod handle;
mod layer;
mod open_time;
mod permit;
mod policy;
mod probation;
mod ramp;
mod ruling;
mod service;
mod shared;
mod source;
mod state;
mod wait;
mod watch;
mod window;

#[cfg(all(test, mainstay_loom))]
mod loom_tests;
#[cfg(all(test, not(mainstay_loom)))]
mod model;
#[cfg(test)]
mod policy_tests;
#[cfg(all(test, not(mainstay_loom)))]
mod stress;

pub use config::{BreakerConfig, Cancelled, OnPushback};
pub use future::ResponseFuture;
pub use handle::BreakerHandle;
pub use layer::BreakerLayer;
pub use service::Breaker;
pub use state::{Cause, Snapshot, State};
pub use watch::StateWatch;
pub use window::Window;
