//! What is counted and told about one layer's calls.

use std::time::Duration;

use crate::sync::Lock;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::telemetry::{Counter, Scope, decided, event};
use crate::time::Instant;

use super::Stop;

/// The counts and events of one layer, besides those of whole calls.
#[derive(Debug)]
pub(super) struct Record {
    scope: Scope,
    attempts: Count,
    stops: [Count; Stop::ALL.len()],
    spell: Lock<DrySpell>,
}

/// What a [`RetryLayer`](super::RetryLayer) has done since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySnapshot {
    attempts: u64,
    stops: [u64; Stop::ALL.len()],
}

impl RetrySnapshot {
    /// How many attempts were sent besides the first of each call.
    pub const fn further_attempts(&self) -> u64 {
        self.attempts
    }

    /// How many calls were not tried again for this reason.
    pub fn stops(&self, why: Stop) -> u64 {
        self.stops.get(why as usize).copied().unwrap_or(0)
    }
}

/// A count that a metrics recorder sees and a snapshot can read.
#[derive(Debug)]
struct Count {
    metric: Counter,
    total: AtomicU64,
}

impl Count {
    fn new(metric: Counter) -> Self {
        Self {
            metric,
            total: AtomicU64::new(0),
        }
    }

    fn add(&self) {
        // Ordering: Relaxed suffices here and below: the count stands alone.
        self.total.fetch_add(1, Ordering::Relaxed);
        self.metric.increment(1);
    }

    fn get(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

impl Record {
    pub(super) fn new(scope: Scope) -> Self {
        let stops =
            |stop: Stop| scope.counter_by("mainstay_retry_stops_total", "reason", stop.label());
        Self {
            attempts: Count::new(scope.counter("mainstay_retry_attempts_total")),
            stops: Stop::ALL.map(|stop| Count::new(stops(stop))),
            spell: Lock::default(),
            scope,
        }
    }

    /// A further attempt is sent.
    pub(super) fn sent(&self) {
        self.attempts.add();
    }

    /// A call is not tried again.
    pub(super) fn stopped(&self, why: Stop) {
        if let Some(count) = self.stops.get(why as usize) {
            count.add();
        }
        decided(&self.scope, "not tried again", why.label());
    }

    /// The budget was asked at `now`, and `paid`.
    pub(super) fn asked(&self, paid: bool, now: Instant) {
        let change = self.spell.lock().asked(paid, now);
        match change {
            Some(Change::Dry) => {
                event(&self.scope, "the retry budget ran dry", format_args!(""));
            }
            Some(Change::Over) => {
                event(&self.scope, "the retry budget pays again", format_args!(""));
            }
            None => {}
        }
    }

    pub(super) fn snapshot(&self) -> RetrySnapshot {
        RetrySnapshot {
            attempts: self.attempts.get(),
            stops: self.stops.each_ref().map(Count::get),
        }
    }
}

/// Whether the budget has refused of late.
///
/// While more is asked of it than it has, a budget pays now and then. So a spell is over only when a
/// payment finds that nothing has been refused for a while.
#[derive(Debug, Default)]
struct DrySpell {
    last_refusal: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
enum Change {
    Dry,
    Over,
}

impl DrySpell {
    const QUIET: Duration = Duration::from_secs(10);

    fn asked(&mut self, paid: bool, now: Instant) -> Option<Change> {
        if !paid {
            let first = self.last_refusal.replace(now).is_none();
            return first.then_some(Change::Dry);
        }
        let over = now.saturating_duration_since(self.last_refusal?) >= Self::QUIET;
        if over {
            self.last_refusal = None;
        }
        over.then_some(Change::Over)
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests {
    use super::*;
    use crate::time;

    #[test]
    fn a_dry_spell_is_told_once_and_is_over_once_it_was_quiet() {
        let start = time::now();
        let mut spell = DrySpell::default();
        let mut asked = |paid, after| spell.asked(paid, start + Duration::from_millis(after));
        assert_eq!(asked(true, 0), None);
        assert_eq!(asked(false, 1), Some(Change::Dry));
        assert_eq!(asked(false, 2), None);
        assert_eq!(asked(true, 3), None);
        assert_eq!(asked(false, 4), None);
        assert_eq!(asked(true, 10_003), None);
        assert_eq!(asked(true, 10_004), Some(Change::Over));
        assert_eq!(asked(true, 10_005), None);
        assert_eq!(asked(false, 10_006), Some(Change::Dry));
    }

    #[test]
    fn every_stop_has_a_count_and_a_label_of_its_own() {
        let record = Record::new(Scope::new("retry", "test".into()));
        for (times, stop) in Stop::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| record.stopped(stop));
        }
        let snapshot = record.snapshot();
        for (times, stop) in Stop::ALL.into_iter().enumerate() {
            assert_eq!(snapshot.stops(stop), times as u64, "{stop:?}");
        }
        let mut labels = Stop::ALL.map(Stop::label).to_vec();
        labels.dedup();
        assert_eq!(labels.len(), Stop::ALL.len());
    }
}
