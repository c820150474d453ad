//! Random histories: several nodes share one store, which delays, loses and repeats what it is asked;
//! handlers are slow, panic, or give up; nodes die; clients leave; keys are purged. What came of it is
//! held against what is promised.
//!
//! Fault 40, and with it 1, 3, 7 to 18 and 42 in all their combinations. `MAINSTAY_SEED=<n>` runs one
//! history alone.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use mainstay::idempotency::{ClientKey, Duplicates, Execution, IdempotencyConfig, OnLapse, Scoped};
use mainstay::{Deadline, Executed, Kind, Rejection, Rng, StackError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceExt};

use crate::desk::{Answer, Request, Response, SECOND, TestLayer, Text, layer_of};
use crate::ledger::{BODIES, Effect, KEYS, Log, TENANTS, claim_of};
use crate::shelf::{Fault, Node, Op, Shelf};

const HISTORIES: u64 = 10_000;
const LEASE: Duration = Duration::from_secs(10);
const CEILING: Duration = Duration::from_secs(40);
/// When clients no longer come.
const COMING: u64 = 60_000;
/// Past every lease, wait and ceiling.
const PATIENCE: Duration = Duration::from_secs(600);

fn below(rng: &Rng, bound: u64) -> u64 {
    rng.bits() % bound
}

fn millis(rng: &Rng, bound: u64) -> Duration {
    Duration::from_millis(below(rng, bound))
}

fn pick<T: Copy>(rng: &Rng, from: &[T]) -> T {
    from[usize::try_from(below(rng, from.len() as u64)).unwrap()]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Answer,
    Huge,
    /// The only one without an effect.
    RefuseUnrun,
    RefuseUnknown,
    Panic,
    PanicUnrun,
    UntilLost,
}

const ENDS: [End; 10] = [
    End::Answer,
    End::Answer,
    End::Answer,
    End::RefuseUnrun,
    End::RefuseUnrun,
    End::RefuseUnknown,
    End::Huge,
    End::Panic,
    End::PanicUnrun,
    End::UntilLost,
];

/// One process: a layer of its own, and a way to the store.
#[derive(Clone)]
struct Process {
    layer: TestLayer,
    dead: Arc<watch::Sender<bool>>,
    node: Node,
}

impl Process {
    fn start(shelf: &Shelf, config: IdempotencyConfig, rng: &Rng, trouble: u64) -> Self {
        let node = shelf.node();
        let dead = Arc::new(watch::Sender::new(false));
        let (is_dead, faults) = (dead.subscribe(), Rng::seeded(rng.bits()));
        node.choose(move |_: Op| {
            if *is_dead.borrow() {
                return Fault::Hang;
            }
            if below(&faults, 100) >= trouble {
                return Fault::None;
            }
            match below(&faults, 8) {
                0 => Fault::Error,
                1 => Fault::Hang,
                2 | 3 => Fault::LoseReply,
                4 => Fault::Delay(millis(&faults, 3000)),
                5 => Fault::SlowReply(millis(&faults, 3000)),
                6 => Fault::Twice,
                _ => Fault::Late(millis(&faults, 30_000)),
            }
        });
        let layer = layer_of("pay", config, Text::default(), &node);
        let layer = layer.rng(Rng::seeded(rng.bits()));
        Self { layer, dead, node }
    }

    /// Calls as a client whose connection ends with the process.
    async fn call(
        &self,
        log: &Arc<Log>,
        client: u64,
        request: Request,
        rng: Rng,
    ) -> Option<Answer> {
        let (log, dead) = (Arc::clone(log), self.dead.subscribe());
        let handler_dies = self.dead.subscribe();
        let inner = tower::service_fn(move |request: Request| {
            let (log, rng) = (Arc::clone(&log), rng.clone());
            let dies = handler_dies.clone();
            async move {
                tokio::select! {
                    biased;
                    () = died(dies) => std::future::pending().await,
                    answer = handle(&log, client, request, &rng) => answer,
                }
            }
        });
        // Boxed: the compiler does not see through so many generics that the call can be sent.
        let service = BoxCloneSyncService::new(self.layer.layer(inner));
        let call = AssertUnwindSafe(service.oneshot(request)).catch_unwind();
        tokio::select! {
            biased;
            () = died(dead) => None,
            answer = call => Some(answer.unwrap_or_else(|_| Err("it panicked".into()))),
        }
    }
}

