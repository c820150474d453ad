//! Repeats calls that failed, within a budget.

mod replay;

pub use replay::{ByClone, Replay};
