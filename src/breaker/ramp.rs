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
        let missing = u128::from(WHOLE.saturating_sub(floor));
        let grown = missing
            .saturating_mul(elapsed.as_nanos())
            .checked_div(self.length.as_nanos())
            .unwrap_or(missing);
        floor.saturating_add(u32::try_from(grown).unwrap_or(WHOLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    fn admitted(ramp: &mut Ramp, now: Instant, calls: u32) -> u32 {
        let admitted = (0..calls).filter(|_| ramp.admit(now) == Ramped::Admitted);
        u32::try_from(admitted.count()).unwrap()
    }

    #[test]
    fn the_share_grows_from_the_floor_in_proportion_to_time() {
        let start = time::now();
        for (seconds, share) in [(0, 100), (1, 190), (5, 550), (9, 910)] {
            let mut ramp = Ramp::new(start, LENGTH, Ratio::hundredths(10));
            let now = start + Duration::from_secs(seconds);
            let admitted = admitted(&mut ramp, now, 1000);
            assert!(
                admitted.abs_diff(share) <= 1,
                "{admitted} after {seconds} s"
            );
        }
    }

    #[test]
    fn admitted_calls_are_spread_evenly() {
        let start = time::now();
        let mut ramp = Ramp::new(start, LENGTH, Ratio::hundredths(25));
        let pattern = [(); 8].map(|()| ramp.admit(start) == Ramped::Admitted);
        let (yes, no) = (true, false);
        assert_eq!(pattern, [yes, no, no, no, yes, no, no, no]);
    }

    #[test]
    fn at_its_end_it_is_over_and_a_refusal_says_when_that_is() {
        let start = time::now();
        let mut ramp = Ramp::new(start, LENGTH, Ratio::ZERO);
        assert_eq!(ramp.admit(start), Ramped::Admitted);
        assert_eq!(ramp.admit(start), Ramped::Refused(Some(start + LENGTH)));
        assert_eq!(ramp.admit(start + LENGTH), Ramped::Over);
    }

    #[test]
    fn a_floor_of_all_refuses_none_and_the_longest_ramp_stays_at_its_floor() {
        let start = time::now();
        let mut full = Ramp::new(start, LENGTH, Ratio::ONE);
        assert_eq!(admitted(&mut full, start, 100), 100);
        let mut long = Ramp::new(start, Duration::MAX, Ratio::hundredths(50));
        let later = start + Duration::from_secs(1_000_000_000);
        assert_eq!(admitted(&mut long, later, 100), 50);
        assert_eq!(long.admit(later), Ramped::Admitted);
        assert_eq!(long.admit(later), Ramped::Refused(None));
    }
}
