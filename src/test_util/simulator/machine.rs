//! What runs on a node, and what it is told and may do.

use std::fmt;
use std::time::Duration;

use crate::rng::Rng;

/// One life of a node: a state machine without clock, network, disk or randomness of its own.
///
/// A crash ends it with all that it has. The node's next life is another one, which
/// [`Cluster::boot`](super::Cluster::boot) makes.
pub trait Machine: Sized {
    /// What nodes send each other. One that arrives twice is a clone.
    type Message: Clone + fmt::Debug;

    /// What outlasts a crash: all of it, each time that it is written.
    type Record: Clone + fmt::Debug;

    /// What to do about `input`. Takes no time.
    fn handle(&mut self, input: Input<Self::Message>, cx: &mut Context<'_, Self>);

    /// When it wants [`Input::Wake`], on the node's own clock; `None` for never. Asked after each
    /// [`handle`](Self::handle) and when it begins. A time that has passed means: now.
    fn wakes(&self) -> Option<Duration> {
        None
    }
}

/// What happens to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<M> {
    /// A message has arrived.
    Message {
        /// Which node sent it, in this life or in an earlier one.
        from: usize,
        /// What it says.
        message: M,
    },
    /// The time that [`Machine::wakes`] said has come.
    Wake,
}

/// What a machine may do while it handles an input, in the order in which it does it.
pub struct Context<'a, M: Machine> {
    pub(super) node: usize,
    pub(super) now: Duration,
    pub(super) rng: &'a Rng,
    pub(super) acts: &'a mut Vec<Act<M>>,
}

/// What a machine did.
pub(super) enum Act<M: Machine> {
    Send { to: usize, message: M::Message },
    Write(M::Record),
    Crash,
}

impl<M: Machine> Context<'_, M> {
    /// Which node it runs on, from 0.
    pub const fn node(&self) -> usize {
        self.node
    }

    /// The present on the node's own clock: since an origin that no other node knows.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// 64 uniform random bits, the same in each run with the same seed.
    pub fn random(&self) -> u64 {
        self.rng.bits()
    }

    /// Sends to a node. It arrives once, late, twice or never; at the own node at once and once.
    pub fn send(&mut self, to: usize, message: M::Message) {
        self.acts.push(Act::Send { to, message });
    }

    /// Writes in place of what was written before, and waits until it is durable.
    ///
    /// A crash may come in between. Then what was written may be durable or not; what was sent before has
    /// been sent, and what is done after has not.
    pub fn write(&mut self, record: M::Record) {
        self.acts.push(Act::Write(record));
    }

    /// Ends this life, as a crash does. What is done after has no effect.
    pub fn crash(&mut self) {
        self.acts.push(Act::Crash);
    }
}

impl<M: Machine> fmt::Debug for Context<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("node", &self.node)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
