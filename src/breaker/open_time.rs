//! How long a circuit stays open.

use std::time::Duration;

use super::config::BreakerConfig;

/// `base · 2^failed`, at most the cap, less a uniform part of up to `jitter` of it.
pub(super) fn back_off(config: &BreakerConfig, failed: u32, draw: u64) -> Duration {
    let cap = config.open_max;
    let doubled = 1_u128
        .checked_shl(failed)
        .and_then(|factor| config.open_base.as_nanos().checked_mul(factor))
        .map_or(cap.as_nanos(), |full| full.min(cap.as_nanos()));
    let Ok(full) = u64::try_from(doubled) else {
        return cap;
    };
    let span = u128::from(config.jitter.of(full));
    let cut = span.saturating_mul(u128::from(draw)) >> u64::BITS;
    Duration::from_nanos(full.saturating_sub(u64::try_from(cut).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Ratio;

    const SECOND: Duration = Duration::from_secs(1);

    fn config(base: Duration, cap: Duration, jitter: Ratio) -> BreakerConfig {
        BreakerConfig::default()
            .open_base(base)
            .open_max(cap)
            .jitter(jitter)
    }

    #[test]
    fn it_doubles_up_to_the_cap_and_saturates_for_any_count_b3() {
        let config = config(5 * SECOND, 300 * SECOND, Ratio::ZERO);
        let times = [0, 1, 5, 6, 7, 63, 64, 127, 128, u32::MAX];
        let seconds = times.map(|failed| back_off(&config, failed, u64::MAX).as_secs());
        assert_eq!(seconds, [5, 10, 160, 300, 300, 300, 300, 300, 300, 300]);
    }

    #[test]
    fn the_longest_times_are_never_b3() {
        let base = config(Duration::MAX, Duration::MAX, Ratio::ONE);
        assert_eq!(back_off(&base, 0, u64::MAX), Duration::MAX);
        let grown = config(SECOND, Duration::MAX, Ratio::ONE);
        assert_eq!(back_off(&grown, u32::MAX, u64::MAX), Duration::MAX);
    }

    #[test]
    fn the_smallest_time_is_not_lost() {
        let nano = Duration::from_nanos(1);
        let config = config(nano, nano, Ratio::hundredths(10));
        assert_eq!(back_off(&config, 0, u64::MAX), nano);
    }

    #[test]
    fn the_jitter_is_uniform_over_its_whole_range() {
        let config = config(SECOND, SECOND, Ratio::hundredths(50));
        let mut parts = [0_u32; 10];
        let draws = 10_000_u64;
        for n in 0..draws {
            let time = back_off(&config, 0, n * (u64::MAX / draws));
            let part = (time.as_nanos() - 500_000_000) * 10 / 500_000_000;
            parts[usize::try_from(part).unwrap().min(9)] += 1;
        }
        assert!(parts.iter().all(|n| (990..=1010).contains(n)), "{parts:?}");
    }

    proptest! {
        #[test]
        fn it_lies_between_the_jittered_and_the_full_time_b3(
            base in 1_u64..u64::MAX,
            more in 0_u64..u64::MAX,
            percent in 0_u8..=100,
            failed: u32,
            draw: u64,
        ) {
            let base = Duration::from_nanos(base);
            let cap = base.saturating_add(Duration::from_nanos(more));
            let jitter = Ratio::percent(percent).unwrap();
            let full = back_off(&config(base, cap, Ratio::ZERO), failed, draw);
            let time = back_off(&config(base, cap, jitter), failed, draw);
            prop_assert!(time <= full && full <= cap && full >= base);
            let floor = u128::from(100 - percent) * full.as_nanos() / 100;
            prop_assert!(time.as_nanos() >= floor);
        }
    }
}
