//! One term as its holder sees it.
//!
//! I1. What is due is said in order, and each once but renewals: renew, at risk, expiring, ended.
//! I2. In the margin nothing is renewed, and what is renewed there does not count.
//! I3. A lease never becomes shorter by being renewed.

use super::timing::{around, nth};
use super::{Grant, Moment, Timing};

/// Says what is due while a lease is held, whoever granted it. Has no clock and does no I/O.
///
/// Every `jitter` is 64 uniform random bits.
#[derive(Clone, Copy, Debug)]
pub struct Tenure {
    timing: Timing,
    grant: Grant,
    told: Told,
    renews: Moment,
}

/// What its holder has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    AtRisk,
    Expiring,
    Ended,
}

/// What a holder has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Due {
    /// Ask for the next lease of the term.
    Renew,
    /// Half of the lease has passed and it has not been renewed. A notice: it may be used and is renewed.
    AtRisk,
    /// The right to act has ended, and the lease ends in the margin: stop whatever runs under it.
    Expiring,
    /// The lease has ended. Somebody else may hold it.
    Ended,
}

impl Tenure {
    /// Begins with the grant of a new term.
    pub fn new(timing: Timing, grant: Grant, jitter: u64) -> Self {
        Self {
            timing,
            grant,
            told: Told::Nothing,
            renews: renewal(&timing, &grant, jitter),
        }
    }

    /// The last lease of the term.
    pub const fn grant(&self) -> Grant {
        self.grant
    }

    /// The term goes on with `grant`, which came at `now`. Whether it does: not in the margin, not under
    /// another token, and not for a shorter time.
    pub fn renew(&mut self, grant: Grant, now: Moment, jitter: u64) -> bool {
        // I2, I3.
        let goes_on = now < self.grant.usable_until
            && self.told < Told::Expiring
            && grant.token == self.grant.token
            && grant.ends >= self.grant.ends;
        if goes_on {
            self.grant = grant;
            self.told = Told::Nothing;
            self.renews = renewal(&self.timing, &grant, jitter);
        }
        goes_on
    }

    /// What is due at `now`; ask again until nothing is. A renewal is due a third into the lease, give or
    /// take a tenth of that, but no later than in the middle of the time for which it may be used; and then
    /// each tenth of its length until it succeeds.
    pub fn due(&mut self, now: Moment, jitter: u64) -> Option<Due> {
        let Grant {
            usable_until, ends, ..
        } = self.grant;
        if now >= ends {
            return self.tell(Told::Ended, Due::Ended);
        }
        if now >= usable_until {
            return self.tell(Told::Expiring, Due::Expiring);
        }
        if now >= self.at_risk() && self.told == Told::Nothing {
            return self.tell(Told::AtRisk, Due::AtRisk);
        }
        if now >= self.renews && self.told < Told::Expiring {
            self.renews = now.after(self.timing.again(jitter));
            return Some(Due::Renew);
        }
        None
    }

    /// When the next is due; `None` once the lease has ended and that was said.
    pub fn wakes(&self) -> Option<Moment> {
        let Grant {
            usable_until, ends, ..
        } = self.grant;
        match self.told {
            Told::Nothing => Some(self.at_risk().min(usable_until).min(self.renews)),
            Told::AtRisk => Some(usable_until.min(self.renews)),
            Told::Expiring => Some(ends),
            Told::Ended => None,
        }
    }

    fn at_risk(&self) -> Moment {
        self.grant.ends.before(nth(self.timing.ttl(), 2))
    }

    /// I1.
    fn tell(&mut self, told: Told, due: Due) -> Option<Due> {
        if self.told >= told {
            return None;
        }
        self.told = told;
        Some(due)
    }
}

