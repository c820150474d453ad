//! A chain of five services, each with a timeout of its own, that becomes slow.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer,
};
use mainstay::retry::{RetryConfig, RetryLayer, Unlimited};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Deadline, Rng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 10;
const CALLS: usize = 1000;
const HOPS: u64 = 5;
/// What the user waits for, and what each hop gives the next.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    attempts: u32,
    propagates: bool,
}

const WAYS: [Way; 4] = [
    Way {
        name: "1 attempt a hop; a timeout of 1 s at each",
        attempts: 1,
        propagates: false,
    },
    Way {
        name: "2 attempts a hop; a timeout of 1 s at each",
        attempts: 2,
        propagates: false,
    },
    Way {
        name: "1 attempt a hop; deadlines passed on",
        attempts: 1,
        propagates: true,
    },
    Way {
        name: "2 attempts a hop; deadlines passed on",
        attempts: 2,
        propagates: true,
    },
];

type Request = http::Request<()>;
type Hop = BoxCloneService<Request, (), BoxError>;

/// A stretch of work, in any hop.
#[derive(Clone, Copy)]
struct Stretch {
    from: Instant,
    to: Instant,
}

/// All work that one call of a user caused.
type Ledger = Arc<Mutex<Vec<Stretch>>>;

/// Notes its stretch when it ends, also by being dropped.
struct Working {
    from: Instant,
    ledger: Ledger,
}

impl Drop for Working {
    fn drop(&mut self) {
        let (from, to) = (self.from, Instant::now());
        self.ledger
            .lock()
            .expect("no panic")
            .push(Stretch { from, to });
    }
}

/// What is between two hops: the caller's timeout and retries, and the wire.
///
/// A server works on in a task of its own when its caller has gone: that one's leaving is not seen.
fn way_to(server: Hop, way: Way, rng: Rng) -> Hop {
    let limit = TimeoutConfig::default().limit(TIMEOUT);
    let retry = RetryConfig::default().attempts(way.attempts);
    let retry = RetryLayer::new("next", retry).expect("the settings are in range");
    let wire = service_fn(move |request: Request| {
        let task = tokio::spawn(server.clone().oneshot(request));
        // On the wire a refusal is a status like any other.
        async move { task.await?.map_err(|_| BoxError::from("503 or 504")) }
    });
    let client = DeadlineClientLayer::new("next", DeadlineClientConfig::default());
    let client = way
        .propagates
        .then_some(client.expect("the settings are in range"));
    ServiceBuilder::new()
        .layer(retry.budget(Unlimited).rng(rng))
        .layer(TimeoutLayer::new("next", limit).expect("the limit is in range"))
        .option_layer(client)
        .service(wire)
        .boxed_clone()
}

/// A server that works and then asks the next, if there is one.
fn server(next: Option<Hop>, way: Way, mean: Duration, rng: Rng) -> Hop {
    let handler = service_fn(move |request: Request| {
        let next = next.clone();
        let ledger = request.extensions().get::<Ledger>().expect("all carry it");
        let ledger = Arc::clone(ledger);
        let took = sim::exponential(&rng, mean);
        async move {
            let from = Instant::now();
            let working = Working {
                from,
                ledger: Arc::clone(&ledger),
            };
            sleep(took).await;
            drop(working);
            match next {
                Some(next) => next.oneshot(for_ledger(ledger)).await,
                None => Ok(()),
            }
        }
    });
    let layer = DeadlineServerLayer::new("server", DeadlineServerConfig::default());
    let layer = way
        .propagates
        .then_some(layer.expect("the settings are in range"));
    ServiceBuilder::new()
        .option_layer(layer)
        .service(handler)
        .boxed_clone()
}

/// A request whose work is noted in `ledger`, in whatever hop it is done.
fn for_ledger(ledger: Ledger) -> Request {
    let mut request = Request::new(());
    request.extensions_mut().insert(ledger);
    request
}

