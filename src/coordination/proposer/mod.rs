//! Asks for the lease of one resource, and keeps it.

mod attempt;
mod ending;
mod event;
mod held;
mod state;
#[cfg(test)]
mod tests;

pub use event::{Abandoned, Event, Grant, Step};
pub use state::Proposer;
#[cfg(test)]
pub(super) use state::{Phase, ProposerKey};
