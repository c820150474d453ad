//! A deterministic simulator for state machines that talk to each other.
//!
//! What a distributed protocol does when messages are lost and nodes crash is not found by running it
//! for a while: the bad order of events is rare. Here time, network, disks and clocks are simulated, all
//! that happens depends on a seed, and a run of ten seconds takes less than a millisecond. So thousands
//! of orders are tried, and one that is bad comes again with its seed.
//!
//! | Fault | Set by |
//! |---|---|
//! | messages that are lost, doubled, late and out of order | [`Options::dropped`], [`Options::doubled`], [`Options::late`] |
//! | cuts between two nodes, around one or through the middle; one way or both | [`Options::cut_every`] |
//! | crashes of one node or of all, after which only what was written is left | [`Options::crash_every`], [`Options::crash_all`] |
//! | crashes in a write, which is then durable or not | [`Options::torn`] |
//! | disks that are lost; the node is told | [`Options::lost`] |
//! | pauses, after which all that has come is handled in one go | [`Options::pause_every`] |
//! | nodes that handle messages and timers late | [`Options::busy`], [`Options::write_max`] |
//! | clocks with other origins and rates, and rates that change | [`Options::drift`] |
//! | clocks that stand still in a pause | [`Options::suspended`] |
//!
//! A [`Machine`] is what runs on a node. It is told what happens and the time of the node's own clock, and
//! does nothing by itself. A [`Cluster`] makes the machines and checks them, after everything that
//! happens, with the eyes of one who sees all nodes at once. [`search`] runs it with many seeds. A
//! [`Failure`] tells the seed, all options, the last of what happened, and which kinds of fault it takes.
//!
//! Here is a counter that confirms an addition before it is durable:
//!
//! ```
//! use mainstay::test_util::simulator::{
//!     Birth, Cluster, Context, Input, Machine, Options, Store, View, search,
//! };
//! use std::time::Duration;
//!
//! const SERVER: usize = 0;
//!
//! enum Node {
//!     Server { count: u64, is_careful: bool },
//!     Client { confirmed: u64, next: Duration },
//! }
//!
//! #[derive(Clone, Debug)]
//! enum Message {
//!     Add,
//!     Added,
//! }
//!
//! impl Machine for Node {
//!     type Message = Message;
//!     type Record = u64;
//!
//!     fn handle(&mut self, input: Input<Message>, cx: &mut Context<'_, Self>) {
//!         match (self, input) {
//!             (Self::Server { count, is_careful }, Input::Message { from, .. }) => {
//!                 *count += 1;
//!                 if *is_careful {
//!                     cx.write(*count);
//!                     cx.send(from, Message::Added);
//!                 } else {
//!                     cx.send(from, Message::Added);
//!                     cx.write(*count); // too late: it may crash before
//!                 }
//!             }
//!             (Self::Client { confirmed, .. }, Input::Message { .. }) => *confirmed += 1,
//!             (Self::Client { next, .. }, Input::Wake) => {
//!                 cx.send(SERVER, Message::Add);
//!                 *next = cx.now() + Duration::from_millis(100);
//!             }
//!             (Self::Server { .. }, Input::Wake) => {}
//!         }
//!     }
//!
//!     fn wakes(&self) -> Option<Duration> {
//!         match self {
//!             Self::Server { .. } => None,
//!             Self::Client { next, .. } => Some(*next),
//!         }
//!     }
//! }
//!
//! struct Counter {
//!     is_careful: bool,
//! }
//!
//! impl Cluster for Counter {
//!     type Machine = Node;
//!
//!     fn size(&self) -> usize {
//!         2
//!     }
//!
//!     fn boot(&mut self, birth: Birth<u64>) -> Node {
//!         if birth.node() != SERVER {
//!             return Node::Client { confirmed: 0, next: birth.now() };
//!         }
//!         let count = match birth.store() {
//!             Store::Kept(count) => count.unwrap_or(0),
//!             Store::Lost => 0,
//!         };
//!         Node::Server { count, is_careful: self.is_careful }
//!     }
//!
//!     fn check(&mut self, view: &View<'_, Node>) -> Result<(), String> {
//!         match (view.machine(0), view.machine(1)) {
//!             (Some(Node::Server { count, .. }), Some(Node::Client { confirmed, .. }))
//!                 if count < confirmed =>
//!             {
//!                 Err(format!("{confirmed} additions are confirmed, and {count} are left"))
//!             }
//!             _ => Ok(()),
//!         }
//!     }
//! }
//!
//! // Answers that come twice are another matter.
//! let options = |seed| Options::drawn(seed).doubled(mainstay::Ratio::ZERO);
//!
//! let failure = search(0..100, options, |_| Counter { is_careful: false }).unwrap_err();
//! println!("{failure}");
//! assert_eq!(failure.faults(), ["torn"]); // the one kind of fault that it takes
//!
//! let tally = search(0..100, options, |_| Counter { is_careful: true }).unwrap();
//! assert!(tally.torn_writes() > 100); // they have been tried
//! ```
//!
//! It is single-threaded; [`run`] is one run, and threads can each have their own.

mod clock;
mod cluster;
mod dice;
mod failure;
mod faults;
mod machine;
mod network;
mod node;
mod options;
mod run;
mod schedule;
mod search;
mod tally;
#[cfg(test)]
mod tests;

pub use cluster::{Birth, Cluster, Store, View};
pub use failure::Failure;
pub use machine::{Context, Input, Machine};
pub use options::Options;
pub use run::{Ended, run};
pub use search::{search, shrink};
pub use tally::Tally;
