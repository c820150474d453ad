//! Draws.

use std::time::Duration;

use crate::Ratio;
use crate::rng::Rng;

#[derive(Clone, Debug)]
pub(super) struct Dice(pub(super) Rng);

impl Dice {
    /// From 0 and below `end`; 0 when there is nothing below.
    pub(super) fn below(&self, end: u64) -> u64 {
        let scaled = u128::from(self.0.bits()).saturating_mul(u128::from(end)) >> 64_u32;
        u64::try_from(scaled).unwrap_or(0)
    }

    pub(super) fn index(&self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.below(end)).unwrap_or(0)
    }

    /// Draws only where the answer is not known.
    pub(super) fn hits(&self, share: Ratio) -> bool {
        share != Ratio::ZERO && self.below(1_000_000) < u64::from(share.millionths())
    }

    /// Up to `most`, in nanoseconds, and at least one.
    pub(super) fn up_to(&self, most: Duration) -> u64 {
        self.below(nanos(most)).saturating_add(1)
    }

    pub(super) fn one_of<T: Copy, const N: usize>(&self, all: [T; N], otherwise: T) -> T {
        all.get(self.index(N)).copied().unwrap_or(otherwise)
    }
}

/// 584 years are for ever.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
