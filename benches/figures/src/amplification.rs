//! What retries at every level multiply a request by, and what holds it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mainstay::retry::{Nested, RetryConfig, RetryLayer, Unlimited};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 5;
/// Calls of users, and their mean distance: 500 a second for 10 s.
const CALLS: u32 = 5000;
const APART: Duration = Duration::from_millis(2);
const HOPS: [u32; 5] = [1, 2, 3, 4, 5];

/// A name, whether each layer has its budget, and what it does inside another retry.
const WAYS: [(&str, bool, Nested); 4] = [
    ("3 attempts at each hop", false, Nested::Retry),
    (
        "with a budget at each hop (default: 20 % + 10/s)",
        true,
        Nested::Retry,
    ),
    (
        "with the guard against nested retries",
        false,
        Nested::PassThrough,
    ),
    ("with both (default)", true, Nested::PassThrough),
];

type Hop = BoxCloneService<(), (), BoxError>;

/// What one run came to, for each call of a user.
#[derive(Clone, Copy)]
struct Load {
    requests: f64,
    answered: f64,
}

fn hops(bottom: Hop, count: u32, (budget, nested): (bool, Nested), seed: u64) -> Hop {
    (0..count).fold(bottom, |inner, hop| {
        let config = RetryConfig::default()
            .base(Duration::from_millis(10))
            .nested(nested);
        let layer = RetryLayer::new("hop", config).expect("the settings are in range");
        let layer = layer.rng(sim::rng(seed, 10 + u64::from(hop)));
        let layer = if budget {
            layer
        } else {
            layer.budget(Unlimited)
        };
        ServiceBuilder::new()
            .layer(layer)
            .service(inner)
            .boxed_clone()
    })
}

async fn load(count: u32, way: (bool, Nested), failing: f64, seed: u64) -> Load {
    let requests = Arc::new(AtomicU32::new(0));
    let mut arrivals = sim::Arrivals::new(sim::rng(seed, 1), APART);
    let faults = sim::rng(seed, 2);
    let counted = Arc::clone(&requests);
    let bottom = service_fn(move |()| {
        // Ordering: Relaxed; one thread.
        counted.fetch_add(1, Ordering::Relaxed);
        let fails = sim::chance(&faults, failing);
        async move {
            sleep(Duration::from_millis(5)).await;
            if fails {
                Err("down".into())
            } else {
                Ok::<_, BoxError>(())
            }
        }
    });
    let service = hops(bottom.boxed_clone(), count, way, seed);
    let mut set = JoinSet::new();
    for _ in 0..CALLS {
        arrivals.next().await;
        set.spawn(service.clone().oneshot(()));
    }
    let ended = set.join_all().await;
    let answered = ended.iter().filter(|result| result.is_ok()).count();
    Load {
        requests: f64::from(requests.load(Ordering::Relaxed)) / f64::from(CALLS),
        answered: f64::from(u32::try_from(answered).expect("few")) / f64::from(CALLS),
    }
}

/// Requests and answers, over the seeds.
fn runs(count: u32, way: (bool, Nested), failing: f64) -> (Option<Stat>, Option<Stat>) {
    let runs: Vec<Load> = (1..=SEEDS)
        .map(|seed| sim::run(move || load(count, way, failing, seed)))
        .collect();
    let requests = Stat::of(runs.iter().map(|run| run.requests));
    (
        requests,
        Stat::of(runs.iter().map(|run| 100.0 * run.answered)),
    )
}

pub fn draw(folder: &Path) -> Done {
    let mut depth = Table::new("hops", SEEDS);
    let mut share = Table::new("failing_percent", SEEDS);
    let (mut deep, mut wide, mut good) = (Vec::new(), Vec::new(), Vec::new());
    for (name, budget, nested) in WAYS {
        let mut points = Vec::new();
        for count in HOPS {
            let (requests, _) = runs(count, (budget, nested), 1.0);
            depth.row(name, f64::from(count), "requests_per_call", requests);
            points.push((f64::from(count), requests));
        }
        deep.push(Series::new(name, points));
        let (mut points, mut answers) = (Vec::new(), Vec::new());
        for tenth in 0..=10 {
            let (requests, answered) = runs(3, (budget, nested), f64::from(tenth) / 10.0);
            let x = f64::from(tenth * 10);
            share.row(name, x, "requests_per_call", requests);
            share.row(name, x, "answered_percent", answered);
            points.push((x, requests));
            answers.push((x, answered));
        }
        wide.push(Series::new(name, points));
        good.push(Series::new(name, answers));
    }
    depth.write(folder, "amplification-hops")?;
    share.write(folder, "amplification-share")?;
    let panel = |title, x, y, y_range, logarithmic, series| Panel {
        title,
        x,
        y,
        y_range,
        logarithmic,
        x_logarithmic: false,
        dots: true,
        series,
        bands: true,
        shaded: vec![],
    };
    let requests = "requests at the bottom per call";
    let failing = "requests that fail (%)";
    let panels = [
        panel(
            "Everything fails",
            "hops that retry",
            requests,
            0.8..400.0,
            true,
            deep,
        ),
        panel(
            "Three hops, load",
            failing,
            requests,
            0.8..100.0,
            true,
            wide,
        ),
        panel(
            "Three hops, answers",
            failing,
            "calls answered (%)",
            0.0..100.0,
            false,
            good,
        ),
    ];
    chart::write(folder, "amplification", &panels)
}
