//! Who says whether this node leads.

use std::fmt::Debug;

use crate::coordination::{Leadership, LeadershipWatch, NodeId, Term, Timing};

/// Says who leads, as far as this node knows. It is asked for each call, so it allocates nothing and does
/// not block.
pub trait Seat: Debug + Send + Sync + 'static {
    /// The term in which this node leads; `None` when it does not. The term says itself whether it is over.
    fn term(&self) -> Option<Term>;

    /// Who leads, when it is not this node. A hint, which may be wrong.
    fn leader(&self) -> Option<NodeId>;

    /// How long the leases of its terms last.
    fn timing(&self) -> Timing;
}

/// The seat of an election: [`LeaderElection::watch`](crate::coordination::LeaderElection::watch). A layer that
/// has it does not keep the election going; of one that has ended it is a follower's.
impl Seat for LeadershipWatch {
    fn term(&self) -> Option<Term> {
        self.now().term().cloned()
    }

    fn leader(&self) -> Option<NodeId> {
        match &*self.now() {
            Leadership::Follower { leader } => *leader,
            _ => None,
        }
    }

    fn timing(&self) -> Timing {
        self.timing()
    }
}
