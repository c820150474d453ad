//! The settings of a leader's layer.

use std::time::Duration;

use crate::coordination::Timing;
use crate::error::ConfigError;

/// Which calls a leader takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct LeaderConfig {
    pub(super) min_remaining: Duration,
}

impl LeaderConfig {
    /// A call is refused when less than this is left until the leader would have to stop if its lease were
    /// not renewed; below the ttl less the margin. Default zero: whatever can begin begins.
    ///
    /// A lease is first renewed when a third of it has gone by. So above two thirds of the ttl, less the margin
    /// and what a renewal takes, calls are refused while nothing is wrong.
    pub const fn min_remaining(mut self, left: Duration) -> Self {
        self.min_remaining = left;
        self
    }

    pub(super) fn validate(&self, timing: &Timing) -> Result<(), ConfigError> {
        if self.min_remaining >= timing.ttl().saturating_sub(timing.margin()) {
            let allowed = "below the ttl less the margin";
            return Err(ConfigError::duration(
                "min_remaining",
                self.min_remaining,
                allowed,
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::TimingConfig;

    #[test]
    fn what_no_lease_ever_has_left_is_refused_and_one_nanosecond_less_is_not() {
        let ms = Duration::from_millis;
        let timing = TimingConfig::default().ttl(ms(1000)).margin(ms(100));
        let timing = Timing::new(timing).unwrap();
        let check = |left| {
            LeaderConfig::default()
                .min_remaining(left)
                .validate(&timing)
        };
        for left in [Duration::ZERO, ms(1), Duration::from_nanos(899_999_999)] {
            assert_eq!(check(left), Ok(()), "{left:?}");
        }
        for left in [ms(900), ms(901), Duration::MAX] {
            assert_eq!(check(left).unwrap_err().field(), "min_remaining");
        }
        let said = check(ms(900)).unwrap_err().to_string();
        assert_eq!(
            said,
            "min_remaining is 900ms, but must be below the ttl less the margin"
        );
    }
}
