//! Leases by a majority, with a token for each term that only grows, and the gate that refuses the past.

mod ballot;
mod message;
mod moment;
mod timing;
mod token;

pub use ballot::{AcceptorId, Ballot, Incarnation, NodeId, Owner};
pub use message::{Accept, Accepted, Live, Message, Nack, Prepare, Promise, Release, Reply};
pub use moment::Moment;
pub use timing::{Timing, TimingConfig};
pub use token::FencingToken;
