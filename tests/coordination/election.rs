//! An election over a store that does what a script says.

mod campaigns;
mod endings;
mod guards;
mod kit;
mod model;
mod seals;
#[cfg(feature = "metrics")]
mod telemetry;
mod terms;
mod threads;
