//! Time that cannot overflow: every sum saturates to "never", which is `None`.

use std::time::Duration;

pub(crate) use tokio::time::Instant;

/// The present on tokio's clock, which stops and jumps with a paused test.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The instant `wait` after `from`; `None` when it lies beyond what the clock can hold: never.
pub(crate) fn after(from: Instant, wait: Duration) -> Option<Instant> {
    from.checked_add(wait)
}

/// The sooner of two instants of which either may be never.
pub(crate) fn sooner(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_never_and_never_is_later_than_anything() {
        let start = now();
        assert_eq!(after(start, Duration::MAX), None);
        assert_eq!(after(start, Duration::ZERO), Some(start));
        assert_eq!(sooner(None, Some(start)), Some(start));
        assert_eq!(sooner(None, None), None);
    }
}
