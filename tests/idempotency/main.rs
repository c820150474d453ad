//! The idempotency layer at its service boundary. Tests cite the numbers of the faults that they are
//! about: numbers of the list in `docs/decisions/idempotency-claims.md`.

#![cfg(feature = "full")]

mod claims;
mod client;
mod desk;
mod edges;
mod histories;
mod layers;
mod leases;
mod ledger;
mod messages;
mod node;
mod panics;
mod polls;
mod results;
mod shelf;
mod spawned;
mod stores;
mod telemetry;
mod trouble;
mod waits;
