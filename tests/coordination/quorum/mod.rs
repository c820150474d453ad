//! Acceptors, and leases by a majority of them.

mod acceptor;
mod cancel;
mod costs;
mod endings;
mod fights;
mod handover;
mod kit;
mod lease;
mod stack;
#[cfg(feature = "metrics")]
mod telemetry;
mod waits;
#[cfg(feature = "serde")]
mod wire;
