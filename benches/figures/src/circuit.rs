//! A breaker in front of a dependency that dies, limps and returns.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use mainstay::breaker::{BreakerConfig, BreakerLayer};
use tower::Layer as _;

use crate::chart::{self, Panel, Series};
use crate::outage::{self, Calls, DIES, Fault, HANGS, LIMPS, REFUSES, RETURNS, Record, SECONDS};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 20;

const FAULTS: [(&str, Fault); 2] = [("refuses", REFUSES), ("hangs", HANGS)];

const MEASURES: [&str; 7] = [
    "time_to_open_s",
    "requests_while_dead",
    "probes",
    "openings_while_limping",
    "answered_while_limping_percent",
    "last_refusal_after_return_s",
    "openings_while_healthy",
];

fn ways() -> [(&'static str, Option<BreakerConfig>); 5] {
    let default = BreakerConfig::default;
    let in_a_row = default()
        .failure_ratio(None)
        .consecutive_failures(NonZeroU32::new(5));
    [
        ("no breaker", None),
        (
            "default: 50 % of 10 s and at least 20 calls",
            Some(default()),
        ),
        (
            "default; open for 5 s each time",
            Some(default().open_max(Duration::from_secs(5))),
        ),
        (
            "default; ramp of 10 s",
            Some(default().ramp(Duration::from_secs(10))),
        ),
        ("5 failures in a row", Some(in_a_row)),
    ]
}

fn measures(run: &Record) -> [f64; 7] {
    let opens = run.openings.iter().find(|at| **at >= DIES);
    [
        opens.map_or(f64::NAN, |at| at - DIES),
        run.sent_in(DIES, LIMPS),
        run.probes,
        run.opened_in(LIMPS, RETURNS),
        run.answered_in(LIMPS, RETURNS),
        (run.last_refusal() - RETURNS).max(0.0),
        run.opened_in(0.0, DIES) + run.opened_in(RETURNS, f64::MAX),
    ]
}

/// Through this crate's breaker.
pub async fn trace(config: Option<BreakerConfig>, fault: Fault, seed: u64) -> Record {
    let Some(config) = config else {
        return outage::trace(fault, seed, None, |inner| inner).await;
    };
    let layer = BreakerLayer::new("dependency", config).expect("the settings are in range");
    let layer = layer.rng(sim::rng(seed, 3));
    let guard = |inner| Calls::new(layer.layer(inner));
    outage::trace(fault, seed, Some(layer.handle()), guard).await
}

pub fn draw(folder: &Path) -> Done {
    let mut summary = Table::new("death", SEEDS);
    let mut course = Table::new("second", SEEDS);
    let mut panels = Vec::new();
    for (index, (what, fault)) in (0_u32..).zip(FAULTS) {
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for (name, config) in ways() {
            let runs = sim::each(SEEDS, move |seed| trace(config.clone(), fault, seed));
            for (place, measure) in MEASURES.into_iter().enumerate() {
                let stat = Stat::of(runs.iter().map(|run| measures(run)[place]));
                let series = format!("{name}; {what}");
                summary.row(&series, f64::from(index), measure, stat);
            }
            let seconds = |of: fn(&Record) -> &Vec<f64>| -> Vec<_> {
                (0..SECONDS - 1)
                    .map(|at| {
                        (
                            at as f64 + 0.5,
                            Stat::of(runs.iter().map(|run| of(run)[at])),
                        )
                    })
                    .collect()
            };
            let (requests, answers) = (seconds(|run| &run.sent), seconds(|run| &run.answered));
            for (at, stat) in &requests {
                course.row(&format!("{name}; {what}"), *at, "requests_per_s", *stat);
            }
            for (at, stat) in &answers {
                course.row(&format!("{name}; {what}"), *at, "answers_per_s", *stat);
            }
            sent.push(Series::new(name, requests));
            answered.push(Series::new(name, answers));
        }
        if index == 0 {
            panels.push(panel(
                "Load on a dependency that refuses",
                "requests sent (1/s)",
                sent,
            ));
            panels.push(panel(
                "What its callers get",
                "calls answered (1/s)",
                answered,
            ));
        }
    }
    summary.write(folder, "breaker")?;
    course.write(folder, "breaker-course")?;
    chart::write(folder, "breaker", &panels)
}

fn panel(title: &'static str, y: &'static str, series: Vec<Series>) -> Panel {
    Panel {
        title,
        x: "time (s); dead from 20, limping from 50, well from 80",
        y,
        y_range: 0.0..260.0,
        logarithmic: false,
        x_logarithmic: false,
        dots: false,
        series,
        bands: false,
        shaded: vec![DIES..LIMPS],
    }
}
