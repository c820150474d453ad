//! A server that a stall of ten seconds can keep down for ever: Bronson et al., HotOS 2021.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use mainstay::retry::budget::{TokenBudget, TokenConfig};
use mainstay::retry::{Jitter, RetryConfig, RetryLayer, Unlimited};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tokio::time::{Instant, sleep, sleep_until};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 5;
/// One second of the model on tokio's clock, whose timers are rounded to the millisecond.
const SECOND: Duration = Duration::from_secs(1000);
pub const SECONDS: usize = 200;
/// What the server can do, and what is asked of it, in a second.
const CAPACITY: u32 = 300;
pub const OFFERED: u32 = 280;
pub const STALL: (u32, u32) = (30, 40);

#[derive(Clone, Copy)]
pub struct Way {
    pub name: &'static str,
    pub retries: u32,
    pub budget: bool,
    pub drops: bool,
    /// What it takes to look at a request and drop it, as a share of the work that it asks for.
    pub dropping: f64,
}

pub const fn way(name: &'static str, retries: u32, budget: bool, drops: bool) -> Way {
    Way {
        name,
        retries,
        budget,
        drops,
        dropping: 0.0,
    }
}

const WAYS: [Way; 7] = [
    way("no retry", 0, false, false),
    way("1 retry", 1, false, false),
    way("3 retries", 3, false, false),
    way("3 retries; budget", 3, true, false),
    way("1 retry; expired work is dropped", 1, false, true),
    way("3 retries; expired work is dropped", 3, false, true),
    way("3 retries; budget; expired work is dropped", 3, true, true),
];

/// Stretches of which the mean is told, in seconds.
const STRETCHES: [(usize, usize); 4] = [(10, 30), (45, 60), (80, 100), (150, 190)];

type Request = http::Request<()>;
type Calls = BoxCloneService<Request, (), BoxError>;

#[derive(Clone)]
struct Record {
    begun: Instant,
    /// Requests sent and calls answered, second by second.
    seconds: Arc<Mutex<[Vec<f64>; 2]>>,
}

impl Record {
    fn count(&self, which: usize) {
        let second = self.begun.elapsed().as_millis() / SECOND.as_millis();
        let second = usize::try_from(second).expect("few");
        let mut seconds = self.seconds.lock().expect("no panic");
        if let Some(count) = seconds[which].get_mut(second) {
            *count += 1.0;
        }
    }
}

/// Of a request that has expired: the time is told by whoever drops it.
#[derive(Clone, Copy)]
struct Expired(f64);

/// One worker with a queue without end, first come, first served.
fn server(way: Way, begun: Instant) -> Calls {
    let queue = BulkheadConfig::default()
        .concurrency(1)
        .queue(u32::MAX)
        .wait_max(Duration::MAX);
    let worker = service_fn(move |request: Request| async move {
        let (from, to) = (begun + STALL.0 * SECOND, begun + STALL.1 * SECOND);
        if (from..to).contains(&Instant::now()) {
            sleep_until(to).await;
        }
        let share = request.extensions().get();
        let share = share.map_or(1.0, |Expired(share)| *share);
        sleep((SECOND / CAPACITY).mul_f64(share)).await;
        Ok::<_, BoxError>(())
    });
    let queued = ServiceBuilder::new()
        .layer(BulkheadLayer::new("worker", queue).expect("the settings are in range"))
        .service(worker)
        .boxed_clone();
    if !way.drops {
        return queued;
    }
    let deadline = DeadlineServerLayer::new("server", DeadlineServerConfig::default());
    let deadline = deadline.expect("the settings are in range");
    let dropped = queued.clone();
    ServiceBuilder::new()
        .map_result(move |result: Result<(), BoxError>| {
            let is_drop = result.is_err() && way.dropping > 0.0;
            if is_drop {
                let mut request = Request::new(());
                request.extensions_mut().insert(Expired(way.dropping));
                tokio::spawn(dropped.clone().oneshot(request));
            }
            result
        })
        .layer(deadline)
        .service(queued)
        .boxed_clone()
}

