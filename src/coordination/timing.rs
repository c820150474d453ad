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
