//! What is held, and when what about it is due.

use std::time::Duration;

use crate::coordination::{Ballot, FencingToken, Moment, Timing};

use super::event::Grant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) ballot: Ballot,
    pub(super) token: FencingToken,
    pub(super) ends: Moment,
    pub(super) notice: Notice,
}

/// What its holder has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Notice {
    Well,
    AtRisk,
    Expiring,
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

    pub(super) fn at_risk(&self, timing: &Timing) -> Moment {
        self.ends.before(nth(timing.ttl(), 2))
    }

    /// When the first renewal begins: a third into the lease, give or take a tenth of that.
    pub(super) fn renewal(&self, timing: &Timing, jitter: u64) -> Moment {
        let start = self.ends.before(timing.ttl());
        start.after(around(nth(timing.ttl(), 3), jitter))
    }

    /// The next thing to say about it.
    pub(super) fn next_notice(&self, timing: &Timing) -> Moment {
        match self.notice {
            Notice::Well => self.at_risk(timing).min(self.usable_until(timing)),
            Notice::AtRisk => self.usable_until(timing),
            Notice::Expiring => self.ends,
        }
    }
}

/// `wait` times a number from 0 to below 1: `jitter` over 2⁶⁴.
pub(super) fn share(wait: Duration, jitter: u64) -> Duration {
    let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
    let scaled = u128::from(nanos).saturating_mul(u128::from(jitter)) >> 64u32;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

/// `wait`, give or take a tenth.
pub(super) fn around(wait: Duration, jitter: u64) -> Duration {
    let tenth = nth(wait, 10);
    let spread = share(tenth.saturating_mul(2), jitter);
    wait.saturating_sub(tenth).saturating_add(spread)
}

/// One of so many equal parts of `wait`.
pub(super) fn nth(wait: Duration, parts: u32) -> Duration {
    wait.checked_div(parts).unwrap_or(wait)
}
