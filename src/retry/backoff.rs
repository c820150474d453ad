//! How long to wait before a retry.
//!
//! # Invariants
//! - B1: no wait is above `delay_max`, and no sum or product overflows on the way to it.
//! - B2: a wait is drawn in whole nanoseconds from its full range: it is neither truncated to a unit
//!   nor bunched at a bound.

use std::time::Duration;

use crate::rng::Rng;

use super::{Jitter, RetryConfig};

/// The wait before the retry number `retry`, counted from 0. `previous` is the wait drawn before
/// this one, zero for none.
pub(super) fn draw(
    config: &RetryConfig,
    retry: u32,
    overload: bool,
    previous: Duration,
    rng: &Rng,
) -> Duration {
    let max = config.delay_max;
    let base = if overload {
        config.base_overload
    } else {
        config.base
    };
    let grown = || grow(base, config.factor, retry).min(max);
    match config.jitter {
        Jitter::None => grown(),
        Jitter::Full => rng.duration(Duration::ZERO..=grown()),
        Jitter::Equal => {
            let most = grown();
            rng.duration(part(most, 2)..=most)
        }
        Jitter::Decorrelated => {
            // A base near the bound would leave nothing to draw from.
            let least = base.min(part(max, 3));
            let most = previous.max(least).saturating_mul(3).min(max);
            rng.duration(least..=most)
        }
    }
}

/// `base * factor^exponent` in nanoseconds; 584 years (`u64::MAX` of them) for all beyond.
fn grow(base: Duration, factor: u32, exponent: u32) -> Duration {
    let base = u64::try_from(base.as_nanos()).unwrap_or(u64::MAX);
    let growth = u64::from(factor).saturating_pow(exponent);
    Duration::from_nanos(base.saturating_mul(growth))
}

fn part(whole: Duration, of: u32) -> Duration {
    whole.checked_div(of).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);
    const ALL: [Jitter; 4] = [
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
        Jitter::None,
    ];

    fn exact(config: &RetryConfig, retry: u32) -> Duration {
        let config = config.clone().jitter(Jitter::None);
        draw(&config, retry, false, Duration::ZERO, &Rng::thread())
    }

    fn draws(config: &RetryConfig, retry: u32, count: usize) -> Vec<Duration> {
        let rng = Rng::seeded(11);
        (0..count)
            .map(|_| draw(config, retry, false, Duration::ZERO, &rng))
            .collect()
    }

    #[test]
    fn waits_double_from_the_base_up_to_the_bound_and_stay_there_for_any_retry_b1() {
        let config = RetryConfig::default();
        assert_eq!(exact(&config, 0), 50 * MS);
        assert_eq!(exact(&config, 1), 100 * MS);
        assert_eq!(exact(&config, 8), 12_800 * MS);
        for retry in [9, 63, 64, 65, 1024, u32::MAX] {
            assert_eq!(exact(&config, retry), 20 * SECOND, "retry {retry}");
        }
        let steady = config.factor(1);
        assert_eq!(exact(&steady, u32::MAX), 50 * MS);
    }

    #[test]
    fn an_overload_has_its_own_base() {
        let config = RetryConfig::default().jitter(Jitter::None);
        let wait = draw(&config, 1, true, Duration::ZERO, &Rng::thread());
        assert_eq!(wait, 2 * SECOND);
    }

    #[test]
    fn the_largest_settings_do_not_overflow_and_nothing_is_above_the_bound_b1() {
        for jitter in ALL {
            for base in [Duration::ZERO, MS, SECOND, Duration::MAX] {
                for max in [Duration::ZERO, MS, 4 * SECOND, Duration::MAX] {
                    let config = RetryConfig::default()
                        .jitter(jitter)
                        .base(base)
                        .factor(u32::MAX)
                        .delay_max(max);
                    for retry in [0, 1, 31, 64, u32::MAX] {
                        for previous in [Duration::ZERO, MS, Duration::MAX] {
                            let wait = draw(&config, retry, false, previous, &Rng::thread());
                            assert!(wait <= max, "{config:?} {retry} {previous:?}: {wait:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn full_jitter_is_uniform_over_the_whole_range_b2() {
        let config = RetryConfig::default().base(SECOND);
        let waits = draws(&config, 0, 20_000);
        let mut tenths = [0_usize; 10];
        for wait in &waits {
            let tenth = usize::try_from(wait.as_nanos() * 10 / (SECOND.as_nanos() + 1)).unwrap();
            tenths[tenth] += 1;
        }
        // 2000 are expected in each; 5 standard deviations are 212.
        assert!(tenths.iter().all(|n| n.abs_diff(2000) < 212), "{tenths:?}");
    }

    #[test]
    fn a_base_of_whole_seconds_gives_as_many_different_waits_as_draws_b2() {
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
            let config = RetryConfig::default().base(SECOND).jitter(jitter);
            let mut waits = draws(&config, 1, 2000);
            waits.sort_unstable();
            waits.dedup();
            assert!(waits.len() > 1990, "{jitter:?}: {}", waits.len());
        }
    }

    #[test]
    fn a_wait_at_the_bound_is_spread_below_it_and_never_bunched_b2() {
        let config = RetryConfig::default().base(SECOND).delay_max(4 * SECOND);
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
            let rng = Rng::seeded(5);
            let config = config.clone().jitter(jitter);
            let at_bound = (0..2000)
                .filter(|_| draw(&config, 40, false, 4 * SECOND, &rng) == 4 * SECOND)
                .count();
            assert!(at_bound < 5, "{jitter:?}: {at_bound}");
        }
        let only_bound = config.base(9 * SECOND).jitter(Jitter::Decorrelated);
        let rng = Rng::seeded(5);
        let mut waits: Vec<_> = (0..100)
            .map(|_| draw(&only_bound, 0, false, Duration::ZERO, &rng))
            .collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 90, "{}", waits.len());
    }

    #[test]
    fn equal_jitter_keeps_half_and_decorrelated_grows_from_the_wait_before() {
        let rng = Rng::seeded(3);
        let equal = RetryConfig::default().base(SECOND).jitter(Jitter::Equal);
        let decorrelated = equal.clone().jitter(Jitter::Decorrelated);
        for _ in 0..1000 {
            let wait = draw(&equal, 2, false, Duration::ZERO, &rng);
            assert!((2 * SECOND..=4 * SECOND).contains(&wait), "{wait:?}");
            let first = draw(&decorrelated, 0, false, Duration::ZERO, &rng);
            assert!((SECOND..=3 * SECOND).contains(&first), "{first:?}");
            let second = draw(&decorrelated, 1, false, first, &rng);
            assert!((SECOND..=first * 3).contains(&second), "{second:?}");
        }
    }
}
