//! What stores hold to: the store in memory, the cases for any store, and stores that break a rule.
#![cfg(feature = "idempotency")]

mod answers;
mod conformance;
mod fault;
mod histories;
mod kit;
mod limits;
mod mutants;
#[cfg(feature = "serde")]
mod settings;
mod spec;
#[cfg(feature = "metrics")]
mod telemetry;
mod waits;
