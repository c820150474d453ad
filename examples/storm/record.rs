//! What was offered, what came back and what reached the upstream, in steps of a quarter second.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Steps a second.
pub(crate) const STEPS: usize = 4;
pub(crate) const STEP: Duration = Duration::from_millis(250);

#[derive(Clone, Default)]
struct Step {
    offered: u32,
    good: u32,
    received: u32,
    latencies: Vec<Duration>,
}

/// One client's run.
pub(crate) struct Record {
    started: Instant,
    steps: Mutex<Vec<Step>>,
}

/// What one client's run comes to between two seconds of it.
pub(crate) struct Span {
    pub(crate) offered: u32,
    pub(crate) good: u32,
    pub(crate) received: u32,
    latencies: Vec<Duration>,
}

impl Span {
    /// Good answers ÷ calls offered.
    pub(crate) fn goodput(&self) -> f64 {
        ratio(self.good, self.offered)
    }

    /// Requests that reached the upstream ÷ calls offered.
    pub(crate) fn amplification(&self) -> f64 {
        ratio(self.received, self.offered)
    }

    /// The latency that this many percent of the good answers kept below; `None` without any.
    pub(crate) fn latency(&self, percent: usize) -> Option<Duration> {
        self.latencies
            .get(self.latencies.len() * percent / 100)
            .copied()
    }
}

fn ratio(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        0.0
    } else {
        f64::from(part) / f64::from(whole)
    }
}

impl Record {
    pub(crate) fn new(started: Instant, seconds: usize) -> Self {
        Self {
            started,
            steps: Mutex::new(vec![Step::default(); seconds * STEPS]),
        }
    }

    fn steps(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, now: Instant, write: impl FnOnce(&mut Step)) {
        let step = (now - self.started).as_millis() / STEP.as_millis();
        let mut steps = self.steps();
        if let Some(step) = usize::try_from(step)
            .ok()
            .and_then(|step| steps.get_mut(step))
        {
            write(step);
        }
    }

    pub(crate) fn offered(&self, now: Instant) {
        self.at(now, |step| step.offered += 1);
    }

    pub(crate) fn good(&self, now: Instant, latency: Duration) {
        self.at(now, |step| {
            step.good += 1;
            step.latencies.push(latency);
        });
    }

    pub(crate) fn received(&self, now: Instant, requests: u32) {
        self.at(now, |step| step.received += requests);
    }

    /// The sum over the steps from `from` up to `to`.
    pub(crate) fn span(&self, from: usize, to: usize) -> Span {
        let steps = self.steps();
        let steps = steps.get(from..to.min(steps.len())).unwrap_or_default();
        let mut latencies: Vec<_> = steps
            .iter()
            .flat_map(|step| step.latencies.clone())
            .collect();
        latencies.sort_unstable();
        Span {
            offered: steps.iter().map(|step| step.offered).sum(),
            good: steps.iter().map(|step| step.good).sum(),
            received: steps.iter().map(|step| step.received).sum(),
            latencies,
        }
    }

    /// Seconds from step `from` until goodput stays above 90 % of what is offered for two seconds.
    pub(crate) fn recovered(&self, from: usize) -> Option<f64> {
        let last = self.steps().len();
        (from..=last.saturating_sub(2 * STEPS))
            .find(|&start| {
                let second = |start| self.span(start, start + STEPS).goodput() > 0.9;
                second(start) && second(start + STEPS)
            })
            .map(|start| (from..start).map(|_| STEP).sum::<Duration>().as_secs_f64())
    }

    /// The highest load on the upstream, as a multiple of what was offered, in any second.
    pub(crate) fn amplification_max(&self) -> f64 {
        let last = self.steps().len();
        (0..=last.saturating_sub(STEPS))
            .map(|start| self.span(start, start + STEPS).amplification())
            .fold(0.0, f64::max)
    }
}
