//! Who leads, for how long, and what works under it.

mod error;
mod guarded;
mod term;
mod until;
mod work;

pub use error::LeadershipLost;
pub(super) use guarded::Job;
pub use guarded::{Guarded, Lost};
pub use term::Term;
