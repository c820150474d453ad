//! What one call holds: its place while it waits, its permit while it runs.

use std::task::{Context, Poll};

use crate::coordination::gate::Entering;
use crate::coordination::{GateError, Permit};
use crate::error::Rejection;
use crate::telemetry::Tally;
use crate::time::{self, Instant};

use super::layer::Shared;

/// A call that is inside, with a permit or, where that is allowed, without.
#[derive(Debug)]
pub(super) struct Inside {
    permit: Option<Permit>,
    pub(super) tally: Tally<Shared>,
}

impl Inside {
    pub(super) fn new(permit: Permit, tally: Tally<Shared>) -> Self {
        tally.in_flight.increment(1.0);
        Self {
            permit: Some(permit),
            tally,
        }
    }

    pub(super) fn unfenced(tally: Tally<Shared>) -> Self {
        tally.unfenced.increment(1);
        let permit = None;
        Self { permit, tally }
    }

    pub(super) const fn permit(&self) -> Option<&Permit> {
        self.permit.as_ref()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if self.permit.is_some() {
            self.tally.in_flight.decrement(1.0);
        }
    }
}

/// A call that waits until its term is recorded and what is older is out; dropped, it has left.
#[derive(Debug)]
pub(super) struct Outside {
    entering: Entering,
    since: Instant,
    tally: Tally<Shared>,
}

impl Outside {
    pub(super) fn new(entering: Entering, tally: Tally<Shared>) -> Self {
        tally.waiting.increment(1.0);
        Self {
            entering,
            since: time::now(),
            tally,
        }
    }

    /// What it holds of the gate, and with it the call's count.
    pub(super) fn poll_in(&mut self, cx: &Context<'_>) -> Poll<Result<Inside, Rejection>> {
        self.entering.poll(cx).map(|entered| {
            let waited = time::now().saturating_duration_since(self.since);
            self.tally.waited.record(waited);
            match entered {
                Ok(permit) => Ok(Inside::new(permit, self.tally.hand_on())),
                Err(error) => Err(refuse(&mut self.tally, error)),
            }
        })
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.tally.waiting.decrement(1.0);
    }
}

/// Counts a refusal and makes it.
pub(super) fn refuse(tally: &mut Tally<Shared>, error: GateError) -> Rejection {
    if let GateError::Stale(stale) = &error {
        tally.say(*stale);
    }
    let refusal = error.rejection(tally.name());
    tally.end(crate::telemetry::End::Rejected(refusal.kind()));
    refusal
}
