//! How long nobody leads after the leader has gone, against the time to live of its lease.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::chart::{self, Panel, Series};
use crate::cluster::{Cluster, DELAY, MS, Setting};
use crate::sim::{self, Done};
use crate::stat::{self, Stat};
use crate::table::Table;

const SEEDS: u64 = 200;
/// In seconds of the model.
const TTLS: [u32; 6] = [1, 2, 4, 8, 15, 30];

/// The name, the part of the ttl that is the margin, and the drift.
type Way = (&'static str, u32, f64);

const WAYS: [Way; 2] = [
    ("margin 1/10, drift 1 %", 10, 0.01),
    ("margin 1/3, drift 10 %", 3, 0.1),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Dies,
    CutOff,
    Resigns,
}

const EVENTS: [(&str, Event); 3] = [
    ("dies", Event::Dies),
    ("is cut off", Event::CutOff),
    ("resigns", Event::Resigns),
];

/// From when the leader went, in seconds of the model.
struct Seen {
    /// Until the old leader's work was ended, by itself.
    stopped: f64,
    /// Until its lease was over by its own clock, where it was not given back.
    released: f64,
    next: f64,
}

fn seconds(since: Instant) -> f64 {
    model(since.elapsed())
}

fn model(time: Duration) -> f64 {
    time.as_secs_f64() / (1000 * MS).as_secs_f64()
}

async fn failover(setting: Setting, event: Event, seed: u64) -> Seen {
    let mut cluster = Cluster::start(&setting, seed);
    let old = cluster.next().await;
    // It has renewed once or more, and goes at any time between two renewals.
    let wait = 1.0 + sim::uniform(&sim::rng(seed, 0));
    sleep(setting.ttl.mul_f64(wait)).await;
    assert!(cluster.is_nobody_else_elected() && old.guard.is_valid());

    let (gone, node, token) = (Instant::now(), old.node, old.guard.token());
    let term = old.guard.term().clone();
    let ends = cluster.lasts(node, term.remaining() + setting.margin);
    let work = match event {
        Event::Dies => {
            cluster.kill(old);
            tokio::spawn(async { (0.0, None) })
        }
        Event::Resigns => {
            let resigned = old.guard.resign(setting.ttl);
            assert!(!term.is_valid(), "it is over before this is polled");
            tokio::spawn(async {
                resigned.await;
                (0.0, None)
            })
        }
        Event::CutOff => {
            cluster.cut_off(node);
            tokio::spawn(async move {
                let _lost = old.guard.run(pending::<()>()).await;
                (seconds(gone), Some(old.guard))
            })
        }
    };
    let new = cluster.next().await;
    let next = seconds(gone);
    assert!(new.node != node && new.guard.token() > token && new.guard.is_valid());
    assert!(!term.is_valid(), "two lead: {event:?} {setting:?} {seed}");
    let (stopped, _guard) = work.await.expect("no panic");
    let released = match event {
        Event::Dies => model(ends),
        Event::CutOff => stopped + model(cluster.lasts(node, setting.margin)),
        Event::Resigns => 0.0,
    };
    let seen = Seen {
        stopped,
        released,
        next,
    };
    assert!(
        seen.stopped <= seen.released && seen.released < seen.next,
        "two hold the lease: {event:?} {setting:?} {seed}"
    );
    seen
}

/// The documented bounds in seconds of the model, with clocks that are as wrong as they may be: until another
/// leads, where it is alone; until the old one has stopped; and the least time for which nobody leads then.
fn bounds(setting: &Setting, event: Event) -> [f64; 3] {
    let timing = setting.timing();
    let slowest = 1.0 - setting.drift;
    let messages = 4 * DELAY.1;
    let lapsed = (timing.held() + setting.ttl / 10).div_f64(slowest);
    let stopped = (setting.ttl - setting.margin).div_f64(slowest);
    match event {
        Event::Dies => [model(lapsed + messages), 0.0, 0.0],
        Event::CutOff => {
            let margin = setting.margin.div_f64(1.0 + setting.drift);
            [model(lapsed + messages), model(stopped), model(margin)]
        }
        Event::Resigns => [model(messages), 0.0, 0.0],
    }
}

/// Of one event, one way and one number of nodes: at each ttl, what is drawn.
struct Curve {
    next: Vec<[f64; 3]>,
    stopped: Vec<[f64; 3]>,
    /// The least, the median and the 95th percentile.
    vacant: Vec<[f64; 3]>,
    bounds: Vec<[f64; 3]>,
}

/// Median, 95th percentile, largest.
fn figures(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.5, 0.95, 1.0].map(|share| stat::percentile(&values, share).expect("there are runs"))
}

