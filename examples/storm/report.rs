//! What is shown: a line a second, a table at the end, one JSON object.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::breaker::{BreakerHandle, State, StateWatch};
use tokio::time::Instant;

use crate::PHASES;
use crate::record::{Record, STEPS};

type Transitions = Arc<Mutex<Vec<(f64, State)>>>;

/// Collects the breaker's changes of state, in seconds since `started`.
pub(crate) fn transitions(mut states: StateWatch, started: Instant) -> Transitions {
    let seen = Transitions::default();
    let writer = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Some(state) = states.changed().await {
            let change = (started.elapsed().as_secs_f64(), state);
            writer
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(change);
        }
    });
    seen
}

pub(crate) struct Report {
    naive: Arc<Record>,
    mainstay: Arc<Record>,
}

impl Report {
    pub(crate) fn new([naive, mainstay]: [Arc<Record>; 2]) -> Self {
        Self { naive, mainstay }
    }

    fn clients(&self) -> [(&'static str, &Record); 2] {
        [("naive", &self.naive), ("mainstay", &self.mainstay)]
    }

    /// The second that has just ended.
    pub(crate) fn progress(&self, phase: &str, second: u32, breaker: &BreakerHandle) {
        let shown = self.clients().map(|(client, record)| {
            let end = second as usize * STEPS;
            let span = record.span(end - STEPS, end);
            let tenths = span.good * 10 / span.offered.max(1);
            let bar: String = (0..tenths.min(12)).map(|_| '#').collect();
            format!(
                "{client:>8} {:>4} ok/s {bar:<12} load x{:<4.2}",
                span.good,
                span.amplification()
            )
        });
        println!(
            "{second:>3} s  {phase:<10} | {} | {} {:?}",
            shown[0],
            shown[1],
            breaker.state()
        );
    }

    pub(crate) fn table(&self, transitions: &Transitions) {
        println!(
            "\n{:<11} {:<9} {:>8} {:>9} {:>9} {:>7}",
            "phase", "client", "goodput", "p50", "p99", "load"
        );
        let mut from = 0;
        for (phase, _, seconds) in PHASES {
            let to = from + seconds * STEPS;
            for (client, record) in self.clients() {
                let span = record.span(from, to);
                let below = |percent| span.latency(percent).map_or("-".into(), millis);
                println!(
                    "{phase:<11} {client:<9} {:>7.1}% {:>9} {:>9} {:>6.2}x",
                    span.goodput() * 100.0,
                    below(50),
                    below(99),
                    span.amplification(),
                );
            }
            from = to;
        }
        println!(
            "goodput: good answers that came in the phase, of the calls offered in it; p50 and p99 are \
             theirs\nload: requests at the upstream, of the calls offered"
        );
        println!("\nbreaker:");
        for (at, state) in transitions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .iter()
        {
            println!("  {at:>6.2} s  {state:?}");
        }
        println!();
        for (client, record) in self.clients() {
            match record.recovered(stall_end()) {
                Some(seconds) => {
                    println!("{client:>8}: recovered {seconds:.2} s after the stall ended");
                }
                None => println!("{client:>8}: did not recover within the run"),
            }
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let of = |record: &Record| {
            let end: usize = PHASES.iter().map(|(_, _, seconds)| seconds * STEPS).sum();
            serde_json::json!({
                "recovered_s": record.recovered(stall_end()),
                "goodput_end_ratio": record.span(end - 5 * STEPS, end).goodput(),
                "amplification_max": record.amplification_max(),
            })
        };
        serde_json::json!({ "naive": of(&self.naive), "mainstay": of(&self.mainstay) })
    }
}

/// The step at which the stall ends: the last phase is what comes after it.
fn stall_end() -> usize {
    PHASES
        .iter()
        .rev()
        .skip(1)
        .map(|(_, _, seconds)| seconds * STEPS)
        .sum()
}

fn millis(latency: Duration) -> String {
    format!("{:.1} ms", latency.as_secs_f64() * 1000.0)
}
