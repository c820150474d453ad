//! The calls of the last while, in buckets.

use std::time::Duration;

use super::{Counts, Sample};

/// Counts over the bucket that is filling and the full ones before it.
///
/// Time is in nanoseconds since an origin that all windows of a breaker share, so that their buckets
/// begin together.
#[derive(Debug)]
pub(super) struct TimeWindow {
    width: u64,
    buckets: Box<[Counts]>,
    /// The bucket that is filling, and when the next one begins.
    head: usize,
    head_ends: u64,
    total: Counts,
}

impl TimeWindow {
    pub(super) fn new(length: Duration, buckets: u8) -> Self {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        let buckets = buckets.max(1);
        let width = length.div_ceil(u64::from(buckets)).max(1);
        Self {
            width,
            buckets: vec![Counts::default(); usize::from(buckets)].into(),
            head: 0,
            head_ends: width,
            total: Counts::default(),
        }
    }

    /// Counts a call that ended at `now`; at the newest time seen, if that is later.
    pub(super) fn record(&mut self, now: u64, sample: Sample) {
        self.advance(now);
        if let Some(bucket) = self.buckets.get_mut(self.head) {
            bucket.add(sample);
            self.total.add(sample);
        }
    }

    /// Counts so many successes in the bucket that is filling.
    pub(super) fn succeed(&mut self, calls: u64) {
        let successes = Counts {
            calls,
            ..Counts::default()
        };
        if let Some(bucket) = self.buckets.get_mut(self.head) {
            bucket.merge(successes);
            self.total.merge(successes);
        }
    }

    /// When the bucket that is filling is full: what comes before belongs into it.
    pub(super) fn head_ends(&self) -> u64 {
        self.head_ends
    }

    pub(super) fn counts(&mut self, now: u64) -> Counts {
        self.advance(now);
        self.total
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill(Counts::default());
        self.total = Counts::default();
    }

    /// Drops the buckets that have left the window by `now`.
    fn advance(&mut self, now: u64) {
        // The usual call ends here, without a division.
        let Some(late) = now.checked_sub(self.head_ends) else {
            return;
        };
        let steps = late.checked_div(self.width).unwrap_or(0).saturating_add(1);
        self.head_ends = self
            .head_ends
            .saturating_add(steps.saturating_mul(self.width));
        if usize::try_from(steps).unwrap_or(usize::MAX) >= self.buckets.len() {
            self.clear();
            return;
        }
        for _ in 0..steps {
            self.head = self.head.saturating_add(1);
            if self.head >= self.buckets.len() {
                self.head = 0;
            }
            if let Some(bucket) = self.buckets.get_mut(self.head) {
                self.total.remove(std::mem::take(bucket));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Keeps every call for ever and counts the whole list each time.
    struct Naive {
        width: u64,
        buckets: u64,
        calls: VecDeque<(u64, Sample)>,
        latest: u64,
    }

    impl Naive {
        fn counts(&mut self, now: u64) -> Counts {
            self.latest = self.latest.max(now);
            let bucket = self.latest / self.width;
            let mut counts = Counts::default();
            for (at, sample) in &self.calls {
                if at / self.width + self.buckets > bucket {
                    counts.add(*sample);
                }
            }
            counts
        }

        fn record(&mut self, now: u64, sample: Sample) {
            self.latest = self.latest.max(now);
            self.calls.push_back((self.latest, sample));
        }
    }

    fn step() -> impl Strategy<Value = (u64, bool, bool)> {
        let gap = prop_oneof![
            4 => 0_u64..2_000_000,
            2 => 0_u64..20_000_000,
            1 => 0_u64..1_000_000_000_000,
        ];
        (gap, any::<bool>(), any::<bool>())
    }

    proptest! {
        #[test]
        fn the_window_counts_what_a_list_of_all_calls_counts(
            millis in 1_u64..50,
            buckets in 1_u8..=120,
            steps in proptest::collection::vec(step(), 1..300),
        ) {
            let mut window = TimeWindow::new(Duration::from_millis(millis), buckets);
            let mut naive = Naive {
                width: (millis * 1_000_000).div_ceil(u64::from(buckets)),
                buckets: u64::from(buckets),
                calls: VecDeque::new(),
                latest: 0,
            };
            let mut now = 0;
            for (gap, failed, slow) in steps {
                now += gap;
                let sample = Sample { failed, slow };
                window.record(now, sample);
                naive.record(now, sample);
                // A reader whose clock was read a little earlier sees the newest state.
                let read_at = now.saturating_sub(gap / 2);
                prop_assert_eq!(window.counts(read_at), naive.counts(read_at));
            }
            prop_assert_eq!(window.counts(u64::MAX), naive.counts(u64::MAX));
        }
    }

    #[test]
    fn a_call_leaves_with_its_bucket_and_not_before() {
        let mut window = TimeWindow::new(Duration::from_nanos(100), 10);
        window.record(5, Sample::FAILED);
        assert_eq!(window.counts(99).failures, 1);
        assert_eq!(window.counts(100).failures, 0);
    }

    #[test]
    fn the_longest_window_never_forgets() {
        let mut window = TimeWindow::new(Duration::MAX, 10);
        window.record(0, Sample::FAILED);
        assert_eq!(window.counts(u64::MAX / 2).failures, 1);
        window.record(u64::MAX, Sample::FAILED);
        assert!(window.counts(u64::MAX).failures >= 1);
    }
}
