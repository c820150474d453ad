//! Bounds how many calls are in flight, and how many wait.

mod hold;
mod permit;

pub use hold::{Hold, UntilResponse};
pub use permit::Permit;
