//! This crate's breaker and others' before the same dependency, with the same calls.

use std::path::Path;
use std::time::Duration;

use mainstay::breaker::BreakerConfig;

use crate::chart::{self, Panel, Series};
use crate::outage::{self, Calls, DIES, Fault, HANGS, LIMPS, REFUSES, RETURNS, Record, SECONDS};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;
use crate::virtual_clock::Virtual;
use crate::{circuit, peers};

const SEEDS: u64 = 20;

const FAULTS: [(&str, Fault); 3] = [
    ("refuses", REFUSES),
    ("hangs", HANGS),
    ("refuses and limps at 60 %", LIMPS_BADLY),
];
/// Above the limit of half of the calls.
const LIMPS_BADLY: Fault = Fault {
    limp: 0.6,
    ..REFUSES
};

type Peer = (&'static str, Option<fn(Calls) -> Calls>);

/// Ours has no function here: it is told where its randomness comes from.
const PEERS: [Peer; 6] = [
    ("mainstay", None),
    ("failsafe", Some(peers::failsafe)),
    ("recloser", Some(peers::recloser)),
    ("tower-resilience", Some(peers::tower_resilience)),
    ("seatbelt, one probe", Some(peers::seatbelt_quick)),
    (
        "seatbelt, probing in stages",
        Some(peers::seatbelt_progressive),
    ),
];

/// All of them are seen from outside, since not all say how they stand.
const MEASURES: [&str; 8] = [
    "time_to_trip_s",
    "requests_while_dead",
    "requests_after_trip_while_dead",
    "turns_while_limping",
    "answered_while_limping_percent",
    "last_refusal_after_return_s",
    "answered_after_return_percent",
    "refused_while_healthy",
];

fn measures(run: &Record) -> [f64; 8] {
    let trips = run.trips().unwrap_or(f64::NAN);
    [
        trips - DIES,
        run.sent_in(DIES, LIMPS),
        run.sent_in(trips, LIMPS),
        run.turns_in(LIMPS, RETURNS),
        run.answered_in(LIMPS, RETURNS),
        (run.last_refusal() - RETURNS).max(0.0),
        run.answered_in(RETURNS, RETURNS + 30.0),
        run.refused_in(0.0, DIES),
    ]
}

async fn trace((_, guard): Peer, fault: Fault, seed: u64) -> Record {
    let clock = Virtual::begin();
    clock.check().await;
    fastrand::seed(seed);
    match guard {
        Some(guard) => outage::trace(fault, seed, None, guard).await,
        None => {
            let config = BreakerConfig::default().open_max(Duration::from_secs(5));
            circuit::trace(Some(config), fault, seed).await
        }
    }
}

pub fn draw(folder: &Path) -> Done {
    let mut summary = Table::new("fault", SEEDS);
    let mut course = Table::new("second", SEEDS);
    let mut panels = Vec::new();
    for (index, (what, fault)) in (0_u32..).zip(FAULTS) {
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for peer in PEERS {
            let runs = sim::each(SEEDS, move |seed| trace(peer, fault, seed));
            let series = format!("{}; {what}", peer.0);
            for (place, measure) in MEASURES.into_iter().enumerate() {
                let stat = Stat::of(runs.iter().map(|run| measures(run)[place]));
                summary.row(&series, f64::from(index), measure, stat);
            }
            for run in &runs {
                assert!(
                    run.trips().is_some_and(|at| at < LIMPS),
                    "{series} never opens"
                );
                let end = run.answered_in(RETURNS + 50.0, RETURNS + 58.0);
                assert!(end > 90.0, "{series} is not back after 50 s: {end} %");
            }
            let seconds = |of: fn(&Record) -> &Vec<f64>| -> Vec<_> {
                let values = |at: usize| Stat::of(runs.iter().map(|run| of(run)[at]));
                (0..SECONDS - 1)
                    .map(|at| (at as f64 + 0.5, values(at)))
                    .collect()
            };
            let (requests, answers) = (seconds(|run| &run.sent), seconds(|run| &run.answered));
            for (measure, points) in [("requests_per_s", &requests), ("answers_per_s", &answers)] {
                for (at, stat) in points {
                    course.row(&series, *at, measure, *stat);
                }
            }
            sent.push(Series::new(peer.0, requests));
            answered.push(Series::new(peer.0, answers));
        }
        let (load, answers) = ("requests sent (1/s)", "calls answered (1/s)");
        match what {
            "refuses" => {
                panels.push(panel("Load on a dependency that refuses", load, sent));
                panels.push(panel("What its callers get", answers, answered));
            }
            "hangs" => panels.push(panel("Load on a dependency that hangs", load, sent)),
            _ => {}
        }
    }
    summary.write(folder, "breakers")?;
    course.write(folder, "breakers-course")?;
    chart::write(folder, "breakers", &panels)
}

fn panel(title: &'static str, y: &'static str, series: Vec<Series>) -> Panel {
    Panel {
        title,
        x: "time (s); dead from 20, limping from 50, well from 80",
        y,
        y_range: 0.0..260.0,
        series,
        shaded: vec![DIES..LIMPS],
        ..Panel::default()
    }
}
