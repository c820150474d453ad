//! What grants leases, whatever stands behind it.

mod error;
mod store;

pub use error::{AcquireError, RenewError};
pub use store::{LeaseStore, Safety};
