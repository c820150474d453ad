//! Leases by a majority, with a token for each term that only grows, and the gate that refuses the past.
//!
//! A leader lock that is honest about time. Of all nodes one holds the lease at a time, as long as their clocks
//! go at nearly the same rate; it stops before its lease ends; and what it had on its way by then is refused by
//! the resource itself, for a later term has a larger token.
//!
//! ```
//! use std::time::Duration;
//!
//! use mainstay::coordination::{
//!     AcceptorId, AcceptorService, BootClock, ElectionConfig, EphemeralTokenStore, FencingGate, LeaderElection,
//!     NodeId, QuorumConfig, QuorumLease, Timing, TimingConfig,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let timing = Timing::new(TimingConfig::default())?;
//! let tokens = EphemeralTokenStore::new("report");
//! // In this process. In another one it is the same behind a client, and its tokens are in a file.
//! let acceptor = AcceptorService::embedded("report", AcceptorId(1), timing, tokens, BootClock);
//! let acceptors = [(AcceptorId(1), acceptor)];
//! let lease = QuorumLease::new("report", NodeId(1), acceptors, QuorumConfig::new(timing))?;
//!
//! let gate = FencingGate::in_memory(None);
//! let config = ElectionConfig::default().sealing(gate.clone());
//! let election = LeaderElection::new("report", lease, config)?;
//!
//! let guard = election.campaign().await?; // waits until this node leads
//! let token = guard.token();
//! let written = guard.run(async {
//!     let _permit = gate.enter(token).await?; // held until it is written
//!     Ok::<_, mainstay::coordination::GateError>("written")
//! });
//! assert_eq!(written.await??, "written");
//! guard.resign(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! | Part | What it does |
//! |---|---|
//! | [`Acceptor`] | grants the lease of one resource, to one incarnation of one node at a time |
//! | [`Proposer`] | asks a majority for it, again to renew it, and says until when it may be used |
//! | [`Tenure`] | says when a lease is to be renewed, and when its holder has to stop |
//! | [`LeaseStore`] | grants leases to one node, by whatever means |
//! | [`QuorumLease`] | grants them by a majority of acceptors, each reached as a service |
//! | [`AcceptorService`] | an acceptor with its clock and its store, as a service |
//! | [`LeaderElection`] | campaigns over a store, seals, renews, and says how this node stands |
//! | [`LeaseGuard`], [`Term`] | end what runs under a term before its lease ends |
//! | [`LeaderLayer`] | lets requests pass on the node that leads, and ends them with its term |
//! | [`FencingGate`] | stands before the resource, and lets nobody in whose term is over |
//! | [`FencingLayer`] | puts the gate before a service: each request goes through it with its token |
//! | [`NotLeader`] | what a node says that does not lead, and who does |
//! | [`TokenStore`] | keeps the highest token through a crash |
//! | [`Clock`] | a clock that never steps, and counts the time that a machine is suspended |
//!
//! # The parts that decide
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
//! # Leading
//! [`LeaderElection::campaign`] waits until this node leads, and gives a guard; dropped, it resigns. What runs
//! under its [`Term`] is polled while the term is valid, which it is up to a
//! [margin](TimingConfig::margin) before its lease ends, and dropped then. A lease is given back when nothing
//! works under it any more. How the node stands is a [`Leadership`]:
//!
//! ```text
//!              campaign wins, sealed               half has passed
//!   Follower ───────────────────────▶ Elected ◀──────────────────────▶ AtRisk
//!      ▲                              │  │          renewed            │   │
//!      │           resigned           │  │                             │   │ the margin begins
//!      ├──────────────────────────────┘  │ lease lost, clock leapt     │   ▼
//!      │        next campaign            ▼                             │ Expiring
//!      └───────────────────────────── Lost ◀───────────────────────────┘   │ given back, or ended
//!                                       ▲──────────────────────────────────┘
//! ```
//!
//! # Defaults
//! | Setting | Default | Range |
//! |---|---|---|
//! | [`TimingConfig::ttl`] | 2 s | 10 ticks to one day |
//! | [`TimingConfig::drift`] | 0.01 | 0 to 0.5 |
//! | [`TimingConfig::tick`] | 1 ms | above zero |
//! | [`TimingConfig::margin`] | 200 ms | below the ttl |
//! | [`ElectionConfig::sealing`] | nothing is sealed | a [`FencingGate`], or anything that seals |
//! | [`ElectionConfig::own_thread`] | off | on: renewals do not depend on how busy the executor is |
//! | [`MembersConfig::allow_even`] | off | an even number of acceptors bears no more failures than one less |
//! | [`LeaderConfig::min_remaining`] | zero | below the ttl less the margin |
//! | [`QuorumConfig::wait`] | 500 ms | zero makes no waits |
//! | [`FencingLayer::on_missing`] | [`OnMissing::Refuse`] | |
//! | [`FencingLayer::beside_older`] | off: what is of a new term waits until what is older is out | |
//!
//! # Telemetry
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_calls_total`, `mainstay_rejections_total` | as for every layer, with `layer="fencing"` or `layer="leader"` |
//! | `mainstay_lease_attempts_total` | counter, with `layer="quorum"`: attempts by `outcome`: `elected`, `renewed`, `taken`, `failed`, `cancelled` |
//! | `mainstay_lease_transport_errors_total` | counter, with `layer="quorum"`: calls to an acceptor that came to nothing |
//! | `mainstay_acceptor_waits` | gauge, with `layer="acceptor"`: requests that wait for a lease to be given back |
//! | `mainstay_fencing_in_flight` | gauge: calls that are inside with a token |
//! | `mainstay_fencing_waiting` | gauge: calls of a new term that wait to come in |
//! | `mainstay_fencing_wait_seconds` | how long those waited that came in or were refused then |
//! | `mainstay_fencing_unfenced_total` | calls without a token that were let through |
//!
//! The first stale token under each floor is an event too.
//!
//! With `layer="election"` and the name of the election:
//!
//! | Metric | Meaning |
//! |---|---|
//! | `mainstay_election_leading` | gauge: 1 while a term has begun and is not over |
//! | `mainstay_election_terms_total` | terms that began |
//! | `mainstay_election_ends_total` | by `end`: `resigned`, `lost`, and `unsealed` for one that did not begin |
//! | `mainstay_election_at_risk_total` | how often half of a lease had passed without a renewal |
//! | `mainstay_election_renewal_seconds` | histogram: how long a renewal took that succeeded |
//! | `mainstay_election_renewals_failed_total` | renewals that failed, or of which nothing is known |
//!
//! What remains of a lease changes all the time, so it is no gauge: ask [`Term::remaining`].
//!
//! # Anti-patterns
//! - **To ask `is_valid` once and then write.** The process may stand still in between. Send the token
//!   along, to a resource that compares it.
//! - **To spawn from what is guarded.** A spawned task is not dropped with it; guard that task instead.
//! - **Work that blocks its poll.** It cannot be dropped in the margin.
//! - **To keep a guarded future without polling it.** It is work, and the next leader waits for it.
//!
#![doc = include_str!("../../docs/coordination.md")]

mod acceptor;
mod ballot;
mod clock;
mod election;
mod fencing;
mod gate;
mod leader;
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
#[cfg(test)]
mod search_tests;
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
pub use election::{
    CampaignError, ElectionConfig, Guarded, LeaderElection, Leadership, LeadershipLost,
    LeadershipWatch, LeaseGuard, Lost, NoSeal, Resigned, Seal, Term, Unsealed,
};
pub use fencing::{Bearer, Fencing, FencingFuture, FencingLayer, OnMissing, TokenField};
pub use gate::{FencingGate, GateError, GateSnapshot, Permit, Stale};
#[cfg(feature = "test-util")]
pub use leader::ManualSeat;
pub use leader::{LeaderConfig, LeaderFuture, LeaderHandle, LeaderLayer, LeaderOnly, Seat};
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
