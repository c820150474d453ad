//! How far a search goes.

use std::time::Duration;

use crate::coordination::rules::Rules;
use crate::coordination::{
    AcceptorId, FencingToken, Incarnation, Members, MembersConfig, Moment, NodeId, Owner, Proposer,
    Timing, TimingConfig,
};

/// Acceptors; any two of them are a majority.
pub(super) const ACCEPTORS: usize = 3;
/// Nodes that propose, and what each is called in a trace.
pub(super) const NODES: usize = 2;

/// One step of time. Whatever happens, happens at a whole number of them.
pub(super) const STEP: Duration = Duration::from_nanos(100);
/// Somewhere in the middle of time, so that nothing is cut off at its beginning.
pub(super) const EPOCH: Moment = Moment::from_origin(Duration::from_secs(1));

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) rules: Rules,
    /// The last step at which a lease may be used: it is held through so many steps less one, and an
    /// acceptor keeps it for exactly so many. There is no shorter time for which the two still fit.
    pub(super) ttl: u32,
    /// How many steps before its end a holder stops.
    pub(super) margin: u32,
    /// The highest ballot of each node.
    pub(super) ballots: [u64; NODES],
    /// How often each node may live.
    pub(super) lives: [u8; NODES],
    /// The token above which each node begins; 0 for none.
    pub(super) floors: [u64; NODES],
    /// How often acceptors may crash, all together.
    pub(super) crashes: u8,
    /// How often proposers may resign, all together.
    pub(super) resigns: u8,
    /// How many steps time goes on. `u8::MAX` for no end: what has ended by then cannot end again.
    pub(super) steps: u8,
    /// Whether proposers hear of refusals.
    pub(super) refusals: bool,
    /// Whether acceptors are interchangeable.
    pub(super) symmetric: bool,
    /// Whether a proposer is told all at once what makes a difference only together.
    pub(super) bursts: bool,
}

/// Of a budget: as often as one likes.
pub(super) const ANY: u8 = u8::MAX;

impl Bounds {
    pub(super) fn timing(&self) -> Timing {
        let config = TimingConfig::default().drift(0.0);
        // The acceptor adds a tick and a nanosecond: it keeps a lease for exactly a whole number of steps.
        let tick = Duration::from_nanos(1);
        let config = config.tick(tick).margin(STEP * self.margin);
        Timing::new(config.ttl(STEP * self.ttl - 2 * tick)).unwrap()
    }

    pub(super) fn members() -> Members {
        let ids = (0..u32::try_from(ACCEPTORS).unwrap()).map(AcceptorId);
        Members::new(MembersConfig::new(ids)).unwrap()
    }

    /// A life of a node.
    pub(super) fn born(&self, node: usize, life: u8) -> Proposer {
        let me = Owner {
            node: NodeId(u32::try_from(node).unwrap()),
            incarnation: Incarnation(u128::from(life)),
        };
        let mut proposer = Proposer::new(me, Self::members(), self.timing());
        if let Some(floor) = FencingToken::from_number(self.floors[node]) {
            proposer.raise_floor(floor);
        }
        proposer.breaking(self.rules)
    }
}
