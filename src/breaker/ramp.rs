//! The growing share of calls that is admitted after closing.

use std::time::Duration;

use crate::ratio::Ratio;
use crate::time::{self, Instant};

const WHOLE: u32 = Ratio::ONE.millionths();

/// Admits a share that grows in proportion to time, from a floor to all.
///
/// Each call adds the share to a credit and is admitted when that makes a whole, so that of any
/// number of calls at a constant share the admitted ones differ from it by less than one: no draw,
/// no burst.
#[derive(Debug)]
pub(super) struct Ramp {
    started: Instant,
    length: Duration,
    floor: Ratio,
    credit: u32,
}

/// What the ramp says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Ramped {
    Admitted,
    /// Not this one; from this instant on all are admitted.
    Refused(Option<Instant>),
    /// The ramp is over: all are admitted.
    Over,
}

impl Ramp {
    /// The first call is admitted, whatever the floor.
    pub(super) fn new(started: Instant, length: Duration, floor: Ratio) -> Self {
        Self {
            started,
            length,
            floor,
            credit: WHOLE.saturating_sub(floor.millionths()),
        }
    }

    /// A call wants to be admitted.
    pub(super) fn admit(&mut self, now: Instant) -> Ramped {
        let elapsed = now.saturating_duration_since(self.started);
        if elapsed >= self.length {
            return Ramped::Over;
        }
        let credit = self.credit.saturating_add(self.share(elapsed));
        if let Some(rest) = credit.checked_sub(WHOLE) {
            self.credit = rest;
            return Ramped::Admitted;
        }
        self.credit = credit;
        Ramped::Refused(time::after(self.started, self.length))
    }

    /// In millionths.
    fn share(&self, elapsed: Duration) -> u32 {
        let floor = self.floor.millionths();
        let grows = u128::from(WHOLE.saturating_sub(floor));
        let grown = grows
            .saturating_mul(elapsed.as_nanos())
            .checked_div(self.length.as_nanos())
            .unwrap_or(grows);
        floor.saturating_add(u32::try_from(grown).unwrap_or(WHOLE))
    }
}
