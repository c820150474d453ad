//! Leases by a majority, with a token for each term that only grows, and the gate that refuses the past.

mod acceptor;
mod ballot;
mod clock;
mod gate;
mod members;
mod message;
mod moment;
mod proposer;
#[cfg(test)]
mod random_tests;
mod rules;
mod store;
mod timing;
mod token;
#[cfg(test)]
mod witness_tests;

pub use acceptor::{Acceptor, Answer, Durable, Write};
pub use ballot::{AcceptorId, Ballot, Incarnation, NodeId, Owner};
#[cfg(feature = "test-util")]
pub use clock::ManualClock;
pub use clock::{BootClock, Clock, TokioClock};
pub use gate::{FencingGate, GateError, GateSnapshot, Permit, Stale};
pub use members::{Members, MembersConfig};
pub use message::{Accept, Accepted, Live, Message, Nack, Prepare, Promise, Release, Reply};
pub use moment::Moment;
pub use proposer::{Abandoned, Event, Grant, Proposer, Step};
pub use store::{EphemeralTokenStore, FileTokenStore, StoreError, TokenRecord, TokenStore};
pub use timing::{Timing, TimingConfig};
pub use token::FencingToken;
