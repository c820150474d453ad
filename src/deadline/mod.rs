//! Carries the time that is left from hop to hop.

mod cover;

pub use crate::context::Deadline;
pub use cover::{Cover, HeadOnly};
