//! The settings of a breaker.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::error::ConfigError;
use crate::ratio::Ratio;

use super::probation::PROBES_MAX;
use super::window::{BUCKETS_MAX, CALLS_MAX, CONSECUTIVE_MAX, Window};

/// When a circuit opens, for how long, and what closes it again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct BreakerConfig {
    pub(super) window: Window,
    pub(super) volume_min: u32,
    pub(super) failure_ratio: Option<Ratio>,
    pub(super) slow_ratio: Option<Ratio>,
    pub(super) slow_duration: Duration,
    pub(super) consecutive_failures: Option<NonZeroU32>,
    pub(super) open_base: Duration,
    pub(super) open_max: Duration,
    pub(super) jitter: Ratio,
    pub(super) pushback: OnPushback,
    pub(super) probes: u8,
    pub(super) probe_successes: u8,
    pub(super) probe_lease: Duration,
    pub(super) ramp: Option<Duration>,
    pub(super) ramp_floor: Ratio,
    pub(super) cancelled: Cancelled,
}

/// What a call counts as that its caller gave up before it was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Cancelled {
    /// Nothing: it says nothing of the service. A probe gives its place back.
    #[default]
    Ignore,
    /// A failure of the service.
    Failure,
    /// A failure when the call was at least this old, otherwise nothing.
    FailureAfter(Duration),
}

/// What a failure does that asks callers to [come back later](crate::Pushback::After).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OnPushback {
    /// It opens the circuit at once, for as long as it asks, at most
    /// [`open_max`](BreakerConfig::open_max); after a failed probation at least for the doubled time.
    #[default]
    Trip,
    /// It counts as any failure does; if it is the one that opens the circuit, the circuit stays open
    /// for at least as long as it asks, at most [`open_max`](BreakerConfig::open_max).
    Extend,
    /// It counts as any failure does.
    Ignore,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: Window::default(),
            volume_min: 20,
            failure_ratio: Some(Ratio::hundredths(50)),
            slow_ratio: None,
            slow_duration: Duration::from_secs(5),
            consecutive_failures: None,
            open_base: Duration::from_secs(5),
            open_max: Duration::from_secs(300),
            jitter: Ratio::hundredths(10),
            pushback: OnPushback::default(),
            probes: 5,
            probe_successes: 3,
            probe_lease: Duration::from_secs(30),
            ramp: None,
            ramp_floor: Ratio::hundredths(10),
            cancelled: Cancelled::default(),
        }
    }
}

impl BreakerConfig {
    /// Over which calls the ratios are taken. Default: the last 10 s in 10 buckets.
    pub const fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// The fewest calls in the window of which a ratio is taken. Default 20, at least 1.
    pub const fn volume_min(mut self, calls: u32) -> Self {
        self.volume_min = calls;
        self
    }

    /// The share of failed calls that opens the circuit, above 0; `None` turns it off. Default 50 %.
    pub fn failure_ratio(mut self, ratio: impl Into<Option<Ratio>>) -> Self {
        self.failure_ratio = ratio.into();
        self
    }

    /// The share of slow calls that opens the circuit, whether they failed or not, above 0; `None`,
    /// the default, turns it off. While it is on, a slow probe is a failed one.
    pub fn slow_ratio(mut self, ratio: impl Into<Option<Ratio>>) -> Self {
        self.slow_ratio = ratio.into();
        self
    }

    /// From what duration on a call is slow, for [`slow_ratio`](Self::slow_ratio); above zero. Default
    /// 5 s.
    pub const fn slow_duration(mut self, duration: Duration) -> Self {
        self.slow_duration = duration;
        self
    }

    /// The number of failures in a row that opens the circuit, whatever the window holds; `None`, the
    /// default, turns it off. At most 16 777 215.
    pub fn consecutive_failures(mut self, failures: impl Into<Option<NonZeroU32>>) -> Self {
        self.consecutive_failures = failures.into();
        self
    }

    /// How long the circuit stays open at first, above zero; each failed probation doubles it. Default
    /// 5 s.
    pub const fn open_base(mut self, base: Duration) -> Self {
        self.open_base = base;
        self
    }

    /// The longest it stays open, whatever the doubling and the service ask for; at least
    /// [`open_base`](Self::open_base). Default 5 min.
    pub const fn open_max(mut self, max: Duration) -> Self {
        self.open_max = max;
        self
    }

    /// The share of the open time that is drawn at random: it lies uniformly between `1 - jitter` of
    /// the full time and all of it. Default 10 %.
    pub const fn jitter(mut self, jitter: Ratio) -> Self {
        self.jitter = jitter;
        self
    }

    /// What a failure does that asks callers to come back later. Default [`OnPushback::Trip`].
    pub const fn pushback(mut self, pushback: OnPushback) -> Self {
        self.pushback = pushback;
        self
    }

