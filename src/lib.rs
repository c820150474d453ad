//! lib

// What the ground offers and no compiled-in pattern uses is not dead; with every feature on, it is.
#![cfg_attr(
    not(feature = "full"),
    allow(dead_code, unused_imports, reason = "a part of the whole")
)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing
)]
#![warn(clippy::panic, clippy::string_slice, clippy::unwrap_used)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test may panic"
    )
)]

pub mod classify;
pub mod context;
pub mod error;
mod name;
mod ratio;
mod rng;
mod sync;
pub mod telemetry;
mod time;
mod timer;

#[cfg(feature = "breaker")]
pub mod breaker;
#[cfg(feature = "bulkhead")]
pub mod bulkhead;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg(feature = "test-util")]
pub mod test_util;
#[cfg(feature = "timeout")]
pub mod timeout;

pub use classify::{Classify, Failure, Outcome, Pushback};
pub use context::{Attempt, Deadline};
pub use error::{ConfigError, Error, Executed, Kind, Rejection, StackError};
pub use name::Name;
pub use ratio::Ratio;
pub use rng::Rng;
