//! Orders that are sent over a network which loses messages, to a server that crashes.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::idempotency::{
    ByMessageId, DoneOnly, IdempotencyConfig, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use mainstay::retry::{RetryConfig, RetryLayer, Unlimited};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Failure, Kind, Outcome, Rejection, Rng, StackError};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 10;
const ORDERS: usize = 1000;
/// The share of executions that crash: half of them before the effect, half after it.
const CRASHES: f64 = 0.02;
const LEASE: Duration = Duration::from_secs(10);
/// What an outcome that is unknown for good says on the wire.
const UNKNOWN: &str = "outcome unknown";

#[derive(Clone, Copy)]
enum Keys {
    None,
    AtLeastOnce,
    AtMostOnce,
}

/// A name, the attempts, and what the server does with keys.
const WAYS: [(&str, u32, Keys); 4] = [
    ("one attempt; no keys", 1, Keys::None),
    ("8 attempts; no keys", 8, Keys::None),
    ("8 attempts; keys; at least once", 8, Keys::AtLeastOnce),
    (
        "8 attempts; keys; at most once (default)",
        8,
        Keys::AtMostOnce,
    ),
];

type Orders = BoxCloneService<usize, (), BoxError>;
/// How often each order took effect.
type Effects = Arc<Mutex<Vec<u32>>>;

/// Runs an order. A crash is a handler that does not go on: with a ceiling that is the lease, nothing is
/// heard of it any more.
fn handler(effects: Effects, rng: Rng) -> Orders {
    let handler = service_fn(move |order: usize| {
        let effects = Arc::clone(&effects);
        let took = sim::exponential(&rng, Duration::from_millis(50));
        let crashes = sim::chance(&rng, CRASHES);
        let before = sim::chance(&rng, 0.5);
        async move {
            sleep(took).await;
            if !(crashes && before) {
                effects.lock().expect("no panic")[order] += 1;
            }
            if crashes {
                std::future::pending::<()>().await;
            }
            Ok::<_, BoxError>(())
        }
    });
    handler.boxed_clone()
}

fn server(keys: Keys, handler: Orders, rng: Rng) -> Orders {
    let config = match keys {
        Keys::None => return handler,
        Keys::AtLeastOnce => IdempotencyConfig::at_least_once(),
        Keys::AtMostOnce => IdempotencyConfig::at_most_once(),
    };
    let config = config.lease(LEASE).ceiling(LEASE).executions(u32::MAX);
    let prepare = ByMessageId::new(|order: &usize| Some(order.to_be_bytes()));
    let store = MemoryStore::new(MemoryStoreConfig::default()).expect("it is the default");
    let layer = IdempotencyLayer::new("orders", config, prepare, DoneOnly::new(), store);
    let layer = layer
        .expect("the settings are in range")
        .single_tenant()
        .rng(rng);
    ServiceBuilder::new()
        .layer(layer)
        .service(handler)
        .boxed_clone()
}

/// Loses each message with this probability, on its way there or back. Refusals are a status.
fn wire(server: Orders, loss: f64, rng: Rng) -> Orders {
    let wire = service_fn(move |order: usize| {
        let (lost, lost_back) = (sim::chance(&rng, loss), sim::chance(&rng, loss));
        let server = server.clone();
        async move {
            sleep(Duration::from_millis(5)).await;
            if lost {
                std::future::pending::<()>().await;
            }
            // The server goes on when its caller does not wait any more.
            let result = tokio::spawn(server.oneshot(order)).await?;
            if lost_back {
                std::future::pending::<()>().await;
            }
            result.map_err(|error| match error.rejection().map(Rejection::kind) {
                Some(Kind::OutcomeUnknown) => BoxError::from(UNKNOWN),
                _ => BoxError::from("come again"),
            })
        }
    });
    wire.boxed_clone()
}

fn client(wire: Orders, attempts: u32, rng: Rng) -> Orders {
    let retry = RetryConfig::default()
        .attempts(attempts)
        .base(Duration::from_secs(1))
        .delay_max(Duration::from_secs(30));
    let retry = RetryLayer::new("orders", retry).expect("the settings are in range");
    let limit = TimeoutConfig::default().limit(Duration::from_secs(1));
    let unknown_is_final = |result: Result<&(), &BoxError>| match result {
        Ok(()) => Outcome::Success,
        Err(error) if error.to_string() == UNKNOWN => Outcome::Failure(Failure::permanent()),
        Err(_) => Outcome::Failure(Failure::transient()),
    };
    ServiceBuilder::new()
        .layer(retry.budget(Unlimited).rng(rng).classify(unknown_is_final))
        .layer(TimeoutLayer::new("orders", limit).expect("the limit is in range"))
        .service(wire)
        .boxed_clone()
}

/// For a thousand orders: effects too many, orders of which the client does not know that they were
/// done, and those that were not.
async fn orders(attempts: u32, keys: Keys, loss: f64, seed: u64) -> (f64, f64, f64) {
    let effects = Effects::new(Mutex::new(vec![0; ORDERS]));
    let handler = handler(Arc::clone(&effects), sim::rng(seed, 1));
    let server = server(keys, handler, sim::rng(seed, 2));
    let client = client(
        wire(server, loss, sim::rng(seed, 3)),
        attempts,
        sim::rng(seed, 4),
    );
    let mut set = JoinSet::new();
    for order in 0..ORDERS {
        sleep(Duration::from_millis(20)).await;
        set.spawn(client.clone().oneshot(order));
    }
    let ended = set.join_all().await;
    let per_thousand = |count: f64| 1000.0 * count / ORDERS as f64;
    let effects = effects.lock().expect("no panic");
    let surplus: u32 = effects.iter().map(|times| times.saturating_sub(1)).sum();
    let unknown = ended.iter().filter(|result| result.is_err()).count();
    let missing = effects.iter().filter(|times| **times == 0).count();
    (
        per_thousand(f64::from(surplus)),
        per_thousand(unknown as f64),
        per_thousand(missing as f64),
    )
}

pub fn draw(folder: &Path) -> Done {
    let mut table = Table::new("loss_percent", SEEDS);
    let (mut twice, mut lost) = (Vec::new(), Vec::new());
    for (name, attempts, keys) in WAYS {
        let (mut surplus, mut unknown) = (Vec::new(), Vec::new());
        for percent in [0_u32, 1, 2, 5, 10, 15, 20, 25, 30] {
            let x = f64::from(percent);
            let runs: Vec<_> = (1..=SEEDS)
                .map(|seed| sim::run(move || orders(attempts, keys, x / 100.0, seed)))
                .collect();
            let too_many = Stat::of(runs.iter().map(|run| run.0));
            let unsure = Stat::of(runs.iter().map(|run| run.1));
            let missing = Stat::of(runs.iter().map(|run| run.2));
            table.row(name, x, "surplus_effects_per_1000", too_many);
            table.row(name, x, "unknown_to_client_per_1000", unsure);
            table.row(name, x, "without_effect_per_1000", missing);
            surplus.push((x, too_many));
            unknown.push((x, unsure));
        }
        twice.push(Series::new(name, surplus));
        lost.push(Series::new(name, unknown));
    }
    table.write(folder, "duplicates")?;
    let panel = |title, y, y_range, series| Panel {
        title,
        x: "messages lost, each way (%)",
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
            "Effects that happened again",
            "surplus effects per 1000 orders",
            0.0..500.0,
            twice,
        ),
        panel(
            "Orders left open",
            "not known to be done, per 1000 orders",
            0.0..550.0,
            lost,
        ),
    ];
    chart::write(folder, "duplicates", &panels)
}
