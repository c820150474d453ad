//! Who says whether this node leads.

use std::fmt::Debug;

use crate::coordination::{NodeId, Term, Timing};

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
