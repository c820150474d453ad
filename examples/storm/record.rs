//! What was offered, what came back and what reached the upstream, in steps of a quarter second.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// Steps a second.
pub const STEPS: usize = 4;

#[derive(Clone, Default)]
struct Step {
    offered: u64,
    good: u64,
    received: u64,
    latencies: Vec<Duration>,
}

/// One client's run.
pub struct Record {
    started: Instant,
    steps: Mutex<Vec<Step>>,
}

/// What one client's run comes to between two seconds of it.
pub struct Span {
    pub offered: u64,
    pub good: u64,
    pub received: u64,
    latencies: Vec<Duration>,
}

impl Span {
    /// Good answers ÷ calls offered.
    pub fn goodput(&self) -> f64 {
        ratio(self.good, self.offered)
    }

    /// Requests that reached the upstream ÷ calls offered.
    pub fn amplification(&self) -> f64 {
        ratio(self.received, self.offered)
    }

    /// Of the good answers; `None` without any.
    pub fn latency(&self, quantile: f64) -> Option<Duration> {
        let rank = (self.latencies.len() as f64 * quantile) as usize;
        self.latencies
            .get(rank.min(self.latencies.len().checked_sub(1)?))
            .copied()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

impl Record {
    pub fn new(started: Instant, seconds: usize) -> Self {
        Self {
            started,
            steps: Mutex::new(vec![Step::default(); seconds * STEPS]),
        }
    }

    fn at(&self, now: Instant, write: impl FnOnce(&mut Step)) {
        let step = (now - self.started).as_millis() as usize * STEPS / 1000;
        let mut steps = self
            .steps
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(step) = steps.get_mut(step) {
            write(step);
        }
    }

    pub fn offered(&self, now: Instant) {
        self.at(now, |step| step.offered += 1);
    }

    pub fn good(&self, now: Instant, latency: Duration) {
        self.at(now, |step| {
            step.good += 1;
            step.latencies.push(latency);
        });
    }

    pub fn received(&self, now: Instant, requests: u64) {
        self.at(now, |step| step.received += requests);
    }

    /// The sum over the steps from `from` up to `to`.
    pub fn span(&self, from: usize, to: usize) -> Span {
        let steps = self
            .steps
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
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
    pub fn recovered(&self, from: usize) -> Option<f64> {
        let last = self
            .steps
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .len();
        (from..=last.saturating_sub(2 * STEPS))
            .find(|&start| {
                let second = |start| self.span(start, start + STEPS).goodput() > 0.9;
                second(start) && second(start + STEPS)
            })
            .map(|start| (start - from) as f64 / STEPS as f64)
    }

    /// The highest load on the upstream, as a multiple of what was offered, in any second.
    pub fn amplification_max(&self) -> f64 {
        let last = self
            .steps
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .len();
        (0..=last.saturating_sub(STEPS))
            .map(|start| self.span(start, start + STEPS).amplification())
            .fold(0.0, f64::max)
    }
}
