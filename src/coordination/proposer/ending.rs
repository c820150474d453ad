//! How what is held and what is attempted comes to an end; the numbers are those of `state`'s invariants.

use std::time::Duration;

use crate::coordination::rules::Rule;
use crate::coordination::timing::{nth, share};
use crate::coordination::{Message, Moment, Release};

use super::attempt::{Asks, Attempt};
use super::event::{Abandoned, Event, Step};
use super::state::Proposer;

impl Proposer {
    /// I1: what is held ends with time.
    pub(super) fn lapse(&mut self, now: Moment) {
        self.held = self.held.filter(|held| now < held.ends);
    }

    /// Until when an attempt may succeed.
    pub(super) fn limit(&self, attempt: &Attempt) -> Moment {
        match self.held {
            Some(held) => held.usable_until(&self.timing).min(attempt.ends),
            None => attempt.ends,
        }
    }

    /// I1, I3: why an attempt cannot succeed any more at `now`, unless it can.
    pub(super) fn outlasted(&self, attempt: &Attempt, now: Moment) -> Option<Abandoned> {
        let is_usable = self
            .held
            .is_some_and(|held| now < held.usable_until(&self.timing));
        if attempt.base.is_some() && !is_usable {
            return Some(Abandoned::Expiring);
        }
        let is_late_timer =
            !self.rules.keeps(Rule::EarlyDeadline) && matches!(attempt.asks, Asks::Prepare { .. });
        (now >= attempt.ends && !is_late_timer).then_some(Abandoned::TimedOut)
    }

    pub(super) fn abandon(&mut self, why: Abandoned, jitter: u64) -> Step {
        let attempt = self.attempt.take();
        if let Some(Asks::Prepare { high }) = attempt.map(|attempt| attempt.asks) {
            self.floor = self.floor.max(high);
        }
        self.failures = match why {
            // Whoever holds it has won. What others failed for before is over.
            Abandoned::Taken { .. } => 1,
            _ => self.failures.saturating_add(1),
        };
        // The hint is a stranger's: never waited for longer than any lease can last.
        let taken = attempt.and_then(|attempt| attempt.taken);
        let taken = taken.map_or(Duration::ZERO, |live| {
            live.remaining.min(self.timing.held())
        });
        let retry = taken.saturating_add(share(self.backoff(), jitter));
        // I5: what some have granted is of no use; while a lease is held, theirs may be what protects it.
        let granted = attempt
            .filter(|attempt| self.held.is_none() && matches!(attempt.asks, Asks::Accept { .. }));
        Step {
            send: granted.map(|Attempt { ballot, .. }| Message::Release(Release { ballot })),
            event: Some(Event::Abandoned { why, retry }),
        }
    }

    /// The longest wait after so many failures: full jitter draws below it.
    fn backoff(&self) -> Duration {
        let doublings = self.failures.min(5);
        let longest = nth(self.timing.ttl(), 20).saturating_mul(1 << doublings);
        longest.min(nth(self.timing.ttl(), 2))
    }
}