/// The chain, as the user has it: with one attempt, and a time after which the user is gone.
fn chain(way: Way, mean: Duration, seed: u64) -> Hop {
    let mut chain: Option<Hop> = None;
    for hop in 0..HOPS {
        let server = server(chain, way, mean, sim::rng(seed, 10 + hop));
        chain = Some(way_to(server, way, sim::rng(seed, 20 + hop)));
    }
    let limit = TimeoutConfig::default().limit(TIMEOUT);
    ServiceBuilder::new()
        .layer(TimeoutLayer::new("user", limit).expect("the limit is in range"))
        .service(chain.expect("there are hops"))
        .boxed_clone()
}

/// Seconds of work, seconds of them after the user had gone, and whether there was an answer.
async fn call(chain: Hop) -> (f64, f64, bool) {
    let ledger = Ledger::default();
    let request = for_ledger(Arc::clone(&ledger));
    let waits = Deadline::within(TIMEOUT);
    let answered = waits.scope(chain.oneshot(request)).await.is_ok();
    let gone = Instant::now();
    sleep(Duration::from_secs(600)).await; // for all that still works
    let ledger = ledger.lock().expect("no panic");
    let seconds = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64();
    let all = ledger.iter().map(|work| seconds(work.from, work.to)).sum();
    let late = ledger
        .iter()
        .map(|work| seconds(work.from.max(gone), work.to))
        .sum();
    (all, late, answered)
}

/// Work a call, of it after the user had gone, and the share answered in percent.
async fn calls(way: Way, mean: Duration, seed: u64) -> (f64, f64, f64) {
    let mut set = JoinSet::new();
    let chain = chain(way, mean, seed);
    for _ in 0..CALLS {
        set.spawn(call(chain.clone()));
    }
    let ended = set.join_all().await;
    let count = ended.len() as f64;
    let all = ended.iter().map(|call| call.0).sum::<f64>() / count;
    let late = ended.iter().map(|call| call.1).sum::<f64>() / count;
    let answered = ended.iter().filter(|call| call.2).count() as f64;
    (all, late, 100.0 * answered / count)
}

pub fn draw(folder: &Path) -> Done {
    let mut table = Table::new("work_ms_a_hop", SEEDS);
    let (mut wasted, mut good) = (Vec::new(), Vec::new());
    for way in WAYS {
        let (mut late, mut answers) = (Vec::new(), Vec::new());
        for mean in [50, 100, 150, 200, 300, 400, 500, 600, 800, 1000] {
            let work = Duration::from_millis(mean);
            let runs: Vec<_> = (1..=SEEDS)
                .map(|seed| sim::run(move || calls(way, work, seed)))
                .collect();
            let x = mean as f64;
            let all = Stat::of(runs.iter().map(|run| run.0));
            let waste = Stat::of(runs.iter().map(|run| run.1));
            let share = Stat::of(runs.iter().map(|run| 100.0 * run.1 / run.0));
            let answered = Stat::of(runs.iter().map(|run| run.2));
            table.row(way.name, x, "work_s_per_call", all);
            table.row(way.name, x, "wasted_s_per_call", waste);
            table.row(way.name, x, "wasted_percent", share);
            table.row(way.name, x, "answered_percent", answered);
            late.push((x, waste));
            answers.push((x, answered));
        }
        wasted.push(Series::new(way.name, late));
        good.push(Series::new(way.name, answers));
    }
    table.write(folder, "cascade")?;
    let panel = |title, y, y_range, series| Panel {
        title,
        x: "mean work at each hop (ms)",
        y,
        y_range,
        logarithmic: false,
        x_logarithmic: false,
        dots: true,
        bands: true,
        series,
        shaded: vec![],
    };
    let panels = [
        panel(
            "Work for users who have gone",
            "wasted work per call (s)",
            0.0..22.0,
            wasted,
        ),
        panel(
            "Users who were answered in 1 s",
            "calls answered (%)",
            0.0..100.0,
            good,
        ),
    ];
    chart::write(folder, "cascade", &panels)
}
