//! Calls, counted by how they ended.

/// One call, as the window sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::breaker) struct Sample {
    pub(in crate::breaker) failed: bool,
    pub(in crate::breaker) slow: bool,
}

#[cfg(test)]
impl Sample {
    pub(in crate::breaker) const OK: Self = Self {
        failed: false,
        slow: false,
    };
    pub(in crate::breaker) const FAILED: Self = Self {
        failed: true,
        slow: false,
    };
}

/// How many calls a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::breaker) struct Counts {
    pub(in crate::breaker) calls: u64,
    pub(in crate::breaker) failures: u64,
    pub(in crate::breaker) slow: u64,
}

impl Counts {
    pub(super) fn add(&mut self, sample: Sample) {
        self.merge(Self {
            calls: 1,
            failures: u64::from(sample.failed),
            slow: u64::from(sample.slow),
        });
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failures = self.failures.saturating_add(other.failures);
        self.slow = self.slow.saturating_add(other.slow);
    }

    pub(super) fn remove(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failures = self.failures.saturating_sub(other.failures);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}