async fn died(mut dead: watch::Receiver<bool>) {
    drop(dead.wait_for(|dead| *dead).await);
}

async fn handle(log: &Log, client: u64, request: Request, rng: &Rng) -> Answer {
    let execution = Execution::current().expect("it has a claim");
    let end = pick(rng, &ENDS);
    let slowness = pick(rng, &[10, 1000, 25_000]);
    sleep(millis(rng, slowness)).await;
    let refuse = |executed| Rejection::new(Kind::CircuitOpen, executed, "inner".into()).into();
    match end {
        End::RefuseUnrun => return Err(refuse(Executed::No)),
        // Past the hook, which would print.
        End::PanicUnrun => resume_unwind(Box::new("as it was told")),
        _ => {}
    }
    log.effects.lock().unwrap().push(Effect {
        client,
        tenant: request.tenant.unwrap(),
        key: request.key.clone().unwrap(),
        body: request.body,
        attempt: execution.attempt(),
    });
    sleep(millis(rng, slowness)).await;
    let text = |what: &str| format!("{what}{}", signature(&request, client));
    let response = |text| Response {
        text,
        is_replay: false,
        is_bypass: false,
    };
    match end {
        End::Answer => Ok(response(text(""))),
        End::Huge => Ok(response(text("huge "))),
        End::Panic => resume_unwind(Box::new("as it was told")),
        End::UntilLost => {
            execution.clone().lease_lost().await;
            Err(refuse(Executed::Unknown))
        }
        _ => Err(refuse(Executed::Unknown)),
    }
}

/// Whose request it was that a response speaks of, and which run made it.
fn signature(request: &Request, client: u64) -> String {
    format!("{}#{client}", claim_of(request))
}

