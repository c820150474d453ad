//! The number of a state, so that a result can be matched to the state its call was admitted in.

/// Grows by one at every change of state.
///
/// It wraps after 2^40 changes; a call would have to be in flight over exactly that many to be
/// mistaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Epoch {
    pub(super) const BITS: u32 = 40;
    const MASK: u64 = (1 << Self::BITS) - 1;

    pub(super) const FIRST: Self = Self(0);

    pub(super) const fn next(self) -> Self {
        Self::of_number(self.0.wrapping_add(1))
    }

    pub(super) const fn number(self) -> u64 {
        self.0
    }

    pub(super) const fn of_number(number: u64) -> Self {
        Self(number & Self::MASK)
    }

    /// Whether it is the later one, over the wrap.
    pub(super) const fn is_after(self, other: Self) -> bool {
        let ahead = self.0.wrapping_sub(other.0) & Self::MASK;
        ahead != 0 && ahead <= Self::MASK / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_epoch_is_later_also_over_the_wrap() {
        let last = Epoch::of_number(u64::MAX);
        for epoch in [Epoch::FIRST, last] {
            assert!(epoch.next().is_after(epoch));
            assert!(!epoch.is_after(epoch) && !epoch.is_after(epoch.next()));
        }
        assert_eq!(last.next(), Epoch::FIRST);
    }
}
