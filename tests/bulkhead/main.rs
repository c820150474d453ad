//! The bulkhead through its public API.
#![cfg(feature = "bulkhead")]

mod costs;
mod inner;
mod permits;
mod queue;
mod room;
mod schedules;
#[cfg(feature = "serde")]
mod settings;
#[cfg(feature = "metrics")]
mod telemetry;
