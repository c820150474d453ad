//! Two dependencies behind one pool of workers, of which one hangs.

use std::path::Path;
use std::time::Duration;

use mainstay::Rng;
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::{Stat, percentile};
use crate::table::Table;

const SEEDS: u64 = 10;
const SECONDS: usize = 50;
const HANGS: f64 = 10.0;
const RETURNS: f64 = 30.0;
const WORKERS: u32 = 50;
/// Mean distance of the calls of each: 100 a second.
const APART: Duration = Duration::from_millis(10);
const WORK: Duration = Duration::from_millis(20);

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    timeout: Duration,
    /// How many workers one dependency may have, if that is bounded.
    share: Option<u32>,
}

const WAYS: [Way; 3] = [
    Way {
        name: "one pool of 50, timeout 5 s",
        timeout: Duration::from_secs(5),
        share: None,
    },
    Way {
        name: "one pool of 50, timeout 1 s",
        timeout: Duration::from_secs(1),
        share: None,
    },
    Way {
        name: "timeout 5 s, and a bulkhead of 25 for each",
        timeout: Duration::from_secs(5),
        share: Some(25),
    },
];

type Calls = BoxCloneService<(), (), BoxError>;

/// A call of one dependency: when it came, in seconds, and its latency in milliseconds if answered.
type Call = (f64, Option<f64>);

fn bulkhead(name: &'static str, config: BulkheadConfig) -> BulkheadLayer {
    BulkheadLayer::new(name, config).expect("the settings are in range")
}

/// One dependency, as its callers have it.
fn dependency(way: Way, pool: &BulkheadLayer, hangs: bool, rng: Rng) -> Calls {
    let begun = Instant::now();
    let limit = TimeoutConfig::default().limit(way.timeout);
    let inner = ServiceBuilder::new()
        .layer(pool.clone())
        .layer(TimeoutLayer::new("dependency", limit).expect("the limit is in range"))
        .service(service_fn(move |()| {
            let took = sim::exponential(&rng, WORK);
            let now = begun.elapsed().as_secs_f64();
            async move {
                if hangs && (HANGS..RETURNS).contains(&now) {
                    std::future::pending::<()>().await;
                }
                sleep(took).await;
                Ok::<_, BoxError>(())
            }
        }));
    match way.share {
        None => inner.boxed_clone(),
        Some(share) => {
            let own = bulkhead("own", BulkheadConfig::default().concurrency(share));
            ServiceBuilder::new()
                .layer(own)
                .service(inner)
                .boxed_clone()
        }
    }
}

async fn offer(service: Calls, arrivals: Rng) -> Vec<Call> {
    let begun = Instant::now();
    let mut arrivals = sim::Arrivals::new(arrivals, APART);
    let mut set = JoinSet::new();
    while begun.elapsed().as_secs_f64() < SECONDS as f64 {
        arrivals.next().await;
        let service = service.clone();
        set.spawn(async move {
            let at = Instant::now();
            let result = service.oneshot(()).await;
            let took = 1000.0 * at.elapsed().as_secs_f64();
            ((at - begun).as_secs_f64(), result.ok().map(|()| took))
        });
    }
    set.join_all().await
}

/// The calls of B while A hangs.
async fn calls_of_b(way: Way, seed: u64) -> Vec<Call> {
    let config = BulkheadConfig::default()
        .concurrency(WORKERS)
        .queue(200)
        .wait_max(Duration::from_secs(2));
    let pool = bulkhead("pool", config);
    let a = dependency(way, &pool, true, sim::rng(seed, 1));
    let b = dependency(way, &pool, false, sim::rng(seed, 2));
    let (_, of_b) = tokio::join!(offer(a, sim::rng(seed, 3)), offer(b, sim::rng(seed, 4)));
    of_b
}

/// Latencies of the calls that came from `from` on and before `to`, sorted, and the share answered in percent.
fn between(calls: &[Call], from: f64, to: f64) -> (Vec<f64>, f64) {
    let inside = calls.iter().filter(|call| (from..to).contains(&call.0));
    let came = inside.clone().count();
    let mut took: Vec<f64> = inside.filter_map(|call| call.1).collect();
    took.sort_by(f64::total_cmp);
    let share = 100.0 * took.len() as f64 / came as f64;
    (took, share)
}

pub fn draw(folder: &Path) -> Done {
    let mut table = Table::new("second", SEEDS);
    let mut summary = Table::new("from_second", SEEDS);
    let (mut latency, mut answered) = (Vec::new(), Vec::new());
    for way in WAYS {
        let runs: Vec<Vec<Call>> = (1..=SEEDS)
            .map(|seed| sim::run(move || calls_of_b(way, seed)))
            .collect();
        let (mut slow, mut good) = (Vec::new(), Vec::new());
        for second in 0..SECONDS {
            let from = second as f64;
            let of = |run: &Vec<Call>| between(run, from, from + 1.0);
            let tail = |run| percentile(&of(run).0, 0.99).unwrap_or(f64::NAN);
            let p99 = Stat::of(runs.iter().map(tail));
            let share = Stat::of(runs.iter().map(|run| of(run).1));
            table.row(way.name, from, "p99_ms", p99);
            table.row(way.name, from, "answered_percent", share);
            slow.push((from + 0.5, p99));
            good.push((from + 0.5, share));
        }
        for (from, to) in [(0.0, HANGS), (HANGS, RETURNS), (RETURNS, SECONDS as f64)] {
            let of = |run: &Vec<Call>| between(run, from, to);
            for (measure, share) in [("p50_ms", 0.5), ("p99_ms", 0.99)] {
                let at = |run| percentile(&of(run).0, share).unwrap_or(f64::NAN);
                summary.row(way.name, from, measure, Stat::of(runs.iter().map(at)));
            }
            let share = Stat::of(runs.iter().map(|run| of(run).1));
            summary.row(way.name, from, "answered_percent", share);
        }
        latency.push(Series::new(way.name, slow));
        answered.push(Series::new(way.name, good));
    }
    table.write(folder, "isolation-course")?;
    summary.write(folder, "isolation")?;
    let panel = |title, y, y_range, logarithmic, series| Panel {
        title,
        x: "time (s); A hangs in the shaded time",
        y,
        y_range,
        logarithmic,
        x_logarithmic: false,
        dots: false,
        series,
        bands: true,
        shaded: vec![HANGS..RETURNS],
    };
    let panels = [
        panel(
            "Latency of B while A hangs",
            "99th percentile of B (ms)",
            10.0..5000.0,
            true,
            latency,
        ),
        panel(
            "Answers of B",
            "calls of B answered (%)",
            0.0..105.0,
            false,
            answered,
        ),
    ];
    chart::write(folder, "isolation", &panels)
}
