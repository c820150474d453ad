//! Leases by a majority, with a token for each term that only grows, and the gate that refuses the past.

mod acceptor;
mod ballot;
mod members;
mod message;
mod moment;
mod proposer;
#[cfg(test)]
mod random_tests;
mod rules;
mod timing;
mod token;
#[cfg(test)]
mod witness_tests;

pub use acceptor::{Acceptor, Answer, Durable, Write};
pub use ballot::{AcceptorId, Ballot, Incarnation, NodeId, Owner};
pub use members::{Members, MembersConfig};
pub use message::{Accept, Accepted, Live, Message, Nack, Prepare, Promise, Release, Reply};
pub use moment::Moment;
pub use proposer::{Abandoned, Event, Grant, Proposer, Step};
pub use timing::{Timing, TimingConfig};
pub use token::FencingToken;
