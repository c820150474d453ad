//! The gate before a resource, which lets no earlier term in.

mod error;
mod fencing;
mod floor;
mod permit;
mod shared;

pub use error::{GateError, Stale};
pub use fencing::FencingGate;
pub use floor::GateSnapshot;
pub use permit::Permit;
