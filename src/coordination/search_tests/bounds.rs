//! How far a search goes.

use std::time::Duration;

use crate::coordination::rules::Rules;
use crate::coordination::{
    AcceptorId, Incarnation, Members, MembersConfig, Moment, NodeId, Owner, Proposer, Timing,
    TimingConfig,
};

/// Acceptors; any two of them are a majority.
pub(super) const ACCEPTORS: usize = 3;
/// Proposers.
pub(super) const NODES: usize = 2;

/// More lives than any node has. A later life has the lower number: what the earlier one has left behind
/// then has the higher ballots, which is the worse case.
pub(super) const LIVES: u8 = 8;

/// One step of time. Whatever happens, happens at a whole number of them.
pub(super) const STEP: Duration = Duration::from_nanos(100);
/// Somewhere in the middle of time, so that nothing is cut off at its beginning.
pub(super) const EPOCH: Moment = Moment::from_origin(Duration::from_secs(1));

#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "six switches, and no states")]
pub(super) struct Bounds {
    pub(super) rules: Rules,
    /// For how many steps a lease lasts. An acceptor keeps it for exactly so many, and its holder ends a
    /// moment earlier: on a grid of steps they end together, and nothing is left between them.
    pub(super) ttl: u32,
    /// How many steps before its end a holder stops.
    pub(super) margin: u32,
    /// Whether the two are lives of one node, of which the first has not ended when the second begins.
    pub(super) is_one_node: bool,
    /// The highest ballot of each node.
    pub(super) ballots: [u64; NODES],
    /// The attempts of its first life that came to nothing before the search begins.
    pub(super) skipped: [u64; NODES],
    /// How often each node may live.
    pub(super) lives: [u8; NODES],
    /// How often acceptors may crash, all together.
    pub(super) crashes: u8,
    /// How often proposers may resign, all together.
    pub(super) resigns: u8,
    /// How many steps time goes on. `u8::MAX` for no end: what has ended by then cannot end again.
    pub(super) steps: u8,
    /// Whether proposers hear of refusals.
    pub(super) refusals: bool,
    /// Whether an attempt may ask for the lease without promises.
    pub(super) seizes: bool,
    /// Whether acceptors are interchangeable.
    pub(super) symmetric: bool,
    /// Whether a proposer is told all at once what makes a difference only together.
    pub(super) bursts: bool,
    /// Whether states that are the same but for what nobody can see are one.
    pub(super) merged: bool,
}

/// Of a budget: as often as one likes.
pub(super) const ANY: u8 = u8::MAX;

impl Bounds {
    pub(super) fn timing(&self) -> Timing {
        let config = TimingConfig::default().drift(0.0);
        // The acceptor adds a tick and a nanosecond: it keeps a lease for exactly a whole number of steps.
        let tick = Duration::from_nanos(1);
        let config = config.tick(tick).margin(STEP * self.margin);
        let ttl = (STEP * self.ttl).saturating_sub(2 * tick);
        let timing = Timing::new(config.ttl(ttl)).unwrap();
        assert_eq!(timing.held(), STEP * self.ttl);
        timing
    }

    pub(super) fn members() -> Members {
        let ids = (0..u32::try_from(ACCEPTORS).unwrap()).map(AcceptorId);
        Members::new(MembersConfig::new(ids)).unwrap()
    }

    /// A life of a node.
    pub(super) fn born(&self, node: usize, life: u8) -> Proposer {
        let place = u32::try_from(node).unwrap();
        let me = Owner {
            node: NodeId(if self.is_one_node { 0 } else { place }),
            incarnation: Incarnation(u128::from(LIVES - life) << 8 | u128::from(place)),
        };
        let mut proposer = Proposer::new(me, Self::members(), self.timing());
        if life == 0 {
            for _ in 0..self.skipped[node] {
                assert!(proposer.start(EPOCH, 0).send.is_some());
            }
        }
        proposer.breaking(self.rules)
    }
}
