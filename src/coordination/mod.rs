//! Leases by a majority, with a token for each term that only grows, and the gate that refuses the past.
//!
//! What is here are the parts that decide, and those that a resource needs. The runtime that carries
//! their messages, renews a lease and guards work with it is not here yet: use it to build one, and not
//! as a leader lock.
//!
//! | Part | What it does |
//! |---|---|
//! | [`Acceptor`] | grants the lease of one resource, to one incarnation of one node at a time |
//! | [`Proposer`] | asks a majority for it, again to renew it, and says until when it may be used |
//! | [`Tenure`] | says when a lease is to be renewed, and when its holder has to stop |
//! | [`LeaseStore`] | grants leases to one node, by whatever means |
//! | [`FencingGate`] | stands before the resource, and lets nobody in whose term is over |
//! | [`TokenStore`] | keeps the highest token through a crash |
//! | [`Clock`] | a clock that never steps, and counts the time that a machine is suspended |
//!
//! [`Acceptor`] and [`Proposer`] have no clock and do no I/O: they are told the time and given messages,
//! and say what to send, and what to write before it may be sent. Two incarnations never hold the lease at
//! once as long as the rates of all clocks stay within the [drift](TimingConfig::drift); whatever is on
//! its way when a lease ends is for the gate to refuse.
//!
//! ```
//! use mainstay::coordination::{
//!     Acceptor, AcceptorId, Answer, Event, Incarnation, Members, MembersConfig, Moment, NodeId, Owner,
//!     Proposer, Timing, TimingConfig,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let timing = Timing::new(TimingConfig::default())?;
//! let ids = [AcceptorId(1), AcceptorId(2), AcceptorId(3)];
//! let me = Owner { node: NodeId(1), incarnation: Incarnation(0x5eed) };
//! let mut proposer = Proposer::new(me, Members::new(MembersConfig::new(ids))?, timing);
//! let mut acceptors = ids.map(|id| Acceptor::embedded(id, &timing, None));
//!
//! let now = Moment::ORIGIN;
//! let mut send = proposer.start(now, 7).send;
//! let mut elected = None;
//! while let Some(message) = send.take() {
//!     for acceptor in &mut acceptors {
//!         let reply = match acceptor.handle(message, now) {
//!             Answer::Silence => continue,
//!             Answer::Reply(reply) => reply,
//!             Answer::Write(write) => write.written(), // once `write.record()` is on disk
//!         };
//!         let step = proposer.handle(reply, now);
//!         send = step.send.or(send);
//!         elected = step.event.or(elected);
//!     }
//! }
//! assert!(matches!(elected, Some(Event::Elected(_))));
//! assert!(proposer.grant(now).is_some());
//! assert!(proposer.grant(now.after(timing.ttl())).is_none()); // nobody renewed it
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`TimingConfig::ttl`] | 2 s | 10 ticks to one day |
//! | [`TimingConfig::drift`] | 0.01 | 0 to 0.5 |
//! | [`TimingConfig::tick`] | 1 ms | above zero |
//! | [`TimingConfig::margin`] | 200 ms | below the ttl |
//! | [`MembersConfig::allow_even`] | off | an even number of acceptors bears no more failures than one less |

mod acceptor;
mod ballot;
mod clock;
mod gate;
mod lease;
mod members;
mod message;
mod moment;
mod proposer;
#[cfg(test)]
mod random_tests;
mod rules;
#[cfg(test)]
mod search_tests;
mod store;
mod tenure;
mod timing;
mod token;
#[cfg(test)]
mod witness_tests;

pub use acceptor::{Acceptor, Answer, Write};
pub use ballot::{AcceptorId, Ballot, Incarnation, NodeId, Owner};
#[cfg(feature = "test-util")]
pub use clock::ManualClock;
pub use clock::{BootClock, Clock, TokioClock};
pub use gate::{FencingGate, GateError, GateSnapshot, Permit, Stale};
pub use lease::{AcquireError, LeaseStore, RenewError, Safety};
pub use members::{Members, MembersConfig};
pub use message::{Accept, Accepted, Live, Message, Nack, Prepare, Promise, Release, Reply};
pub use moment::Moment;
pub use proposer::{Abandoned, Event, Grant, Proposer, Step};
pub use store::{EphemeralTokenStore, FileTokenStore, StoreError, TokenRecord, TokenStore};
pub use tenure::{Due, Tenure};
pub use timing::{Timing, TimingConfig};
pub use token::FencingToken;
