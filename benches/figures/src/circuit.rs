//! A breaker in front of a dependency that dies, limps and returns.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::breaker::{BreakerConfig, BreakerHandle, BreakerLayer, State};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Kind, Rejection, Rng, StackError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::chart::{self, Panel, Series};
use crate::sim::{self, Done};
use crate::stat::Stat;
use crate::table::Table;

const SEEDS: u64 = 20;
const SECONDS: usize = 140;
const DIES: f64 = 20.0;
const LIMPS: f64 = 50.0;
const RETURNS: f64 = 80.0;
/// Mean distance of calls: 200 a second.
const APART: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy)]
enum Death {
    Refuses,
    Hangs,
}

const DEATHS: [(&str, Death); 2] = [("refuses", Death::Refuses), ("hangs", Death::Hangs)];
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

/// What happened, second by second, and when the circuit opened.
#[derive(Clone)]
struct Record {
    sent: Vec<f64>,
    answered: Vec<f64>,
    arrived: Vec<f64>,
    openings: Vec<f64>,
    probes: f64,
    last_refusal: f64,
}

impl Record {
    fn new() -> Self {
        let none = vec![0.0; SECONDS];
        Self {
            sent: none.clone(),
            answered: none.clone(),
            arrived: none,
            openings: vec![],
            probes: 0.0,
            last_refusal: 0.0,
        }
    }

    fn opened_in(&self, from: f64, to: f64) -> f64 {
        let inside = self.openings.iter().filter(|at| (from..to).contains(*at));
        inside.count() as f64
    }

    fn measures(&self) -> [f64; 7] {
        let dies = self.openings.iter().find(|at| **at >= DIES);
        let total = |counts: &[f64], from: f64, to: f64| -> f64 {
            let seconds = counts.iter().zip(0_u32..);
            let inside = seconds.filter(|(_, at)| (from..to).contains(&f64::from(*at)));
            inside.map(|(count, _)| count).sum()
        };
        let limping = total(&self.answered, LIMPS, RETURNS) / total(&self.arrived, LIMPS, RETURNS);
        [
            dies.map_or(f64::NAN, |at| at - DIES),
            total(&self.sent, DIES, LIMPS),
            self.probes,
            self.opened_in(LIMPS, RETURNS),
            100.0 * limping,
            (self.last_refusal - RETURNS).max(0.0),
            self.opened_in(0.0, DIES) + self.opened_in(RETURNS, f64::MAX),
        ]
    }
}

#[derive(Clone)]
struct Dependency {
    begun: Instant,
    death: Death,
    rng: Rng,
    record: Arc<Mutex<Record>>,
    circuit: Option<BreakerHandle>,
}

impl Dependency {
    fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    async fn answer(self) -> Result<(), BoxError> {
        let now = self.now();
        {
            let mut record = self.record.lock().expect("no panic");
            count(&mut record.sent, now);
            let state = self.circuit.as_ref().map(BreakerHandle::state);
            if state == Some(State::HalfOpen) {
                record.probes += 1.0;
            }
        }
        let failing = match now {
            _ if (DIES..LIMPS).contains(&now) => 1.0,
            _ if (LIMPS..RETURNS).contains(&now) => 0.4,
            _ => 0.005,
        };
        let took = sim::exponential(&self.rng, Duration::from_millis(10));
        let fails = sim::chance(&self.rng, failing);
        match self.death {
            Death::Hangs if fails => std::future::pending().await,
            Death::Hangs | Death::Refuses => sleep(took).await,
        }
        if fails { Err("refused".into()) } else { Ok(()) }
    }
}

fn count(seconds: &mut [f64], at: f64) {
    let mut whole = (0_u32..).zip(seconds);
    if let Some((_, count)) = whole.find(|(second, _)| f64::from(*second) + 1.0 > at) {
        *count += 1.0;
    }
}

type Calls = BoxCloneService<(), (), BoxError>;

fn stack(mut dependency: Dependency, breaker: Option<BreakerLayer>) -> Calls {
    dependency.circuit = breaker.as_ref().map(BreakerLayer::handle);
    let limit = TimeoutConfig::default().limit(TIMEOUT);
    let inner = ServiceBuilder::new()
        .layer(TimeoutLayer::new("dependency", limit).expect("the limit is in range"))
        .service(service_fn(move |()| dependency.clone().answer()));
    match breaker {
        None => inner.boxed_clone(),
        Some(layer) => ServiceBuilder::new()
            .layer(layer)
            .service(inner)
            .boxed_clone(),
    }
}

async fn trace(config: Option<BreakerConfig>, death: Death, seed: u64) -> Record {
    let record = Arc::new(Mutex::new(Record::new()));
    let dependency = Dependency {
        begun: Instant::now(),
        death,
        rng: sim::rng(seed, 2),
        record: Arc::clone(&record),
        circuit: None,
    };
    let clock = dependency.clone();
    let breaker = config.map(|config| {
        let layer = BreakerLayer::new("dependency", config).expect("the settings are in range");
        layer.rng(sim::rng(seed, 3))
    });
    if let Some(breaker) = &breaker {
        let (mut watch, clock) = (breaker.handle().watch(), clock.clone());
        tokio::spawn(async move {
            while let Some(state) = watch.changed().await {
                if state == State::Open {
                    let mut record = clock.record.lock().expect("no panic");
                    record.openings.push(clock.now());
                }
            }
        });
    }
    let service = stack(dependency, breaker);
    let mut arrivals = sim::Arrivals::new(sim::rng(seed, 1), APART);
    let mut set = JoinSet::new();
    while clock.now() < SECONDS as f64 - 1.0 {
        arrivals.next().await;
        let (service, clock) = (service.clone(), clock.clone());
        set.spawn(async move {
            let at = clock.now();
            let result = service.oneshot(()).await;
            let mut record = clock.record.lock().expect("no panic");
            count(&mut record.arrived, at);
            match result {
                Ok(()) => count(&mut record.answered, at),
                Err(error) => {
                    let kind = error.rejection().map(Rejection::kind);
                    if kind == Some(Kind::CircuitOpen) {
                        record.last_refusal = record.last_refusal.max(at);
                    }
                }
            }
        });
    }
    set.join_all().await;
    let record = record.lock().expect("no panic");
    record.clone()
}

pub fn draw(folder: &Path) -> Done {
    let mut summary = Table::new("death", SEEDS);
    let mut course = Table::new("second", SEEDS);
    let mut panels = Vec::new();
    for (index, (what, death)) in (0_u32..).zip(DEATHS) {
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for (name, config) in ways() {
            let runs: Vec<Record> = (1..=SEEDS)
                .map(|seed| {
                    let config = config.clone();
                    sim::run(move || trace(config, death, seed))
                })
                .collect();
            for (place, measure) in MEASURES.into_iter().enumerate() {
                let stat = Stat::of(runs.iter().map(|run| run.measures()[place]));
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