struct History {
    rng: Rng,
    config: IdempotencyConfig,
    shelf: Shelf,
    log: Arc<Log>,
    trouble: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let rng = Rng::seeded(seed);
        let on_lapse = pick(&rng, &[OnLapse::Indeterminate, OnLapse::TakeOver]);
        let max = Duration::from_secs(1 + below(&rng, 40));
        let duplicates = pick(&rng, &[Duplicates::Refuse, Duplicates::Wait { max }]);
        let config = IdempotencyConfig::default()
            .lease(LEASE)
            .ceiling(CEILING)
            .on_lapse(on_lapse)
            .duplicates(duplicates)
            .strict_finish(below(&rng, 4) == 0);
        Self {
            config,
            shelf: Shelf::default(),
            log: Arc::default(),
            trouble: pick(&rng, &[0, 5, 30, 70]),
            rng,
        }
    }

    fn request(&self) -> Request {
        Request {
            tenant: Some(pick(&self.rng, &TENANTS)),
            key: Some(pick(&self.rng, &KEYS).to_owned()),
            body: pick(&self.rng, &BODIES),
        }
    }

    fn is_once(&self) -> bool {
        self.config == self.config.on_lapse(OnLapse::Indeterminate)
    }

    fn start(&self) -> Process {
        Process::start(&self.shelf, self.config, &self.rng, self.trouble)
    }

    async fn run(self) {
        let nodes = usize::try_from(1 + below(&self.rng, 3)).unwrap();
        let mut processes: Vec<_> = (0..nodes).map(|_| self.start()).collect();
        let mut clients = JoinSet::new();
        let mut times: Vec<_> = (0..4 + below(&self.rng, 10))
            .map(|_| below(&self.rng, COMING))
            .collect();
        times.sort_unstable();
        let mut now = 0;
        for (client, time) in (0..).zip(times) {
            sleep(Duration::from_millis(time - now)).await;
            now = time;
            let at = usize::try_from(below(&self.rng, nodes as u64)).unwrap();
            match below(&self.rng, 20) {
                0 => {
                    // It dies, and another is started in its place.
                    processes[at].dead.send_replace(true);
                    processes[at] = self.start();
                }
                1 => self.purge(&processes[at]),
                _ => self.come(&mut clients, &processes[at], client),
            }
        }
        let ended = tokio::time::timeout(PATIENCE, async {
            while let Some(ended) = clients.join_next().await {
                ended.unwrap();
            }
        });
        assert!(ended.await.is_ok(), "a call does not end");
        sleep(PATIENCE).await;
        for process in &processes {
            let snapshot = process.layer.handle().snapshot();
            assert_eq!((snapshot.executing(), snapshot.waiting()), (0, 0));
            let left = process.layer.handle().drain(Deadline::within(SECOND)).await;
            assert_eq!(left, 0);
        }
        self.nothing_is_pending().await;
        self.log.check(self.is_once());
    }

    fn come(&self, clients: &mut JoinSet<()>, process: &Process, client: u64) {
        let (process, log) = (process.clone(), Arc::clone(&self.log));
        let (request, rng) = (self.request(), Rng::seeded(self.rng.bits()));
        let leaves = (below(&self.rng, 5) == 0).then(|| millis(&self.rng, 20_000));
        clients.spawn(async move {
            let call = process.call(&log, client, request.clone(), rng);
            let answer = tokio::time::timeout(leaves.unwrap_or(Duration::MAX), call).await;
            if let Ok(Some(answer)) = answer {
                log.answers.lock().unwrap().push((client, request, answer));
            }
        });
    }

    fn purge(&self, process: &Process) {
        let (tenant, key) = (pick(&self.rng, &TENANTS), pick(&self.rng, &KEYS));
        let client_key = ClientKey::of(key.as_bytes());
        let at = process
            .layer
            .handle()
            .store_key(Scoped::To(tenant), client_key);
        if process.node.shelf.purge(at.unwrap()) {
            let mut purges = self.log.purges.lock().unwrap();
            *purges.entry((tenant, key.to_owned())).or_default() += 1;
        }
    }

    /// No state without an exit: each key is done, or of unknown outcome, or runs again.
    async fn nothing_is_pending(&self) {
        let calm = layer_of("pay", self.config, Text::default(), &self.shelf.node());
        let quick =
            tower::service_fn(|_: Request| async { Err::<Response, _>(BoxError::from("")) });
        for tenant in TENANTS {
            for key in KEYS {
                let request = Request {
                    tenant: Some(tenant),
                    key: Some(key.to_owned()),
                    body: BODIES[0],
                };
                let answer = calm.layer(quick).oneshot(request).await;
                let kind = answer
                    .err()
                    .and_then(|error| Some(error.rejection()?.kind()));
                assert_ne!(
                    kind,
                    Some(Kind::InFlight),
                    "{tenant}/{key} is pending for ever"
                );
                if !self.is_once() {
                    assert_ne!(kind, Some(Kind::OutcomeUnknown), "nobody took over");
                }
            }
        }
    }
}

fn play(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(History::new(seed).run());
}

fn play_all(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        if let Err(panic) = catch_unwind(|| play(seed)) {
            println!("run it again with MAINSTAY_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn ten_thousand_random_histories_keep_what_is_promised() {
    if let Ok(seed) = std::env::var("MAINSTAY_SEED") {
        return play(seed.parse().expect("a number"));
    }
    // Two processors at the least; a history does not see another.
    std::thread::scope(|threads| {
        let workers: Vec<_> = (0..2)
            .map(|worker| threads.spawn(move || play_all((worker..HISTORIES).step_by(2))))
            .collect();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
}
