//! What a breaker shows of itself.

use std::fmt;
use std::time::Duration;

use crate::ratio::Ratio;

use super::window::Counts;

/// The state of a circuit.
///
/// It is left lazily: a circuit whose open time has passed is open until a call asks to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls are admitted and their results watched.
    Closed,
    /// Calls are refused until the open time has passed.
    Open,
    /// A few calls are admitted as probes, the others refused.
    HalfOpen,
    /// Calls are refused until someone says otherwise.
    ForcedOpen,
    /// Calls are admitted, whatever their results, until someone says otherwise.
    Disabled,
}

impl State {
    pub(super) const ALL: [Self; 5] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::ForcedOpen,
        Self::Disabled,
    ];

    /// The state as a metric label: `closed`, `half_open` and so on.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Why a circuit opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Too large a share of the calls failed.
    FailureRatio,
    /// Too large a share of the calls was slow.
    SlowRatio,
    /// Too many calls failed in a row.
    ConsecutiveFailures,
    /// A failure asked callers to come back later.
    Pushback,
    /// The probes of a half-open circuit failed.
    Probation,
    /// The [`BreakerHandle`](super::BreakerHandle) said so.
    Handle,
}

impl Cause {
    /// The cause in words that a label can hold: `failure_ratio` and so on.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FailureRatio => "failure_ratio",
            Self::SlowRatio => "slow_ratio",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::Pushback => "pushback",
            Self::Probation => "probation",
            Self::Handle => "handle",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A circuit at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) state: State,
    pub(super) epoch: u64,
    pub(super) counts: Counts,
    pub(super) consecutive_failures: u32,
    pub(super) time_left: Option<Duration>,
    pub(super) probes_in_flight: usize,
    pub(super) failed_probations: u32,
    pub(super) last_cause: Option<Cause>,
    pub(super) stale: u64,
}

impl Snapshot {
    /// The state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The number of changes of state there have been.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The calls in the window. It is empty at the beginning of each state, and only a closed or
    /// disabled circuit fills it.
    pub const fn calls(&self) -> u64 {
        self.counts.calls
    }

    /// Those of them that failed.
    pub const fn failures(&self) -> u64 {
        self.counts.failures
    }

    /// Those of them that were slow.
    pub const fn slow(&self) -> u64 {
        self.counts.slow
    }

    /// The share of calls that failed; `None` without calls.
    pub fn failure_ratio(&self) -> Option<Ratio> {
        share(self.counts.failures, self.counts.calls)
    }

    /// The share of calls that were slow; `None` without calls.
    pub fn slow_ratio(&self) -> Option<Ratio> {
        share(self.counts.slow, self.counts.calls)
    }

    /// The failures since the last success, where they are counted.
    pub const fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures
    }

    /// How long an open circuit refuses calls yet: zero when the next call is a probe,
    /// [`Duration::MAX`] when it is open until someone says otherwise, `None` when it is not open.
    pub const fn time_left(&self) -> Option<Duration> {
        self.time_left
    }

    /// The probes in flight that have not been given up.
    pub const fn probes_in_flight(&self) -> usize {
        self.probes_in_flight
    }

    /// How many probations have failed since the circuit was closed; each doubles the open time.
    pub const fn failed_probations(&self) -> u32 {
        self.failed_probations
    }

    /// Why the circuit opened last; `None` when it never did.
    pub const fn last_cause(&self) -> Option<Cause> {
        self.last_cause
    }

    /// How many results came too late to count, because the state had changed since their call was
    /// admitted, or because they were those of probes whose lease had ended.
    pub const fn stale(&self) -> u64 {
        self.stale
    }
}

fn share(part: u64, whole: u64) -> Option<Ratio> {
    let millionths = u128::from(part)
        .saturating_mul(1_000_000)
        .checked_div(u128::from(whole))?;
    let millionths = u32::try_from(millionths).ok()?;
    Ratio::new(f64::from(millionths) / 1e6).ok()
}