fn curve(event: Event, (_, part, drift): Way, nodes: u32, told: &mut Told) -> Curve {
    let mut curve = Curve {
        next: vec![],
        stopped: vec![],
        vacant: vec![],
        bounds: vec![],
    };
    for ttl in TTLS {
        let length = 1000 * ttl * MS;
        let setting = Setting {
            nodes,
            ttl: length,
            margin: length / part,
            drift,
        };
        let runs = sim::each(SEEDS, move |seed| failover(setting, event, seed));
        let bounds = bounds(&setting, event);
        let ttl = f64::from(ttl);
        let mut tell = |measure: &str, values: Vec<f64>, bound: f64| {
            let above = values.iter().filter(|value| **value > bound).count();
            told.measure(ttl, measure, &values);
            let figures = figures(values);
            told.figures(ttl, measure, figures, bound, above);
            (figures, above)
        };
        let (next, above) = tell("next", runs.iter().map(|run| run.next).collect(), bounds[0]);
        curve.next.push(next);
        // One that is alone is within the bound, and it is not always alone.
        if event == Event::Resigns {
            assert!(
                nodes > 3 || next[0] <= bounds[0],
                "nobody was told: {next:?}"
            );
            assert!(
                next[0] < 0.05 * ttl,
                "somebody waited for the end: {next:?}"
            );
        } else {
            assert!(next[1] <= bounds[0], "{above} of {SEEDS} above {bounds:?}");
            assert!(next[0] > 0.5 * ttl, "it had not ended: {next:?}");
        }
        if event == Event::CutOff {
            let stopped = runs.iter().map(|run| run.stopped).collect();
            let (stopped, above) = tell("old_stopped", stopped, bounds[1]);
            assert_eq!(above, 0, "it went on beyond its margin");
            curve.stopped.push(stopped);
            let mut vacant: Vec<_> = runs.iter().map(|run| run.next - run.stopped).collect();
            told.measure(ttl, "nobody_leads", &vacant);
            vacant.sort_by(f64::total_cmp);
            let [least, half, most] = [0.0, 0.5, 0.95]
                .map(|share| stat::percentile(&vacant, share).expect("there are runs"));
            assert!(least >= bounds[2], "less than the margin: {least}");
            curve.vacant.push([least, half, most]);
        }
        curve.bounds.push(bounds);
    }
    curve
}

/// The tables of one series.
struct Told<'a> {
    table: &'a mut Table,
    series: String,
}

impl Told<'_> {
    fn measure(&mut self, ttl: f64, measure: &str, values: &[f64]) {
        let stat = Stat::of(values.iter().copied());
        self.table
            .row(&self.series, ttl, &format!("{measure}_s"), stat);
    }

    fn figures(&mut self, ttl: f64, measure: &str, figures: [f64; 3], bound: f64, above: usize) {
        let [median, most, _] = figures;
        let rows = [
            ("median_s", median),
            ("p95_s", most),
            ("bound_s", bound),
            ("runs_above_bound", above as f64),
        ];
        for (what, value) in rows {
            let measure = format!("{measure}_{what}");
            self.table
                .row(&self.series, ttl, &measure, Stat::of([value]));
        }
    }
}

pub fn draw(folder: &Path) -> Done {
    let mut table = Table::new("ttl_s", SEEDS);
    let mut panels = Vec::new();
    for (what, event) in EVENTS {
        let mut curves = Vec::new();
        for way in WAYS {
            for nodes in [3, 5] {
                let series = format!("{what}; {nodes} nodes; {}", way.0);
                let mut told = Told {
                    table: &mut table,
                    series,
                };
                curves.push(curve(event, way, nodes, &mut told));
            }
        }
        panels.push(panel(event, &curves));
    }
    table.write(folder, "lease")?;
    chart::write(folder, "lease", &panels)
}

const GONE: [&str; 6] = [
    "3 nodes: half of the runs",
    "3 nodes: 95 %",
    "3 nodes: all",
    "5 nodes: half of the runs",
    "5 nodes: 95 %",
    "5 nodes: all",
];
const CUT_OFF: [&str; 6] = [
    "3 nodes: until the old one stops, half of the runs",
    "3 nodes: until the old one stops, 95 %",
    "3 nodes: until the old one stops, all",
    "3 nodes: then nobody leads, least",
    "3 nodes: then nobody leads, half of the runs",
    "3 nodes: then nobody leads, 95 %",
];

/// In the unit of the panel.
fn points(event: Event, values: impl Iterator<Item = f64>) -> impl Iterator<Item = (f64, f64)> {
    TTLS.into_iter().zip(values).map(move |(ttl, value)| {
        let ttl = f64::from(ttl);
        match event {
            Event::Resigns => (ttl, 1000.0 * value),
            Event::Dies | Event::CutOff => (ttl, value / ttl),
        }
    })
}

fn lines(event: Event, names: [&'static str; 6], of: &[&[[f64; 3]]; 2]) -> Vec<Series> {
    let each = names.into_iter().zip(0..);
    each.map(|(name, number)| {
        let values = of[number / 3].iter().map(|figures| figures[number % 3]);
        let points = points(event, values).map(|(x, y)| (x, Stat::of([y])));
        Series::new(name, points)
    })
    .collect()
}

/// Of the first way, so that the lines can be told apart.
fn panel(event: Event, curves: &[Curve]) -> Panel {
    let (x, in_ttl) = ("time to live of the lease (s)", "time (in times to live)");
    let (title, y, y_range) = match event {
        Event::Dies => ("The leader dies, until another leads", in_ttl, 0.5..5.0),
        Event::CutOff => ("The leader is cut off from the others", in_ttl, 0.05..2.0),
        Event::Resigns => (
            "The leader resigns",
            "time until another leads (ms)",
            2.0..5000.0,
        ),
    };
    let [three, five, ..] = curves else {
        return Panel::default();
    };
    let mut series = match event {
        Event::CutOff => lines(event, CUT_OFF, &[&three.stopped[..], &three.vacant]),
        _ => lines(event, GONE, &[&three.next[..], &five.next]),
    };
    let bound = |which: usize| {
        let bounds = three.bounds.iter().map(move |bounds| bounds[which]);
        points(event, bounds).collect::<Vec<_>>()
    };
    let documented: &[_] = match event {
        Event::CutOff => &[
            ("documented: the old one has stopped", 1),
            ("documented: the margin", 2),
        ],
        _ => &[("documented for one that is alone", 0)],
    };
    for (name, which) in documented {
        series.push(Series::bound(name, bound(*which)));
    }
    Panel {
        title,
        x,
        y,
        y_range,
        logarithmic: true,
        x_logarithmic: true,
        dots: true,
        series,
        ..Panel::default()
    }
}
