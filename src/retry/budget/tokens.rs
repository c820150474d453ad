//! A count that is never below zero nor above its bound.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Tokens that many threads take and put back.
///
/// # Invariants
/// - T1: there are never fewer than none, and never more than `most`.
/// - T2: what is taken was there: two takers never get the same token.
// Ordering: Relaxed suffices throughout: each step is one read-modify-write of the only word there
// is, and a token guards nothing but itself.
#[derive(Debug)]
pub(super) struct Tokens {
    left: AtomicU64,
    most: u64,
}

impl Tokens {
    /// As many as there can be.
    pub(super) fn full(most: u64) -> Self {
        Self {
            left: AtomicU64::new(most),
            most,
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes `count`, or none when there are fewer.
    #[must_use]
    pub(super) fn take(&self, count: u64) -> bool {
        self.update(|left| left.checked_sub(count))
    }

    /// Takes `count`, or as many as there are.
    pub(super) fn drain(&self, count: u64) {
        self.update(|left| (left > 0).then(|| left.saturating_sub(count)));
    }

    /// Puts `count` in, or as many as there is room for.
    pub(super) fn put(&self, count: u64) {
        self.update(|left| (left < self.most).then(|| left.saturating_add(count).min(self.most)));
    }

    /// `next` gives `None` where nothing changes, so that a full bucket is only read.
    fn update(&self, next: impl FnMut(u64) -> Option<u64>) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_between_none_and_the_most_t1() {
        let tokens = Tokens::full(10);
        tokens.put(u64::MAX);
        assert_eq!(tokens.left(), 10);
        assert!(!tokens.take(11));
        assert!(tokens.take(10) && tokens.take(0) && !tokens.take(1));
        tokens.put(3);
        tokens.drain(u64::MAX);
        assert_eq!(tokens.left(), 0);
        tokens.put(u64::MAX);
        assert_eq!(tokens.left(), 10);
    }
}
