//! Who leads, for how long, and what works under it.

mod error;
mod guarded;
mod leadership;
mod term;
mod until;
mod work;

pub use error::LeadershipLost;
pub use guarded::{Guarded, Lost};
pub use leadership::{Leadership, LeadershipWatch};
pub use term::Term;
