//! Processes that elect a leader among them: each has an acceptor, a candidate and a clock.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::coordination::{
    AcceptorId, AcceptorService, Clock, ElectionConfig, EphemeralTokenStore, Incarnation,
    LeaderElection, LeaseGuard, LeaseRequest, LeaseResponse, Moment, NodeId, QuorumConfig,
    QuorumLease, Timing, TimingConfig,
};
use mainstay::timeout::{TimeoutConfig, TimeoutLayer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

use crate::sim;

/// A millisecond of the model on tokio's clock, whose timers are rounded to the millisecond.
pub const MS: Duration = Duration::from_millis(100);
/// How long a message takes.
pub const DELAY: (Duration, Duration) = (MS.checked_div(10).unwrap(), MS.saturating_mul(5));

/// What all of them are set to.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub nodes: u32,
    /// On tokio's clock, as all times here.
    pub ttl: Duration,
    pub margin: Duration,
    pub drift: f64,
}

impl Setting {
    pub fn timing(&self) -> Timing {
        let config = TimingConfig::default().ttl(self.ttl).margin(self.margin);
        Timing::new(config.drift(self.drift).tick(MS)).expect("the times are in range")
    }
}

/// Whom the messages of a process reach.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    All,
    Itself,
    Nobody,
}

#[derive(Clone)]
struct Network {
    reaches: Arc<Mutex<Vec<Reach>>>,
    begun: Instant,
    seed: u64,
}

impl Network {
    fn set(&self, node: u32, reach: Reach) {
        self.reaches.lock().expect("no panic")[node as usize] = reach;
    }

    /// Whether a message arrives that leaves now. What is under way already does.
    ///
    /// How long it takes is drawn from when it leaves and where, and from nothing that was drawn before: of
    /// what happens in one instant, an acceptor's write on another thread first or last, the order must
    /// change nothing.
    async fn carry(&self, from: u32, to: u32) -> bool {
        let [one, other] = {
            let reaches = self.reaches.lock().expect("no panic");
            [reaches[from as usize], reaches[to as usize]]
        };
        if from == to {
            return one != Reach::Nobody;
        }
        let leaves = u64::try_from(self.begun.elapsed().as_millis()).expect("few");
        let part = (leaves << 16) + (u64::from(from) << 8) + u64::from(to);
        let share = sim::uniform(&sim::rng(self.seed, part));
        sleep(DELAY.0 + (DELAY.1 - DELAY.0).mul_f64(share)).await;
        [one, other] == [Reach::All; 2]
    }
}

/// One that goes too fast or too slow.
#[derive(Clone, Debug)]
struct Skewed {
    origin: Instant,
    rate: f64,
}

impl Clock for Skewed {
    fn now(&self) -> Moment {
        Moment::from_origin(self.origin.elapsed().mul_f64(self.rate))
    }
}

type Way = BoxCloneService<LeaseRequest, LeaseResponse, BoxError>;

/// The way from a candidate to an acceptor. Who gives up does not call back what it has sent.
fn way(network: &Network, from: u32, acceptor: &AcceptorService, limit: Duration) -> Way {
    let (network, acceptor) = (network.clone(), acceptor.clone());
    let wire = service_fn(move |request| {
        let (network, acceptor) = (network.clone(), acceptor.clone());
        let to = acceptor.id().0;
        let sent = tokio::spawn(async move {
            if !network.carry(from, to).await {
                return Ok(None);
            }
            let answer = acceptor.oneshot(request).await?;
            Ok::<_, BoxError>(network.carry(to, from).await.then_some(answer))
        });
        async move {
            match sent.await?? {
                Some(answer) => Ok(answer),
                None => pending().await,
            }
        }
    });
    let limit = TimeoutConfig::default().limit(limit);
    ServiceBuilder::new()
        .layer(TimeoutLayer::new("acceptor", limit).expect("the limit is in range"))
        .service(wire)
        .boxed_clone()
}

/// Who has been elected.
pub struct Leader {
    pub node: u32,
    pub guard: LeaseGuard,
}

pub struct Cluster {
    network: Network,
    rates: Vec<f64>,
    candidates: Vec<JoinHandle<()>>,
    elected: mpsc::UnboundedReceiver<Leader>,
}

impl Cluster {
    /// All of them start, and campaign once each.
    pub fn start(setting: &Setting, seed: u64) -> Self {
        let (timing, origin) = (setting.timing(), Instant::now());
        let fate = sim::rng(seed, 1);
        // At the edges half of the time: there it matters.
        let rates: Vec<f64> = (0..setting.nodes)
            .map(|_| {
                let least = 1.0 - setting.drift;
                let faster = match sim::uniform(&fate) {
                    at if at < 0.25 => 0.0,
                    at if at < 0.5 => 1.0,
                    _ => sim::uniform(&fate),
                };
                least + 2.0 * setting.drift * faster
            })
            .collect();
        let clock = |node: u32| Skewed {
            origin,
            rate: rates[node as usize],
        };
        let acceptors: Vec<_> = (0..setting.nodes)
            .map(|node| {
                let store = EphemeralTokenStore::new("job");
                AcceptorService::new("job", AcceptorId(node), timing, store, clock(node))
            })
            .collect();
        let network = Network {
            reaches: Arc::new(Mutex::new(vec![Reach::All; setting.nodes as usize])),
            begun: origin,
            seed,
        };
        let (sender, elected) = mpsc::unbounded_channel();
        let candidates = (0..setting.nodes).map(|node| {
            let part = |number: u32| sim::rng(seed, u64::from(2 + 2 * node + number));
            let ways = acceptors.iter().map(|acceptor| {
                let id = acceptor.id();
                let limit = setting.ttl / 3;
                (id, way(&network, node, acceptor, limit))
            });
            let config = QuorumConfig::new(timing)
                .clock(clock(node))
                .wait(setting.ttl / 4)
                .incarnation(Incarnation(u128::from(fate.bits())))
                .rng(part(0));
            let lease = QuorumLease::new("job", NodeId(node), ways, config);
            let lease = lease.expect("an odd number of acceptors");
            let config = ElectionConfig::default().rng(part(1));
            let election = LeaderElection::new("job", lease, config).expect("a runtime is there");
            let sender = sender.clone();
            tokio::spawn(async move {
                let guard = election.campaign().await.expect("it goes on");
                let _ = sender.send(Leader { node, guard });
                pending().await
            })
        });
        Self {
            candidates: candidates.collect(),
            network,
            rates,
            elected,
        }
    }

    pub async fn next(&mut self) -> Leader {
        self.elected.recv().await.expect("somebody is left")
    }

    pub fn is_nobody_else_elected(&mut self) -> bool {
        self.elected.try_recv().is_err()
    }

    /// How long it takes in true time until a node's clock has gone on by so much.
    pub fn lasts(&self, node: u32, by_its_clock: Duration) -> Duration {
        by_its_clock.div_f64(self.rates[node as usize])
    }

    /// Its process is gone, and nothing that it would still send goes out.
    pub fn kill(&self, leader: Leader) {
        self.network.set(leader.node, Reach::Nobody);
        self.candidates[leader.node as usize].abort();
    }

    /// It reaches none of the others, nor they it.
    pub fn cut_off(&self, node: u32) {
        self.network.set(node, Reach::Itself);
    }
}
