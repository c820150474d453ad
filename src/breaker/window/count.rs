//! The last calls, whenever they were.

use super::{Counts, Sample};

/// Counts over a ring of the last calls, of each of which it keeps two bits.
#[derive(Debug)]
pub(super) struct CountWindow {
    calls: u32,
    failed: Bits,
    slow: Bits,
    next: u32,
    total: Counts,
}

impl CountWindow {
    pub(super) fn new(calls: u32) -> Self {
        let calls = calls.max(1);
        Self {
            calls,
            failed: Bits::new(calls),
            slow: Bits::new(calls),
            next: 0,
            total: Counts::default(),
        }
    }

    /// How many it holds at most.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    pub(super) fn record(&mut self, sample: Sample) {
        self.succeed(1);
        // The place that was just taken.
        let place = self
            .next
            .checked_sub(1)
            .unwrap_or(self.calls.saturating_sub(1));
        if sample.failed {
            self.failed.set(place);
        }
        if sample.slow {
            self.slow.set(place);
        }
        self.total.merge(Counts {
            calls: 0,
            failures: u64::from(sample.failed),
            slow: u64::from(sample.slow),
        });
    }

    /// So many calls succeeded, none of them slow.
    pub(super) fn succeed(&mut self, calls: u32) {
        let new = calls.min(self.calls);
        // What does not fit before the end of the ring goes on at its beginning.
        let until_end = self.calls.saturating_sub(self.next);
        let before = new.min(until_end);
        let after = new.saturating_sub(before);
        self.forget(self.next, before);
        self.forget(0, after);
        self.next = if new < until_end {
            self.next.saturating_add(new)
        } else {
            after
        };
        let held = self.total.calls.saturating_add(u64::from(new));
        self.total.calls = held.min(u64::from(self.calls));
    }

    pub(super) fn counts(&self) -> Counts {
        self.total
    }

    pub(super) fn clear(&mut self) {
        self.failed.clear(0, self.calls);
        self.slow.clear(0, self.calls);
        self.next = 0;
        self.total = Counts::default();
    }

    fn forget(&mut self, from: u32, places: u32) {
        // Most windows hold no failure, and then there is nothing to look for.
        let held = self.total.failures | self.total.slow;
        if held != 0 {
            self.total.remove(Counts {
                calls: 0,
                failures: self.failed.clear(from, places),
                slow: self.slow.clear(from, places),
            });
        }
    }
}

/// A bit for each place of a ring.
#[derive(Debug)]
struct Bits(Box<[u64]>);

impl Bits {
    fn new(places: u32) -> Self {
        let words = usize::try_from(places.div_ceil(u64::BITS)).unwrap_or(usize::MAX);
        Self(vec![0; words].into())
    }

    fn set(&mut self, place: u32) {
        let (word, bit) = at(place);
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// Clears so many bits, and says how many of them were set.
    fn clear(&mut self, from: u32, places: u32) -> u64 {
        let (word, mut bit) = at(from);
        let mut left = places;
        let mut set = 0_u64;
        for word in self.0.iter_mut().skip(word) {
            let here = left.min(u64::BITS.saturating_sub(bit));
            if here == 0 {
                break;
            }
            let ones = u64::MAX >> u64::BITS.saturating_sub(here);
            let mask = ones << bit;
            set = set.saturating_add((*word & mask).count_ones().into());
            *word &= !mask;
            left = left.saturating_sub(here);
            bit = 0;
        }
        set
    }
}

/// In which word the bit of a place is, and where in it.
fn at(place: u32) -> (usize, u32) {
    let word = usize::try_from(place / u64::BITS).unwrap_or(usize::MAX);
    (word, place % u64::BITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step() -> impl Strategy<Value = (bool, bool, u32)> {
        let run = prop_oneof![3 => 0_u32..4, 1 => 0_u32..400];
        (any::<bool>(), any::<bool>(), run)
    }

    proptest! {
        #[test]
        fn the_window_counts_what_the_tail_of_a_list_counts(
            calls in prop_oneof![1_u32..40, 60_u32..70, 120_u32..300],
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut window = CountWindow::new(calls);
            let mut list = Vec::new();
            for (failed, slow, run) in steps {
                let sample = Sample { failed, slow };
                window.record(sample);
                list.push(sample);
                window.succeed(run);
                list.extend((0..run).map(|_| Sample::OK));
                let mut tail = Counts::default();
                for sample in list.iter().rev().take(calls as usize) {
                    tail.add(*sample);
                }
                prop_assert_eq!(window.counts(), tail);
            }
        }
    }

    #[test]
    fn the_window_slides() {
        for many in [9, 10, 11, 100_000, u32::MAX] {
            let mut window = CountWindow::new(10);
            window.record(Sample::FAILED);
            window.succeed(many);
            let left = u64::from(many == 9);
            assert_eq!(
                (window.counts().calls, window.counts().failures),
                (10, left)
            );
            (0..5).for_each(|_| window.record(Sample::FAILED));
            assert_eq!((window.counts().calls, window.counts().failures), (10, 5));
            window.clear();
            assert_eq!(window.counts(), Counts::default());
            window.record(Sample::OK);
            assert_eq!((window.counts().calls, window.counts().failures), (1, 0));
        }
    }

    #[test]
    fn the_largest_window_takes_two_bits_a_call() {
        let mut window = CountWindow::new(100_000);
        assert_eq!(window.failed.0.len() + window.slow.0.len(), 2 * 1563);
        (0..100_000).for_each(|_| window.record(Sample::FAILED));
        assert_eq!(window.counts().failures, 100_000);
        window.succeed(99_999);
        assert_eq!(window.counts().failures, 1);
        window.succeed(1);
        assert_eq!(window.counts().failures, 0);
    }
}
