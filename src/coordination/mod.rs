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
//! | [`QuorumLease`] | grants them by a majority of acceptors, each reached as a service |
//! | [`AcceptorService`] | an acceptor with its clock and its store, as a service |
//! | [`FencingGate`] | stands before the resource, and lets nobody in whose term is over |
//! | [`FencingLayer`] | puts the gate before a service: each request goes through it with its token |
//! | [`NotLeader`] | what a node says that does not lead, and who does |
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
//! | [`QuorumConfig::wait`] | 500 ms | zero makes no waits |
//! | [`FencingLayer::on_missing`] | [`OnMissing::Refuse`] | |
//! | [`FencingLayer::beside_older`] | off: what is of a new term waits until what is older is out | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_lease_attempts_total` | counter, with `layer="quorum"`: attempts by `outcome`: `elected`, `renewed`, `taken`, `failed`, `cancelled` |
//! | `mainstay_lease_transport_errors_total` | counter, with `layer="quorum"`: calls to an acceptor that came to nothing |
//! | `mainstay_acceptor_waits` | gauge, with `layer="acceptor"`: requests that wait for a lease to be given back |
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="fencing"` |
//! | `mainstay_fencing_in_flight` | gauge: calls that are inside with a token |
//! | `mainstay_fencing_waiting` | gauge: calls of a new term that wait to come in |
//! | `mainstay_fencing_wait_seconds` | how long those waited that came in or were refused then |
//! | `mainstay_fencing_unfenced_total` | calls without a token that were let through |
//!
//! The first stale token under each floor is an event too.

mod acceptor;
mod ballot;
mod clock;
mod fencing;
mod gate;
mod lease;
mod members;
mod message;
mod moment;
mod proposer;
mod quorum;
#[cfg(test)]
mod random_tests;
mod refusal;
mod rules;
mod store;
mod tenure;
mod timing;
mod token;
#[cfg(feature = "serde")]
mod wire;
#[cfg(test)]
mod witness_tests;

pub use acceptor::{Acceptor, Answer, Write};
pub use ballot::{AcceptorId, Ballot, Incarnation, NodeId, Owner};
#[cfg(feature = "test-util")]
pub use clock::ManualClock;
pub use clock::{BootClock, Clock, TokioClock};
pub use fencing::{Bearer, Fencing, FencingFuture, FencingLayer, OnMissing, TokenField};
pub use gate::{FencingGate, GateError, GateSnapshot, Permit, Stale};
pub use lease::{AcquireError, LeaseStore, RenewError, Safety};
pub use members::{Members, MembersConfig};
pub use message::{Accept, Accepted, Live, Message, Nack, Prepare, Promise, Release, Reply};
pub use moment::Moment;
pub use proposer::{Abandoned, Event, Grant, Proposer, Step};
pub use quorum::{
    AcceptorError, AcceptorFuture, AcceptorService, Ask, LeaseRequest, LeaseResponse, QuorumConfig,
    QuorumLease,
};
pub use refusal::NotLeader;
pub use store::{EphemeralTokenStore, FileTokenStore, StoreError, TokenRecord, TokenStore};
pub use tenure::{Due, Tenure};
pub use timing::{Timing, TimingConfig};
pub use token::{FencingToken, MalformedToken};
