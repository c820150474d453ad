//! The gate before a resource, which lets no earlier term in.

mod entering;
mod error;
mod fencing;
mod floor;
mod permit;
mod shared;

pub(super) use entering::{Beside, Entering};
pub use error::{GateError, Stale};
pub use fencing::FencingGate;
pub use floor::GateSnapshot;
pub use permit::Permit;
