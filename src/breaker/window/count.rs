//! The last calls, whenever they were.

use super::{Counts, Sample};

/// Counts over a ring of the last calls.
#[derive(Debug)]
pub(super) struct CountWindow {
    ring: Box<[Option<Sample>]>,
    next: usize,
    total: Counts,
}

impl CountWindow {
    pub(super) fn new(calls: u32) -> Self {
        let calls = usize::try_from(calls.max(1)).unwrap_or(usize::MAX);
        Self {
            ring: vec![None; calls].into(),
            next: 0,
            total: Counts::default(),
        }
    }

    pub(super) fn record(&mut self, sample: Sample) {
        let Some(oldest) = self.ring.get_mut(self.next) else {
            return;
        };
        if let Some(oldest) = oldest.replace(sample) {
            let mut left = Counts::default();
            left.add(oldest);
            self.total.remove(left);
        }
        self.total.add(sample);
        self.next = self.next.saturating_add(1);
        if self.next >= self.ring.len() {
            self.next = 0;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.total
    }

    pub(super) fn clear(&mut self) {
        self.ring.fill(None);
        self.next = 0;
        self.total = Counts::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_window_counts_what_the_tail_of_a_list_counts(
            calls in 1_u32..40,
            samples in proptest::collection::vec((any::<bool>(), any::<bool>()), 0..300),
        ) {
            let mut window = CountWindow::new(calls);
            let mut list = Vec::new();
            for (failed, slow) in samples {
                let sample = Sample { failed, slow };
                window.record(sample);
                list.push(sample);
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
        let mut window = CountWindow::new(10);
        (0..10_000).for_each(|_| window.record(Sample::OK));
        (0..5).for_each(|_| window.record(Sample::FAILED));
        let counts = window.counts();
        assert_eq!((counts.calls, counts.failures), (10, 5));
    }

    #[test]
    fn a_sample_takes_two_bytes() {
        assert!(size_of::<Option<Sample>>() <= 2);
    }
}
