//! The lease of one resource, by a majority of acceptors that are services.

mod acceptor;
mod alarm;
mod attempt;
mod config;
mod error;
mod freed;
mod future;
mod lease;
mod meter;
mod request;
mod seat;
mod slot;
mod slots;
mod waits;

pub use acceptor::AcceptorService;
pub use config::QuorumConfig;
pub use error::AcceptorError;
pub use future::AcceptorFuture;
pub use lease::QuorumLease;
pub use request::{Ask, LeaseRequest, LeaseResponse};
