//! What the breaker remembers of the calls it admitted: fixed memory, constant time per call.

mod consecutive;
mod count;
mod counts;
mod filling;
mod kept;
mod shape;
mod successes;
mod time;

#[cfg(all(test, mainstay_loom))]
mod loom_tests;

pub(super) use consecutive::{CONSECUTIVE_MAX, Consecutive};
pub(super) use counts::{Counts, Sample};
pub(super) use kept::{Recorded, Windows};
pub use shape::Window;
pub(super) use shape::{BUCKETS_MAX, CALLS_MAX};
