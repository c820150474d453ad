//! What may happen next.

use super::parts::{Invariant, Parts, Term};
use super::world::World;

/// The most replies that come at once: a promise that is none and one that is from each, and one more.
const BURST: usize = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pass,
    Start(u8),
    Seize(u8),
    Wake(u8),
    Resign(u8),
    /// A life of a node ends and its next begins.
    Die(u8),
    Crash(u8),
    Ask {
        request: u8,
        of: u8,
    },
    Hear {
        who: u8,
        what: [Option<(u8, u16)>; BURST],
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) action: Action,
    pub(super) world: World,
    pub(super) event: Option<Term>,
    pub(super) fault: Option<Invariant>,
}

impl Branch {
    pub(super) fn faults(&self, parts: &Parts) -> impl Iterator<Item = Invariant> + use<> {
        let is_double = self.world.holders(parts) > 1;
        let double = is_double.then_some(Invariant::I1);
        double.into_iter().chain(self.fault)
    }
}

/// What a proposer has been told at once, and what it is then.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) is: u16,
    pub(super) so_far: usize,
    pub(super) what: [Option<(u8, u16)>; BURST],
}

impl Told {
    pub(super) const fn nothing(is: u16) -> Self {
        Self {
            is,
            so_far: 0,
            what: [None; BURST],
        }
    }

    pub(super) fn and(mut self, is: u16, this: (u8, u16)) -> Self {
        self.what[self.so_far] = Some(this);
        self.so_far += 1;
        Self { is, ..self }
    }
}
