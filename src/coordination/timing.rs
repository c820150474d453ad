//! How long everything lasts, on whose clock.

use std::time::Duration;

use crate::error::ConfigError;

/// The times that all members of one election share.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct TimingConfig {
    ttl: Duration,
    drift: f64,
    tick: Duration,
    margin: Duration,
}

impl Default for TimingConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(2),
            drift: 0.01,
            tick: Duration::from_millis(1),
            margin: Duration::from_millis(200),
        }
    }
}

impl TimingConfig {
    /// How long a lease lasts on its holder's clock, from before it was asked for. At least 10 ticks,
    /// at most one day. Default 2 s.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The most by which the rate of any member's clock differs from true time, as a share: 0.01 is 1 %.
    /// From 0 to 0.5. Default 0.01.
    pub const fn drift(mut self, drift: f64) -> Self {
        self.drift = drift;
        self
    }

    /// The coarsest step of any member's clock; above zero. Default 1 ms.
    pub const fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// How long before its lease ends a holder stops; below the ttl. At least what it takes to stop what
    /// runs under the lease. Default 200 ms.
    pub const fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }
}

/// Times that were checked, and what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    ttl: Duration,
    margin: Duration,
    held: Duration,
}

impl Timing {
    /// Checks the times.
    ///
    /// # Errors
    /// When one is out of its range.
    pub fn new(config: TimingConfig) -> Result<Self, ConfigError> {
        let TimingConfig {
            ttl,
            drift,
            tick,
            margin,
        } = config;
        if tick.is_zero() {
            return Err(ConfigError::duration("tick", tick, "above zero"));
        }
        if ttl < tick.saturating_mul(10) || ttl > Duration::from_secs(86_400) {
            return Err(ConfigError::duration("ttl", ttl, "10 ticks to one day"));
        }
        if margin >= ttl {
            return Err(ConfigError::duration("margin", margin, "below the ttl"));
        }
        if !(0.0..=0.5).contains(&drift) {
            return Err(ConfigError::new("drift", drift, "0 to 0.5"));
        }
        // Up to the next tick, and one more: what is rounded is never shorter than what was meant.
        let scaled = ttl.mul_f64((1.0 + drift) / (1.0 - drift));
        let held = scaled
            .saturating_add(tick)
            .saturating_add(Duration::from_nanos(1));
        Ok(Self { ttl, margin, held })
    }

    /// How long a lease lasts on its holder's clock.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How long before that its holder stops.
    pub const fn margin(&self) -> Duration {
        self.margin
    }

    /// How long an acceptor keeps the lease, on its own clock: as long as the slowest holder's clock
    /// takes to end it while the acceptor's is the fastest, `ttl · (1 + drift) / (1 − drift) + tick`
    /// (`PaxosLease` Revisited, the timing of exclusion).
    pub const fn held(&self) -> Duration {
        self.held
    }

    /// How long an acceptor that has restarted answers nobody: what it granted before may last so long.
    pub const fn quarantine(&self) -> Duration {
        self.held
    }

    /// Between one asking and the next.
    pub(super) fn again(&self, jitter: u64) -> Duration {
        around(nth(self.ttl, 10), jitter)
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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const NS: Duration = Duration::from_nanos(1);
    const DAY: Duration = Duration::from_secs(86_400);

    fn refused(config: TimingConfig) -> String {
        Timing::new(config).unwrap_err().to_string()
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_its_name_its_value_and_the_range() {
        let config = TimingConfig::default();
        for (wrong, field, value, range) in [
            (config.tick(Duration::ZERO), "tick", "0", "above zero"),
            (config.ttl(Duration::ZERO), "ttl", "0", "10 ticks"),
            (config.ttl(10 * MS).tick(MS + NS), "ttl", "10ms", "10 ticks"),
            (config.ttl(DAY + NS), "ttl", "86400.000000001s", "one day"),
            (config.ttl(Duration::MAX), "ttl", "", "one day"),
            (config.tick(Duration::MAX), "ttl", "2s", "10 ticks"),
            (config.margin(2000 * MS), "margin", "2s", "below the ttl"),
            (config.margin(Duration::MAX), "margin", "", "below the ttl"),
            (config.drift(-0.000_001), "drift", "-0.000001", "0 to 0.5"),
            (config.drift(0.500_001), "drift", "0.500001", "0 to 0.5"),
            (config.drift(1.0), "drift", "1", "0 to 0.5"),
            (config.drift(f64::INFINITY), "drift", "inf", "0 to 0.5"),
            (config.drift(f64::NAN), "drift", "NaN", "0 to 0.5"),
        ] {
            assert_eq!(Timing::new(wrong).unwrap_err().field(), field, "{wrong:?}");
            let said = refused(wrong);
            assert!(said.contains(field) && said.contains(range), "{said}");
            assert!(said.contains(value), "{said}");
        }
    }

    #[test]
    fn what_is_at_the_edge_of_its_range_is_taken() {
        let config = TimingConfig::default();
        let short = config.ttl(10 * MS).margin(9 * MS);
        for right in [
            config,
            short,
            short.margin(Duration::ZERO),
            config.ttl(DAY),
            config.drift(0.0),
            config.drift(-0.0),
            config.drift(0.5),
            config.tick(NS),
        ] {
            assert!(Timing::new(right).is_ok(), "{right:?}");
        }
    }

    #[test]
    fn an_acceptor_keeps_a_lease_for_longer_than_any_holder_uses_it() {
        let config = TimingConfig::default();
        for drift in [0.0, 0.01, 0.1, 0.5] {
            for ttl in [10 * MS, Duration::from_secs(2), DAY] {
                let timing = Timing::new(config.ttl(ttl).margin(MS).drift(drift)).unwrap();
                let true_of_holder = ttl.div_f64(1.0 - drift);
                let true_of_acceptor = timing.held().div_f64(1.0 + drift);
                assert!(true_of_acceptor > true_of_holder, "{drift} {ttl:?}");
                let longest = true_of_holder.mul_f64(1.0 + drift) + 2 * MS;
                assert!(timing.held() <= longest, "no longer than that takes");
                assert_eq!(timing.quarantine(), timing.held());
            }
        }
    }
}
