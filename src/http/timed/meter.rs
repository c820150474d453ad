//! What is counted of bodies.

use crate::error::Kind;
use crate::name::Name;
use crate::telemetry::{Calls, Counter, End, Gauge, Metered, Scope, Tally};

use super::policy::Limit;

/// The counters of the bodies that one layer watches.
///
/// A call is counted once, when its body is over, or when there is none.
#[derive(Debug)]
pub(crate) struct Bodies {
    calls: Calls,
    open: Gauge,
    first: Counter,
    idle: Counter,
    total: Counter,
    deadline: Counter,
}

impl Bodies {
    pub(crate) fn new(layer: &'static str, name: Name) -> Self {
        let scope = Scope::new(layer, name);
        let timeouts =
            |by: Limit| scope.counter_by("mainstay_body_timeouts_total", "limit", by.label());
        Self {
            open: scope.gauge("mainstay_bodies_open"),
            first: timeouts(Limit::First),
            idle: timeouts(Limit::Idle),
            total: timeouts(Limit::Total),
            deadline: timeouts(Limit::Deadline),
            calls: Calls::new(scope, &[Kind::Timeout, Kind::DeadlineExceeded]),
        }
    }

    pub(super) fn name(&self) -> Name {
        self.calls.scope().name()
    }

    const fn timeouts(&self, by: Limit) -> &Counter {
        match by {
            Limit::First => &self.first,
            Limit::Idle => &self.idle,
            Limit::Total => &self.total,
            Limit::Deadline => &self.deadline,
        }
    }
}

impl Metered for Bodies {
    fn calls(&self) -> &Calls {
        &self.calls
    }
}

/// A body that is counted as open until this is dropped.
#[derive(Debug)]
pub(super) struct Open {
    tally: Tally<Bodies>,
}

impl Open {
    pub(super) fn new(tally: Tally<Bodies>) -> Self {
        tally.open.increment(1.0);
        Self { tally }
    }

    pub(super) fn end(&mut self, end: End) {
        self.tally.end(end);
    }

    pub(super) fn expire(&mut self, by: Limit) {
        self.tally.timeouts(by).increment(1);
        self.tally.end(End::Rejected(by.kind()));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tally.open.decrement(1.0);
    }
}
