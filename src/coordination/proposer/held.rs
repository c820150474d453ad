//! What is held.

use crate::coordination::{Ballot, FencingToken, Moment, Timing};

use super::event::Grant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) ballot: Ballot,
    pub(super) token: FencingToken,
    pub(super) ends: Moment,
}

impl Held {
    pub(super) fn grant(&self, timing: &Timing) -> Grant {
        Grant {
            token: self.token,
            usable_until: self.usable_until(timing),
            ends: self.ends,
        }
    }

    pub(super) fn usable_until(&self, timing: &Timing) -> Moment {
        self.ends.before(timing.margin())
    }
}
