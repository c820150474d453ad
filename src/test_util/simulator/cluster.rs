//! All nodes, and what must hold of them.

use std::fmt;
use std::time::Duration;

use super::machine::Machine;
use super::node::Node;

/// The nodes of one run, and what is asked of them.
///
/// A check sees all nodes at one instant, which no node can: this is where it is said that two of them
/// must not do something at once.
pub trait Cluster {
    /// What runs on the nodes. Nodes of several kinds are one `enum`.
    type Machine: Machine;

    /// How many nodes there are, numbered from 0.
    fn size(&self) -> usize;

    /// Begins a life of a node.
    fn boot(&mut self, birth: Birth<<Self::Machine as Machine>::Record>) -> Self::Machine;

    /// Called after everything that happens.
    ///
    /// # Errors
    /// When something is not as it must be; the message says what. It ends the run.
    fn check(&mut self, view: &View<'_, Self::Machine>) -> Result<(), String>;

    /// Called once at the end, after [`Options::calm`](super::Options::calm) without a new fault: for
    /// what must have come to pass by then.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    fn settled(&mut self, view: &View<'_, Self::Machine>) -> Result<(), String> {
        let _ = view;
        Ok(())
    }
}

/// The begin of a life.
#[derive(Clone, Debug)]
pub struct Birth<R> {
    pub(super) node: usize,
    pub(super) life: u64,
    pub(super) now: Duration,
    pub(super) random: u64,
    pub(super) store: Store<R>,
}

/// What a node finds on its disk when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store<R> {
    /// What was written last, by any of its lives; `None` when nothing was.
    Kept(Option<R>),
    /// The disk is another one, and empty.
    Lost,
}

impl<R> Birth<R> {
    /// Which node.
    pub const fn node(&self) -> usize {
        self.node
    }

    /// Its how many-th life, from 0.
    pub const fn life(&self) -> u64 {
        self.life
    }

    /// The present on the node's own clock. It may have begun anew with this life.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// 64 uniform random bits.
    pub const fn random(&self) -> u64 {
        self.random
    }

    /// What is on its disk.
    pub const fn store(&self) -> &Store<R> {
        &self.store
    }
}

/// All nodes at one instant.
pub struct View<'a, M: Machine> {
    pub(super) now: Duration,
    pub(super) acted: Option<usize>,
    pub(super) nodes: &'a [Node<M>],
}

impl<M: Machine> View<'_, M> {
    /// True time, since the begin of the run. No node knows it.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// The node whose machine has just handled an input, if that is what has happened.
    pub const fn acted(&self) -> Option<usize> {
        self.acted
    }

    /// How many nodes there are.
    pub const fn size(&self) -> usize {
        self.nodes.len()
    }

    /// What runs on a node; `None` while it is down.
    pub fn machine(&self, node: usize) -> Option<&M> {
        self.nodes.get(node)?.machine.as_ref()
    }

    /// What a node's clock shows; the origin for one that there is not.
    pub fn clock(&self, node: usize) -> Duration {
        let now = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let shown = self.nodes.get(node).map_or(0, |node| node.clock.at(now));
        Duration::from_nanos(shown)
    }

    /// What was written last on a node.
    pub fn record(&self, node: usize) -> Option<&M::Record> {
        self.nodes.get(node)?.record.as_ref()
    }
}

impl<M: Machine> fmt::Debug for View<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("now", &self.now)
            .field("acted", &self.acted)
            .finish_non_exhaustive()
    }
}
