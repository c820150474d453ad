//! What a layer of this crate may cost at most, compared to another's.

use crate::cases::OURS;
use crate::driver::Times;
use crate::measure::Sample;

/// The figures of two cases side by side.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    pub row: &'static str,
    /// Of the same row, or the whole name of a case. Of several, the best.
    pub theirs: &'static [&'static str],
    pub most: f64,
    pub threads: u8,
    /// What both of them do besides, which is taken off.
    pub floor: Option<&'static str>,
}

const fn goal(row: &'static str, theirs: &'static [&'static str], most: f64) -> Goal {
    Goal {
        row,
        theirs,
        most,
        threads: 1,
        floor: None,
    }
}

impl Goal {
    const fn on_two_threads(self) -> Self {
        Self { threads: 2, ..self }
    }

    const fn over(self, floor: &'static str) -> Self {
        Self {
            floor: Some(floor),
            ..self
        }
    }
}

pub const GOALS: &[Goal] = &[
    goal("timeout", &["tower"], 0.65),
    goal("timeout", &["tower-resilience"], 0.25),
    goal("timeout", &["seatbelt-layered"], 0.50),
    goal("timeout-pends", &["tower"], 0.70),
    goal("timeout-pends", &["tower"], 0.65).on_two_threads(),
    goal("retry", &["tower"], 0.30),
    goal("retry", &["tower-resilience"], 0.15),
    goal("breaker-calls", &["recloser"], 0.60),
    goal("breaker-calls", &["tower-resilience"], 0.12),
    goal("breaker-row", &["breaker-calls/recloser"], 0.60),
    goal("breaker-row", &["tower-resilience"], 0.12),
    goal("breaker-time", &["failsafe"], 0.47),
    goal(
        "breaker-time",
        &["failsafe", "seatbelt", "seatbelt-layered"],
        0.25,
    )
    .on_two_threads(),
    goal("breaker-open", &["recloser"], 0.55),
    goal("bulkhead", &["tower"], 0.70),
    goal("bulkhead", &["tower-resilience"], 0.15),
    goal("bulkhead", &["tower"], 0.50).on_two_threads(),
    goal("idempotency-hit", &["tower-resilience"], 0.52),
    goal("idempotency-miss", &["tower-resilience"], 0.85),
    goal("store-hit", &["moka"], 0.40),
    goal("store-miss", &["moka"], 0.22),
    goal("trace", &["opentelemetry-values"], 0.11).over("floor/http-call"),
    goal("stack4", &["best-of-peers"], 0.70),
    goal("stack4", &["tower-resilience"], 0.14),
    goal("stack5", &["best-of-peers"], 0.38).over("floor/http-call"),
    goal("stack5", &["tower-resilience"], 0.21).over("floor/http-call"),
];

/// The most that two threads may take of what one does, where clones must not fight over a line.
pub const FLAT: (&str, f64) = ("breaker-time", 1.3);

/// The rows whose calls allocate nothing, and those that allocate so often beyond their floor.
pub const ALLOCATIONS: &[(&str, Option<&str>, f64)] = &[
    ("timeout", None, 0.0),
    ("timeout-pends", None, 0.0),
    ("retry", None, 0.0),
    ("breaker-calls", None, 0.0),
    ("breaker-row", None, 0.0),
    ("breaker-time", None, 0.0),
    ("breaker-open", None, 0.0),
    ("bulkhead", None, 0.0),
    ("stack4", None, 0.0),
    ("trace", Some("floor/http-call"), 1.0),
];

/// The bytes of a call's future.
pub const FUTURE: (&str, f64) = ("stack4", 256.0);

/// Crates in the tree: of one layer, and of the default features.
pub const CRATES: [(&str, u32); 2] = [
    ("mainstay, one layer (timeout)", 16),
    ("mainstay, default", 35),
];

impl Goal {
    pub fn name(&self) -> String {
        let threads = if self.threads == 2 { ", 2 threads" } else { "" };
        let over = if self.floor.is_some() {
            ", over the floor"
        } else {
            ""
        };
        format!("{} / {}{threads}{over}", self.row, self.theirs.join(" or "))
    }

    fn figure(self) -> fn(&Sample) -> f64 {
        if self.threads == 2 {
            |sample| sample.median_of_two
        } else {
            |sample| sample.median
        }
    }

    /// The ratio of each of this crate's cases to the best of theirs.
    pub fn ratios(&self, times: &Times) -> Option<[f64; 4]> {
        let figure = self.figure();
        let named = |name: &str| match name.contains('/') {
            true => name.to_owned(),
            false => format!("{}/{name}", self.row),
        };
        let theirs = self.theirs.iter().map(|name| named(name));
        let theirs = theirs.min_by(|one, other| {
            let of = |name: &str| times.median(name, figure).unwrap_or(f64::INFINITY);
            of(one).total_cmp(&of(other))
        })?;
        let mut ratios = [0.0; 4];
        for (ratio, ours) in ratios.iter_mut().zip(OURS) {
            *ratio = times.ratio(&named(ours), &theirs, self.floor, figure)?;
        }
        Some(ratios)
    }
}
