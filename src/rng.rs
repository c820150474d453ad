//! Randomness for jitter: the thread's generator by default, a seeded one where a run must be repeatable.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::sync::Lock;

/// That of other builds, to be tested in this one.
#[cfg(all(test, feature = "random"))]
mod plain;
#[cfg_attr(feature = "random", path = "rng/thread.rs")]
#[cfg_attr(not(feature = "random"), path = "rng/plain.rs")]
mod thread;

/// A source of randomness. Clones of a seeded one draw from the same sequence.
#[derive(Clone, Default)]
pub struct Rng {
    seeded: Option<Arc<Lock<Xoshiro256PlusPlus>>>,
}

impl Rng {
    /// The thread's own generator: no lock, not repeatable. The default.
    pub fn thread() -> Self {
        Self::default()
    }

    /// A generator whose draws depend on `seed` and on the number of draws before, and on nothing else
    /// (Xoshiro256++, the same on every platform).
    pub fn seeded(seed: u64) -> Self {
        Self {
            seeded: Some(Arc::new(Lock::new(Xoshiro256PlusPlus::seed_from_u64(seed)))),
        }
    }

    /// 64 uniform bits.
    pub fn bits(&self) -> u64 {
        match &self.seeded {
            Some(rng) => rng.lock().next_u64(),
            None => thread::draw(rand::Rng::next_u64),
        }
    }

    /// A uniform draw from `range`, to the nanosecond; its start when the range is empty.
    ///
    /// Durations past 584 years are drawn as 584 years (`u64::MAX` nanoseconds).
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Duration {
        let (low, high) = (nanos(*range.start()), nanos(*range.end()));
        if low >= high {
            return *range.start();
        }
        Duration::from_nanos(match &self.seeded {
            Some(rng) => rng.lock().random_range(low..=high),
            None => thread::draw(|rng| rng.random_range(low..=high)),
        })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.seeded.is_some() {
            "Rng(seeded)"
        } else {
            "Rng(thread)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_draws_and_clones_share_them() {
        let (a, b) = (Rng::seeded(7), Rng::seeded(7));
        let twin = a.clone();
        let range = Duration::ZERO..=Duration::from_secs(1);
        let from_a = [
            a.duration(range.clone()),
            twin.duration(range.clone()),
            a.duration(range.clone()),
        ];
        let from_b = [(); 3].map(|()| b.duration(range.clone()));
        assert_eq!(from_a, from_b);
    }

    #[test]
    fn draws_stay_in_the_range_and_the_extremes_do_not_panic() {
        let rng = Rng::thread();
        for _ in 0..1000 {
            let drawn = rng.duration(Duration::from_nanos(3)..=Duration::from_nanos(5));
            assert!((3..=5).contains(&drawn.as_nanos()));
        }
        assert_eq!(
            rng.duration(Duration::ZERO..=Duration::ZERO),
            Duration::ZERO
        );
        assert!(rng.duration(Duration::ZERO..=Duration::MAX) <= Duration::from_nanos(u64::MAX));
        assert_eq!(rng.duration(Duration::MAX..=Duration::ZERO), Duration::MAX);
    }
}
