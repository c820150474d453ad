//! Who leads, for how long, and what works under it.

mod board;
mod config;
mod driver;
mod error;
mod floor;
mod guard;
mod guarded;
mod handle;
mod leadership;
mod seal;
mod term;
mod until;
mod work;

pub use config::ElectionConfig;
pub use error::{CampaignError, LeadershipLost};
pub use guard::{LeaseGuard, Resigned};
pub(super) use guarded::Job;
pub use guarded::{Guarded, Lost};
pub use handle::LeaderElection;
pub use leadership::{Leadership, LeadershipWatch};
pub use seal::{NoSeal, Seal, Unsealed};
pub use term::Term;