fn renewal(timing: &Timing, grant: &Grant, jitter: u64) -> Moment {
    let start = grant.ends.before(timing.ttl());
    // Of a margin above half of the ttl, a third of it may be all that can be used, or more.
    let middle = nth(grant.usable_until.since(start), 2);
    start.after(around(nth(timing.ttl(), 3).min(middle), jitter))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::coordination::{FencingToken, TimingConfig};

    const MS: Duration = Duration::from_millis(1);
    /// In the middle: what is jittered is exact with it.
    const EVEN: u64 = 1 << 63;

    fn at(ms: u32) -> Moment {
        Moment::from_origin(MS * ms)
    }

    fn grant(ends: u32) -> Grant {
        Grant {
            token: FencingToken::FIRST,
            usable_until: at(ends - 100),
            ends: at(ends),
        }
    }

    /// 1 s from the origin, of which the last 100 ms are the margin.
    fn tenure() -> Tenure {
        let config = TimingConfig::default().ttl(1000 * MS).margin(100 * MS);
        Tenure::new(Timing::new(config).unwrap(), grant(1000), EVEN)
    }

    #[test]
    fn i1_what_is_due_comes_at_its_time_and_once() {
        let mut tenure = tenure();
        let mut seen = Vec::new();
        while let Some(wakes) = tenure.wakes() {
            assert_eq!(
                tenure.due(wakes.before(Duration::from_nanos(1)), EVEN),
                None
            );
            let due = tenure.due(wakes, EVEN).unwrap();
            seen.push((wakes.since(Moment::ORIGIN).as_millis(), due));
        }
        let expected = [
            (333, Due::Renew),
            (433, Due::Renew),
            (500, Due::AtRisk),
            (533, Due::Renew),
            (633, Due::Renew),
            (733, Due::Renew),
            (833, Due::Renew),
            (900, Due::Expiring),
            (1000, Due::Ended),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_lease_of_whatever_margin_is_renewed_before_it_expires() {
        for margin in (0..1000).step_by(50).chain([333, 667, 999]) {
            let config = TimingConfig::default().ttl(1000 * MS).margin(margin * MS);
            let timing = Timing::new(config).unwrap();
            let grant = Grant {
                usable_until: at(1000 - margin),
                ..grant(1000)
            };
            for jitter in [0, EVEN, u64::MAX] {
                let mut tenure = Tenure::new(timing, grant, jitter);
                let first = tenure.wakes().unwrap();
                assert_eq!(tenure.due(first, jitter), Some(Due::Renew), "{margin}");
            }
        }
    }

    #[test]
    fn i1_a_clock_that_leaps_brings_the_last_news_only() {
        let mut one = tenure();
        assert_eq!(one.due(at(5000), 0), Some(Due::Ended));
        assert_eq!((one.due(at(5000), 0), one.wakes()), (None, None));
        assert!(!one.renew(grant(9000), at(5000), 0));
        let mut two = tenure();
        assert_eq!(two.due(at(950), 0), Some(Due::Expiring));
        assert_eq!(two.due(at(950), 0), None);
    }

    #[test]
    fn i2_in_the_margin_nothing_is_renewed() {
        let mut late = tenure();
        assert!(!late.renew(grant(1900), at(900), EVEN), "nobody had looked");
        let mut told = tenure();
        assert_eq!(told.due(at(900), 0), Some(Due::Expiring));
        // A clock that goes back is none; what was said stays said.
        assert!(!told.renew(grant(1800), at(899), EVEN));
        assert_eq!(told.grant(), grant(1000));
    }

    #[test]
    fn i3_a_renewal_is_of_the_same_term_and_not_shorter() {
        let mut tenure = tenure();
        assert_eq!(tenure.due(at(500), 0), Some(Due::AtRisk));
        let other = FencingToken::FIRST.next().unwrap();
        let foreign = Grant {
            token: other,
            ..grant(1400)
        };
        assert!(!tenure.renew(foreign, at(500), EVEN));
        assert!(!tenure.renew(grant(999), at(500), EVEN));
        assert!(tenure.renew(grant(1400), at(899), EVEN));
        assert_eq!(tenure.due(at(733), EVEN), None, "not yet");
        assert_eq!(tenure.due(at(734), EVEN), Some(Due::Renew));
        assert_eq!(tenure.due(at(900), 0), Some(Due::AtRisk), "again");
    }
}
