//! The idempotency layer at its service boundary. Tests cite the numbers of the faults that they are
//! about; `faults.md` beside them lists those.

#![cfg(all(feature = "idempotency", feature = "metrics", feature = "retry"))]

mod claims;
mod desk;
mod histories;
mod layers;
mod results;
mod shelf;
mod trouble;
mod waits;
