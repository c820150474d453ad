//! The settings that every call reads, without a lock.

use crate::sync::DurationCell;

use super::BodyLimits;

/// Replaced while calls read them.
///
/// A call may get one limit from before a change and one from after, as it would have if each had been
/// changed by itself.
#[derive(Debug)]
pub(super) struct Dials {
    first: DurationCell,
    idle: DurationCell,
    total: DurationCell,
}

impl Dials {
    pub(super) fn new(limits: BodyLimits) -> Self {
        Self {
            first: DurationCell::new(limits.first),
            idle: DurationCell::new(limits.idle),
            total: DurationCell::new(limits.total),
        }
    }

    pub(super) fn set(&self, limits: BodyLimits) {
        self.first.set(limits.first);
        self.idle.set(limits.idle);
        self.total.set(limits.total);
    }

    pub(super) fn limits(&self) -> BodyLimits {
        BodyLimits {
            first: self.first.get(),
            idle: self.idle.get(),
            total: self.total.get(),
            deadline: crate::Deadline::NEVER,
        }
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::BodyTimeoutConfig;

    #[test]
    fn what_was_set_is_what_calls_get_and_the_longest_is_never() {
        let config = BodyTimeoutConfig::default();
        let limits = |first, idle, total| {
            let config = config.clone().first(first).idle(idle).total(total);
            BodyLimits::new(&config).unwrap()
        };
        let nano = Duration::from_nanos;
        let dials = Dials::new(limits(nano(1), nano(2), nano(3)));
        assert_eq!(dials.limits(), limits(nano(1), nano(2), nano(3)));
        let longest = limits(nano(u64::MAX - 1), Duration::MAX, nano(4));
        dials.set(longest);
        assert_eq!(dials.limits(), longest);
        dials.set(limits(nano(u64::MAX), nano(1), nano(1)));
        assert_eq!(dials.limits().first, Duration::MAX);
    }
}