    /// The number of calls a probation admits, those in flight and those settled together. Default 5,
    /// from 1 to 64.
    pub const fn probes(mut self, probes: u8) -> Self {
        self.probes = probes;
        self
    }

    /// The number of probes that must succeed to close the circuit; once that has become impossible
    /// it opens again. Default 3, from 1 to [`probes`](Self::probes).
    pub const fn probe_successes(mut self, successes: u8) -> Self {
        self.probe_successes = successes;
        self
    }

    /// How long a probe may take before it is given up as failed, above zero. Default 30 s.
    ///
    /// It must be longer than the slowest call that you hold to be good, or the circuit never closes.
    /// With [`Duration::MAX`] no probe is ever given up, and hung ones keep their places.
    pub const fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = lease;
        self
    }

    /// The time after closing in which the share of admitted calls grows to all of them, above zero;
    /// `None`, the default, admits all at once.
    pub fn ramp(mut self, ramp: impl Into<Option<Duration>>) -> Self {
        self.ramp = ramp.into();
        self
    }

    /// The share of calls admitted when the [`ramp`](Self::ramp) begins. Default 10 %.
    pub const fn ramp_floor(mut self, floor: Ratio) -> Self {
        self.ramp_floor = floor;
        self
    }

    /// What a call counts as that its caller gave up. Default [`Cancelled::Ignore`].
    pub const fn cancelled(mut self, cancelled: Cancelled) -> Self {
        self.cancelled = cancelled;
        self
    }

    /// Whether any ratio is taken, so that calls must be kept in the window.
    pub(super) const fn needs_window(&self) -> bool {
        self.failure_ratio.is_some() || self.slow_ratio.is_some()
    }

    /// Whether calls must remember when they began.
    pub(super) const fn needs_start(&self) -> bool {
        self.slow_ratio.is_some() || matches!(self.cancelled, Cancelled::FailureAfter(_))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.validate_window()?;
        for (field, ratio) in [
            ("failure_ratio", self.failure_ratio),
            ("slow_ratio", self.slow_ratio),
        ] {
            if ratio == Some(Ratio::ZERO) {
                return Err(ConfigError::new(field, Ratio::ZERO, "above 0"));
            }
        }
        let in_a_row = self.consecutive_failures.map_or(0, NonZeroU32::get);
        if in_a_row > CONSECUTIVE_MAX {
            let allowed = "1 ..= 16_777_215";
            return Err(ConfigError::new("consecutive_failures", in_a_row, allowed));
        }
        if self.open_max < self.open_base {
            let allowed = "at least open_base";
            return Err(ConfigError::duration("open_max", self.open_max, allowed));
        }
        if !(1..=PROBES_MAX).contains(&self.probes) {
            return Err(ConfigError::new("probes", self.probes, "1 ..= 64"));
        }
        if !(1..=self.probes).contains(&self.probe_successes) {
            let (successes, allowed) = (self.probe_successes, "1 ..= probes");
            return Err(ConfigError::new("probe_successes", successes, allowed));
        }
        for (field, duration) in [
            ("slow_duration", self.slow_duration),
            ("open_base", self.open_base),
            ("probe_lease", self.probe_lease),
            ("ramp", self.ramp.unwrap_or(Duration::MAX)),
        ] {
            if duration.is_zero() {
                return Err(ConfigError::duration(field, duration, "above zero"));
            }
        }
        if self.ramp == Some(Duration::MAX) && self.ramp_floor == Ratio::ZERO {
            let allowed = "finite unless ramp_floor is above 0: no call would ever be admitted";
            return Err(ConfigError::duration("ramp", Duration::MAX, allowed));
        }
        Ok(())
    }

    fn validate_window(&self) -> Result<(), ConfigError> {
        if self.volume_min == 0 {
            return Err(ConfigError::new("volume_min", 0, "at least 1"));
        }
        match self.window {
            Window::Time { length, .. } if length < Duration::from_millis(1) => Err(
                ConfigError::duration("window.length", length, "at least 1 ms"),
            ),
            Window::Time { buckets, .. } if !(1..=BUCKETS_MAX).contains(&buckets) => {
                Err(ConfigError::new("window.buckets", buckets, "1 ..= 120"))
            }
            Window::Count { calls } if !(1..=CALLS_MAX).contains(&calls) => {
                Err(ConfigError::new("window.calls", calls, "1 ..= 100_000"))
            }
            Window::Count { calls } if calls < self.volume_min => Err(ConfigError::new(
                "window.calls",
                calls,
                "at least volume_min",
            )),
            Window::Time { .. } | Window::Count { .. } => Ok(()),
        }
    }
}
