//! What the next token must be above.

use crate::coordination::FencingToken;
use crate::sync::Lock;

/// The highest token that a resource has told of.
#[derive(Debug, Default)]
pub(super) struct Floor(Lock<Option<FencingToken>>);

impl Floor {
    pub(super) fn raise(&self, high: FencingToken) {
        let mut floor = self.0.lock();
        *floor = (*floor).max(Some(high));
    }

    pub(super) fn get(&self) -> Option<FencingToken> {
        *self.0.lock()
    }

    /// Forgets a floor above which there is nothing; whether it was one. Whoever sent it may have lied,
    /// and would else have ended all terms of this process.
    pub(super) fn forget_the_last(&self) -> bool {
        let mut floor = self.0.lock();
        let is_last = floor.is_some_and(|floor| floor.next().is_none());
        if is_last {
            *floor = None;
        }
        is_last
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_only_rises_and_the_last_of_all_is_not_kept() {
        let token = |number| FencingToken::from_number(number).unwrap();
        let floor = Floor::default();
        assert!(!floor.forget_the_last());
        floor.raise(token(7));
        floor.raise(token(3));
        assert_eq!(floor.get(), Some(token(7)));
        floor.raise(token(u64::MAX - 1));
        assert!(!floor.forget_the_last());
        floor.raise(token(u64::MAX));
        assert!(floor.forget_the_last());
        assert_eq!(floor.get(), None);
    }
}
