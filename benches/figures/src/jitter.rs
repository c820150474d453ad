//! Contending clients and how they back off: Brooker, "Exponential Backoff and Jitter" (AWS, 2015).

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use mainstay::Rng;
use mainstay::retry::{Jitter, RetryConfig, RetryLayer, Unlimited};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 20;

/// One millisecond of the model, on tokio's clock: its timers are rounded to the millisecond, and two
/// clients that write in the same one are what this is about.
const MS: Duration = Duration::from_secs(1);

/// A name, a jitter, and the base. The published exponent begins at 1, ours at 0.
const KINDS: [(&str, Jitter, u32); 5] = [
    ("no back-off", Jitter::None, 0),
    ("capped exponential, no jitter", Jitter::None, 10),
    ("equal jitter", Jitter::Equal, 10),
    ("full jitter (default)", Jitter::Full, 10),
    ("decorrelated jitter", Jitter::Decorrelated, 5),
];

/// The row that all write, and the network in front of it.
#[derive(Clone)]
struct Row {
    version: Rc<Cell<u64>>,
    writes: Rc<Cell<u64>>,
    rng: Rng,
}

impl Row {
    async fn leg(&self) {
        sleep(sim::normal(&self.rng, 10 * MS, 2 * MS)).await;
    }

    /// Reads the version, and writes if it is still that one.
    async fn attempt(self) -> Result<(), BoxError> {
        self.leg().await;
        let version = self.version.get();
        self.leg().await;
        self.leg().await;
        self.writes.set(self.writes.get() + 1);
        let wins = self.version.get() == version;
        if wins {
            self.version.set(version + 1);
        }
        self.leg().await;
        if wins { Ok(()) } else { Err("conflict".into()) }
    }
}

/// Calls made, and the time until the last client has written, in milliseconds.
async fn contend(clients: u32, (jitter, base): (Jitter, u32), seed: u64) -> (f64, f64) {
    let row = Row {
        version: Rc::default(),
        writes: Rc::default(),
        rng: sim::rng(seed, 1),
    };
    let config = RetryConfig::default()
        .attempts(u32::MAX)
        .base(base * MS)
        .delay_max(2000 * MS)
        .jitter(jitter);
    let layer = RetryLayer::new("row", config).expect("the settings are in range");
    let layer = layer.budget(Unlimited).rng(sim::rng(seed, 2));
    let inner = row.clone();
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(service_fn(move |()| inner.clone().attempt()));
    let begun = Instant::now();
    let mut set = JoinSet::new();
    for _ in 0..clients {
        set.spawn_local(service.clone().oneshot(()));
    }
    while let Some(ended) = set.join_next().await {
        ended.expect("no panic").expect("all win in the end");
    }
    assert_eq!(row.version.get(), u64::from(clients));
    let took = begun.elapsed().as_secs_f64() / MS.as_secs_f64();
    (
        f64::from(u32::try_from(row.writes.get()).expect("few")),
        took,
    )
}

pub fn draw(folder: &Path) -> Done {
    let clients: Vec<u32> = (1..=20).map(|tens| tens * 10).collect();
    let mut table = Table::new("clients", SEEDS);
    let (mut calls, mut times) = (Vec::new(), Vec::new());
    for (name, jitter, base) in KINDS {
        let (mut call, mut time) = (Vec::new(), Vec::new());
        for &count in &clients {
            let runs: Vec<_> = (1..=SEEDS)
                .map(|seed| {
                    sim::run(move || async move {
                        let local = LocalSet::new();
                        local.run_until(contend(count, (jitter, base), seed)).await
                    })
                })
                .collect();
            let x = f64::from(count);
            let made = Stat::of(runs.iter().map(|run| run.0));
            let took = Stat::of(runs.iter().map(|run| run.1));
            table.row(name, x, "calls", made);
            table.row(name, x, "completion_ms", took);
            call.push((x, made));
            time.push((x, took));
        }
        calls.push(Series::new(name, call));
        times.push(Series::new(name, time));
    }
    table.write(folder, "jitter")?;
    let panel = |title, y, y_range, logarithmic, series| Panel {
        title,
        x: "contending clients",
        y,
        y_range,
        logarithmic,
        x_logarithmic: false,
        dots: true,
        series,
        bands: true,
        shaded: vec![],
    };
    let panels = [
        panel(
            "Work: writes until all have won",
            "write calls",
            0.0..10_000.0,
            false,
            calls,
        ),
        panel(
            "Time until all have won",
            "completion time (ms)",
            100.0..200_000.0,
            true,
            times,
        ),
    ];
    chart::write(folder, "jitter", &panels)
}
