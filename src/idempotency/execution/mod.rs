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
pub(super) use grant::{Answer, Asked, Claiming, Grant, claiming};
pub(super) use replay::replay;
pub(super) use run::{Run, Running, Surroundings};
pub(super) use slots::{Chore, Slot, Slots};
