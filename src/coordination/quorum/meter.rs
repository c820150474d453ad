//! What is counted of a quorum.

use crate::telemetry::{Counter, Scope};

#[derive(Debug)]
pub(super) struct Meter {
    elected: Counter,
    renewed: Counter,
    taken: Counter,
    failed: Counter,
    cancelled: Counter,
    pub(super) errors: Counter,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Elected,
    Renewed,
    Taken,
    Failed,
    Cancelled,
}

impl Meter {
    pub(super) fn new(scope: &Scope) -> Self {
        let by = |outcome| scope.counter_by("mainstay_lease_attempts_total", "outcome", outcome);
        Self {
            elected: by("elected"),
            renewed: by("renewed"),
            taken: by("taken"),
            failed: by("failed"),
            cancelled: by("cancelled"),
            errors: scope.counter("mainstay_lease_transport_errors_total"),
        }
    }

    /// Counts one attempt when it ends.
    pub(super) const fn begin(&self) -> Running<'_> {
        Running {
            meter: self,
            end: End::Cancelled,
        }
    }
}

/// An attempt under way; dropped before it has ended, it was cancelled.
#[derive(Debug)]
pub(super) struct Running<'a> {
    meter: &'a Meter,
    end: End,
}

impl Running<'_> {
    pub(super) fn end(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let counter = match self.end {
            End::Elected => &self.meter.elected,
            End::Renewed => &self.meter.renewed,
            End::Taken => &self.meter.taken,
            End::Failed => &self.meter.failed,
            End::Cancelled => &self.meter.cancelled,
        };
        counter.increment(1);
    }
}
