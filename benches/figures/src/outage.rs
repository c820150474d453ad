//! A dependency that dies, limps and returns, and the calls to it through some breaker.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::breaker::{BreakerHandle, State};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use mainstay::{Kind, Rejection, Rng, StackError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::sim;

pub const SECONDS: usize = 140;
pub const DIES: f64 = 20.0;
pub const LIMPS: f64 = 50.0;
pub const RETURNS: f64 = 80.0;
/// Mean distance of calls: 200 a second.
const APART: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Death {
    Refuses,
    Hangs,
}

/// How it dies, and the share of requests that fail while it limps.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub death: Death,
    pub limp: f64,
}

/// It limps below the limit of half of the calls.
pub const REFUSES: Fault = Fault {
    death: Death::Refuses,
    limp: 0.4,
};
pub const HANGS: Fault = Fault {
    death: Death::Hangs,
    limp: 0.4,
};

pub type Calls = BoxCloneSyncService<(), (), BoxError>;

/// What a breaker of others says that lets a call not pass.
#[derive(Debug)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the circuit is open")
    }
}

impl std::error::Error for Refused {}

fn is_refusal(error: &BoxError) -> bool {
    let kind = error.rejection().map(Rejection::kind);
    kind == Some(Kind::CircuitOpen) || error.is::<Refused>()
}

/// What happened, second by second, and when calls were sent and refused.
#[derive(Clone)]
pub struct Record {
    pub sent: Vec<f64>,
    pub answered: Vec<f64>,
    arrived: Vec<f64>,
    sent_at: Vec<f64>,
    refused_at: Vec<f64>,
    /// What the breaker itself says, if it is ours.
    pub openings: Vec<f64>,
    pub probes: f64,
}

impl Record {
    fn new() -> Self {
        let none = vec![0.0; SECONDS];
        Self {
            sent: none.clone(),
            answered: none.clone(),
            arrived: none,
            sent_at: vec![],
            refused_at: vec![],
            openings: vec![],
            probes: 0.0,
        }
    }

    /// In percent, of the calls of whole seconds.
    pub fn answered_in(&self, from: f64, to: f64) -> f64 {
        let total = |counts: &[f64]| -> f64 {
            let seconds = counts.iter().zip(0_u32..);
            let inside = seconds.filter(|(_, at)| (from..to).contains(&f64::from(*at)));
            inside.map(|(count, _)| count).sum()
        };
        100.0 * total(&self.answered) / total(&self.arrived)
    }

    pub fn sent_in(&self, from: f64, to: f64) -> f64 {
        within(&self.sent_at, from, to)
    }

    pub fn refused_in(&self, from: f64, to: f64) -> f64 {
        within(&self.refused_at, from, to)
    }

    pub fn opened_in(&self, from: f64, to: f64) -> f64 {
        within(&self.openings, from, to)
    }

    /// When it was first refused after the death.
    pub fn trips(&self) -> Option<f64> {
        self.refused_at.iter().copied().find(|at| *at >= DIES)
    }

    pub fn last_refusal(&self) -> f64 {
        self.refused_at.iter().copied().fold(0.0, f64::max)
    }

    /// As one sees them who is outside: how often it was refused after a second in which it was not.
    pub fn turns_in(&self, from: f64, to: f64) -> f64 {
        let before = std::iter::once(f64::MIN).chain(self.refused_at.iter().copied());
        let pairs = before.zip(self.refused_at.iter().copied());
        let turns: Vec<_> = pairs
            .filter(|(before, at)| at - before > 1.0)
            .map(|(_, at)| at)
            .collect();
        within(&turns, from, to)
    }
}

fn within(times: &[f64], from: f64, to: f64) -> f64 {
    let inside = times.iter().filter(|at| (from..to).contains(*at));
    inside.count() as f64
}

#[derive(Clone)]
struct Dependency {
    begun: Instant,
    fault: Fault,
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
            record.sent_at.push(now);
            let state = self.circuit.as_ref().map(BreakerHandle::state);
            if state == Some(State::HalfOpen) {
                record.probes += 1.0;
            }
        }
        let failing = match now {
            _ if (DIES..LIMPS).contains(&now) => 1.0,
            _ if (LIMPS..RETURNS).contains(&now) => self.fault.limp,
            _ => 0.005,
        };
        let took = sim::exponential(&self.rng, Duration::from_millis(10));
        let fails = sim::chance(&self.rng, failing);
        match self.fault.death {
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

/// Calls the dependency, within the timeout, through what `guard` puts around it.
pub async fn trace(
    fault: Fault,
    seed: u64,
    circuit: Option<BreakerHandle>,
    guard: impl FnOnce(Calls) -> Calls,
) -> Record {
    let dependency = Dependency {
        begun: Instant::now(),
        fault,
        rng: sim::rng(seed, 2),
        record: Arc::new(Mutex::new(Record::new())),
        circuit,
    };
    let clock = dependency.clone();
    if let Some(circuit) = &dependency.circuit {
        let (mut watch, clock) = (circuit.watch(), clock.clone());
        tokio::spawn(async move {
            while let Some(state) = watch.changed().await {
                if state == State::Open {
                    let mut record = clock.record.lock().expect("no panic");
                    record.openings.push(clock.now());
                }
            }
        });
    }
    let limit = TimeoutConfig::default().limit(TIMEOUT);
    let inner = ServiceBuilder::new()
        .layer(TimeoutLayer::new("dependency", limit).expect("the limit is in range"))
        .service(service_fn(move |()| dependency.clone().answer()));
    let service = guard(Calls::new(inner));
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
                Err(error) if is_refusal(&error) => record.refused_at.push(at),
                Err(_) => {}
            }
        });
    }
    set.join_all().await;
    let record = clock.record.lock().expect("no panic");
    record.clone()
}
