//! Which of a budget and of dropping expired work it takes to recover, by the number of retries and by what
//! dropping costs.

use std::path::Path;

use crate::chart::{self, Panel, Series};
use crate::metastable::{OFFERED, STALL, Way, storm, way};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 5;
const NEITHER: &str = "neither";
const BUDGET: &str = "budget";
const DROPS: &str = "expired work is dropped";
const BOTH: &str = "both";
/// Budget, dropping.
const WAYS: [(&str, bool, bool); 4] = [
    (NEITHER, false, false),
    (BUDGET, true, false),
    (DROPS, false, true),
    (BOTH, true, true),
];
const RETRIES: std::ops::RangeInclusive<u32> = 1..=5;
const DROPPING: [f64; 7] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5];
/// The same number of seconds after the stall, and the last ones.
const SOON: (usize, usize) = (80, 100);
const LATE: (usize, usize) = (150, 190);

type Run = [Vec<f64>; 2];

fn answered(run: &Run, (from, to): (usize, usize)) -> f64 {
    let calls = &run[1][from..to];
    calls.iter().sum::<f64>() / calls.len() as f64
}

/// How long after the stall the first ten seconds begin in which nine calls of ten are answered.
fn recovery(run: &Run) -> f64 {
    let end = STALL.1 as usize;
    let enough = 0.9 * f64::from(OFFERED);
    let mut stretches = run[1][end..].windows(10);
    let first = stretches.position(|calls| calls.iter().sum::<f64>() >= 10.0 * enough);
    first.map_or(f64::NAN, |seconds| seconds as f64)
}

fn told(table: &mut Table, series: &str, x: f64, runs: &[Run]) -> [Option<Stat>; 2] {
    let [soon, late] =
        [SOON, LATE].map(|stretch| Stat::of(runs.iter().map(|run| answered(run, stretch))));
    table.row(series, x, "answers_per_s_from_80_s", soon);
    table.row(series, x, "answers_per_s_from_150_s", late);
    let took = Stat::of(runs.iter().map(recovery));
    table.row(series, x, "recovers_after_s", took);
    let recovered = runs.iter().filter(|run| recovery(run).is_finite()).count();
    table.row(series, x, "runs_that_recover", Stat::of([recovered as f64]));
    [soon, late]
}

fn low(stat: Option<Stat>) -> f64 {
    stat.map_or(f64::NAN, |stat| stat.low)
}

fn high(stat: Option<Stat>) -> f64 {
    stat.map_or(f64::NAN, |stat| stat.high)
}

pub fn draw(folder: &Path) -> Done {
    let well = 0.9 * f64::from(OFFERED);
    let mut by_retries = Table::new("retries", SEEDS);
    let mut panels = [Vec::new(), Vec::new()];
    for (name, budget, drops) in WAYS {
        let mut points = [Vec::new(), Vec::new()];
        for retries in RETRIES {
            let runs = sim::each(SEEDS, move |seed| {
                storm(way(name, retries, budget, drops), seed)
            });
            let [soon, late] = told(&mut by_retries, name, f64::from(retries), &runs);
            match name {
                NEITHER => assert!(high(late) == 0.0, "{retries}: {late:?}"),
                BUDGET => assert!(high(soon) == 0.0, "{retries}: {soon:?}"),
                DROPS if retries > 1 => assert!(high(late) < 0.6 * well, "{retries}: {late:?}"),
                _ => assert!(low(soon) > well, "{name} {retries}: {soon:?}"),
            }
            points[0].push((f64::from(retries), soon));
            points[1].push((f64::from(retries), late));
        }
        for (panel, points) in panels.iter_mut().zip(points) {
            panel.push(Series::new(name, points));
        }
    }
    by_retries.write(folder, "recovery-retries")?;
    let mut by_dropping = Table::new("dropping_percent_of_work", SEEDS);
    let mut series = Vec::new();
    for (name, budget, retries) in [
        ("1 retry; expired work is dropped", false, 1),
        ("3 retries; both", true, 3),
    ] {
        let mut points = Vec::new();
        for dropping in DROPPING {
            let way = Way {
                dropping,
                ..way(name, retries, budget, true)
            };
            let runs = sim::each(SEEDS, move |seed| storm(way, seed));
            let [soon, late] = told(&mut by_dropping, name, 100.0 * dropping, &runs);
            if budget {
                assert!(low(late) > well, "{name} {dropping}: {late:?}");
            } else if dropping >= 0.3 {
                assert!(high(soon) < 0.6 * well, "{name} {dropping}: {soon:?}");
            }
            points.push((100.0 * dropping, late));
        }
        series.push(Series::new(name, points));
    }
    by_dropping.write(folder, "recovery-dropping")?;
    let [soon, late] = panels;
    let panel = |title, x, series| Panel {
        title,
        x,
        y: "calls answered (1/s)",
        y_range: 0.0..320.0,
        dots: true,
        bands: true,
        series,
        ..Panel::default()
    };
    let retries = "retries";
    let panels = [
        panel("40 to 60 s after the stall", retries, soon),
        panel("110 to 150 s after the stall", retries, late),
        panel(
            "110 to 150 s after, where dropping costs something",
            "work to drop a request (% of its work)",
            series,
        ),
    ];
    chart::write(folder, "recovery", &panels)
}
