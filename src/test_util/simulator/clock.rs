//! Clocks with an origin and a rate of their own, in nanoseconds of true time.

/// The rate of true time, 2³².
pub(super) const TRUE_RATE: u64 = 1 << 32;

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// What it showed then.
    shown: u64,
    /// From when it runs on. In the future while it stands still.
    since: u64,
    /// Above zero.
    rate: u64,
}

impl Clock {
    pub(super) const fn new(now: u64, shown: u64, rate: u64) -> Self {
        Self {
            shown,
            since: now,
            rate: if rate == 0 { 1 } else { rate },
        }
    }

    pub(super) fn at(&self, now: u64) -> u64 {
        let run = u128::from(now.saturating_sub(self.since));
        let run = run.saturating_mul(u128::from(self.rate)) >> 32_u32;
        let run = u64::try_from(run).unwrap_or(u64::MAX);
        self.shown.saturating_add(run)
    }

    /// When it shows `target` or more.
    pub(super) fn when(&self, now: u64, target: u64) -> u64 {
        let wait = u128::from(target.saturating_sub(self.at(now))) << 32_u32;
        let wait = wait.div_ceil(u128::from(self.rate));
        let wait = u64::try_from(wait).unwrap_or(u64::MAX);
        // What `at` has rounded down may be missing still.
        let from = self.since.max(now);
        let rest = u64::from(wait > 0);
        from.saturating_add(wait).saturating_add(rest)
    }

    /// Stands still until then.
    pub(super) fn stop(&mut self, now: u64, until: u64) {
        self.shown = self.at(now);
        self.since = self.since.max(until);
    }

    /// Runs at another rate from now on.
    pub(super) fn turn(&mut self, now: u64, rate: u64) {
        let since = self.since.max(now);
        *self = Self::new(since, self.at(now), rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: u64 = TRUE_RATE / 4 * 5;

    #[test]
    fn it_runs_at_its_rate_from_its_origin_and_never_back() {
        let mut clock = Clock::new(50, 1_000, FAST);
        assert_eq!(clock.at(0), 1_000);
        assert_eq!(clock.at(100_000_050), 125_001_000);
        let shown = clock.at(200);
        clock.turn(200, TRUE_RATE / 2);
        assert_eq!(clock.at(200), shown);
        assert_eq!(clock.at(400), shown + 100);
    }

    #[test]
    fn it_stands_still_while_it_is_stopped_and_goes_on_from_there() {
        let mut clock = Clock::new(0, 0, TRUE_RATE);
        clock.stop(100, 200);
        assert_eq!(
            [clock.at(100), clock.at(200), clock.at(201)],
            [100, 100, 101]
        );
        clock.stop(150, 300);
        clock.turn(160, FAST);
        assert_eq!([clock.at(300), clock.at(400)], [100, 225]);
        assert_eq!(clock.when(250, 225), 401);
    }

    #[test]
    fn what_was_asked_for_is_shown_when_it_says() {
        for rate in [
            1 << 20,
            TRUE_RATE / 2,
            TRUE_RATE - 1,
            TRUE_RATE,
            FAST,
            7 * FAST,
        ] {
            let clock = Clock::new(3, 17, rate);
            for (now, target) in [(3, 18), (5, 1_000_003), (1_000, 123_456_789)] {
                assert!(clock.at(clock.when(now, target)) >= target, "{rate}");
            }
            assert_eq!(clock.when(9, 0), 9);
        }
        assert_eq!(Clock::new(0, 0, 0).when(0, u64::MAX), u64::MAX);
        assert_eq!(Clock::new(0, u64::MAX, u64::MAX).at(u64::MAX), u64::MAX);
    }
}
