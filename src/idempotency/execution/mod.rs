//! One execution of a request under its key.

mod alive;
mod ambient;
mod grant;
mod handler;
mod heartbeat;
mod hold;
mod lease;
mod outcome;
mod ready;
mod replay;
mod run;
mod settle;
mod slots;

pub use handler::Execution;

pub(super) use ambient::is_within;
pub(super) use grant::{Answer, Asked, Claiming, Grant, claiming};
pub(super) use outcome::Outcome;
pub(super) use replay::replay;
pub(super) use run::{Run, Running, Surroundings};
pub(super) use slots::{Chore, Slot, Slots};
