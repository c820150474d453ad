//! One execution of a request under its key.

mod ambient;
mod beside;
mod grant;
mod handler;
mod heartbeat;
mod lease;
mod outcome;
mod ready;
mod replay;
mod run;
mod settle;
mod slots;

pub use handler::Execution;

pub(super) use ambient::is_within;
pub(super) use grant::{Answer, Claiming, Grant};
pub(super) use replay::replay;
pub(super) use run::{Run, Surroundings};
pub(super) use slots::{Chore, Slot, Slots};
