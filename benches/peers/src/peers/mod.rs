//! The others.

pub mod failsafe;
pub mod recloser;
pub mod seatbelt;
pub mod stores;
pub mod tower;
pub mod tower_resilience;
