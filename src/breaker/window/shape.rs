//! Which window a breaker keeps.

use std::time::Duration;

pub(in crate::breaker) const BUCKETS_MAX: u8 = 120;
pub(in crate::breaker) const CALLS_MAX: u32 = 100_000;

/// Over which calls the ratios of a breaker are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Window {
    /// The calls that ended in the last while.
    Time {
        /// How long ago the oldest call is; at least 1 ms. [`Duration::MAX`] never forgets.
        length: Duration,
        /// The number of parts in which calls are forgotten; from 1 to 120.
        buckets: u8,
    },
    /// The last calls, whenever they were.
    Count {
        /// How many calls; from 1 to 100 000, and at least the smallest volume.
        calls: u32,
    },
}

impl Default for Window {
    fn default() -> Self {
        Self::Time {
            length: Duration::from_secs(10),
            buckets: 10,
        }
    }
}