/// The client's stack over the wire. Each attempt has a second; the server is told of it or not.
fn client(server: Calls, way: Way, record: &Record, seed: u64) -> Calls {
    let sent = record.clone();
    let wire = service_fn(move |request: Request| {
        sent.count(0);
        let task = tokio::spawn(server.clone().oneshot(request));
        // On the wire a refusal is a status like any other.
        async move { task.await?.map_err(|_| BoxError::from("503 or 504")) }
    });
    let limit = TimeoutConfig::default().limit(SECOND);
    let told = DeadlineClientLayer::new("server", DeadlineClientConfig::default().max(SECOND));
    let told = told.expect("the settings are in range");
    let config = RetryConfig::default()
        .attempts(way.retries + 1)
        .base(Duration::ZERO)
        .jitter(Jitter::None);
    let retry = RetryLayer::new("server", config).expect("the settings are in range");
    let retry = retry.rng(sim::rng(seed, 2));
    let retry = if way.budget {
        // A tenth of a retry for each success, and ten to begin with.
        let tenth = TokenConfig::default().capacity(100).cost(10).reward(1);
        retry.budget(TokenBudget::new(tenth).expect("the settings are in range"))
    } else {
        retry.budget(Unlimited)
    };
    ServiceBuilder::new()
        .layer(retry)
        .layer(TimeoutLayer::new("server", limit).expect("the limit is in range"))
        .option_layer(way.drops.then_some(told))
        .service(wire)
        .boxed_clone()
}

pub async fn storm(way: Way, seed: u64) -> [Vec<f64>; 2] {
    let begun = Instant::now();
    let none = vec![0.0; SECONDS];
    let record = Record {
        begun,
        seconds: Arc::new(Mutex::new([none.clone(), none])),
    };
    let client = client(server(way, begun), way, &record, seed);
    let mut arrivals = sim::Arrivals::new(sim::rng(seed, 1), SECOND / OFFERED);
    while begun.elapsed() < SECOND * u32::try_from(SECONDS).expect("few") {
        arrivals.next().await;
        let (call, record) = (client.clone().oneshot(Request::new(())), record.clone());
        tokio::spawn(async move {
            if call.await.is_ok() {
                record.count(1);
            }
        });
    }
    let seconds = record.seconds.lock().expect("no panic");
    seconds.clone()
}

pub fn draw(folder: &Path) -> Done {
    let mut course = Table::new("second", SEEDS);
    let mut summary = Table::new("from_second", SEEDS);
    let mut series = [Vec::new(), Vec::new()];
    for way in WAYS {
        let runs = sim::each(SEEDS, move |seed| storm(way, seed));
        for (which, measure) in ["requests_per_s", "answers_per_s"].into_iter().enumerate() {
            let points: Vec<_> = (0..SECONDS)
                .map(|at| {
                    (
                        at as f64 + 0.5,
                        Stat::of(runs.iter().map(|run| run[which][at])),
                    )
                })
                .collect();
            for (at, stat) in &points {
                course.row(way.name, *at, measure, *stat);
            }
            for (from, to) in STRETCHES {
                let mean = |run: &[Vec<f64>; 2]| {
                    run[which][from..to].iter().sum::<f64>() / (to - from) as f64
                };
                summary.row(
                    way.name,
                    from as f64,
                    measure,
                    Stat::of(runs.iter().map(mean)),
                );
            }
            series[which].push(Series::new(way.name, points));
        }
    }
    course.write(folder, "metastable-course")?;
    summary.write(folder, "metastable")?;
    let panel = |title, y, y_range, series| Panel {
        title,
        x: "time (s); the server stalls in the shaded time",
        y,
        y_range,
        logarithmic: false,
        x_logarithmic: false,
        dots: false,
        bands: false,
        series,
        shaded: vec![f64::from(STALL.0)..f64::from(STALL.1)],
    };
    let [sent, answered] = series;
    let panels = [
        panel(
            "What users get",
            "calls answered (1/s)",
            0.0..350.0,
            answered,
        ),
        panel(
            "What the server is asked",
            "requests sent (1/s)",
            0.0..1300.0,
            sent,
        ),
    ];
    chart::write(folder, "metastable", &panels)
}
