//! How much has happened.

use std::ops::AddAssign;

/// What happened in one run, or in several. A run in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(super) runs: u64,
    pub(super) inputs: u64,
    pub(super) sent: u64,
    pub(super) lost: u64,
    pub(super) crashes: u64,
    pub(super) torn: u64,
    pub(super) disks: u64,
    pub(super) pauses: u64,
    pub(super) cuts: u64,
}

impl Tally {
    /// How many runs.
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    /// How many messages and wake-ups machines have handled.
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }

    /// How many messages were sent.
    pub const fn messages(&self) -> u64 {
        self.sent
    }

    /// How many of them never arrived because of the network.
    pub const fn messages_lost(&self) -> u64 {
        self.lost
    }

    /// How many lives ended.
    pub const fn crashes(&self) -> u64 {
        self.crashes
    }

    /// How many of them ended in a write.
    pub const fn torn_writes(&self) -> u64 {
        self.torn
    }

    /// How many disks were lost.
    pub const fn disks_lost(&self) -> u64 {
        self.disks
    }

    /// How many pauses there were.
    pub const fn pauses(&self) -> u64 {
        self.pauses
    }

    /// How often the network was cut.
    pub const fn cuts(&self) -> u64 {
        self.cuts
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, one: Self) {
        let fields = [
            (&mut self.runs, one.runs),
            (&mut self.inputs, one.inputs),
            (&mut self.sent, one.sent),
            (&mut self.lost, one.lost),
            (&mut self.crashes, one.crashes),
            (&mut self.torn, one.torn),
            (&mut self.disks, one.disks),
            (&mut self.pauses, one.pauses),
            (&mut self.cuts, one.cuts),
        ];
        for (sum, more) in fields {
            count(sum, more);
        }
    }
}

pub(super) fn count(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
