//! The settings that every call reads, without a lock.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

use super::BodyLimits;

/// Replaced while calls read them.
///
/// A call may get one limit from before a change and one from after, as it would have if each had been
/// changed by itself.
#[derive(Debug)]
pub(super) struct Dials {
    first: AtomicU64,
    idle: AtomicU64,
    total: AtomicU64,
}

// Ordering: Relaxed suffices throughout: each value stands alone and orders nothing else.
impl Dials {
    pub(super) fn new(limits: BodyLimits) -> Self {
        let nanos = |limit| AtomicU64::new(nanos(limit));
        Self {
            first: nanos(limits.first),
            idle: nanos(limits.idle),
            total: nanos(limits.total),
        }
    }

    pub(super) fn set(&self, limits: BodyLimits) {
        self.first.store(nanos(limits.first), Ordering::Relaxed);
        self.idle.store(nanos(limits.idle), Ordering::Relaxed);
        self.total.store(nanos(limits.total), Ordering::Relaxed);
    }

    pub(super) fn limits(&self) -> BodyLimits {
        let limit = |nanos: &AtomicU64| match nanos.load(Ordering::Relaxed) {
            u64::MAX => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        };
        BodyLimits {
            first: limit(&self.first),
            idle: limit(&self.idle),
            total: limit(&self.total),
            deadline: crate::Deadline::NEVER,
        }
    }
}

/// Past 584 years (`u64::MAX` nanoseconds) a limit is never.
fn nanos(limit: Duration) -> u64 {
    u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
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
