//! Why a call was not tried again.

use std::fmt;

/// Why a call was not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// It has been tried as often as allowed.
    Attempts,
    /// The wait would have ended past [`elapsed_max`](super::RetryConfig::elapsed_max), or never.
    Elapsed,
    /// The [budget](super::Budget) did not pay for another attempt.
    Budget,
    /// The caller's deadline would have passed before the wait was over, or did.
    Deadline,
    /// The service forbade it, or asked for a wait above
    /// [`delay_max`](super::RetryConfig::delay_max).
    Pushback,
    /// A repeat is not [safe](super::Replay::is_safe), and the request may have run.
    NotSafe,
    /// A repeat would not cure the failure, or the result says nothing of the service.
    NotTransient,
    /// The inner service failed to become ready for the next attempt, or not in time.
    NotReady,
    /// The request cannot be [copied](super::Replay::copy), or its copy is not
    /// [intact](super::Replay::is_intact).
    NotReplayable,
    /// A retry further out repeats the call already.
    Nested,
}

impl Stop {
    /// Every reason there is.
    pub const ALL: [Self; 10] = [
        Self::Attempts,
        Self::Elapsed,
        Self::Budget,
        Self::Deadline,
        Self::Pushback,
        Self::NotSafe,
        Self::NotTransient,
        Self::NotReady,
        Self::NotReplayable,
        Self::Nested,
    ];

    /// The reason as a metric label: `attempts`, `not-safe` and so on.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Elapsed => "elapsed",
            Self::Budget => "budget",
            Self::Deadline => "deadline",
            Self::Pushback => "pushback",
            Self::NotSafe => "not-safe",
            Self::NotTransient => "not-transient",
            Self::NotReady => "not-ready",
            Self::NotReplayable => "not-replayable",
            Self::Nested => "nested",
        }
    }
}

/// The [`label`](Stop::label).
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
