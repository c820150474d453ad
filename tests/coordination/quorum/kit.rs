//! Acceptors, ways to them that fail as told, clocks that differ, and stores that break.

use std::error::Error as StdError;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use mainstay::coordination::{
    Accept, AcceptorId, AcceptorService, Ask, Ballot, Clock, EphemeralTokenStore, FencingToken,
    Incarnation, LeaseRequest, LeaseResponse, Message, Moment, NodeId, Owner, Prepare,
    QuorumConfig, QuorumLease, Release, Reply, StoreError, Timing, TimingConfig, TokenRecord,
    TokenStore, TokioClock,
};
use tokio::time::sleep;
use tower::{Service, ServiceExt};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const TTL: Duration = Duration::from_secs(1);
pub(crate) const MARGIN: Duration = Duration::from_millis(100);
pub(crate) const RESOURCE: &str = "ledger";

pub(crate) fn timing() -> Timing {
    Timing::new(TimingConfig::default().ttl(TTL).margin(MARGIN)).unwrap()
}

pub(crate) fn store() -> EphemeralTokenStore {
    EphemeralTokenStore::new(RESOURCE)
}

pub(crate) fn acceptor(id: u32) -> AcceptorService {
    acceptor_with(id, store())
}

pub(crate) fn acceptor_with(id: u32, store: impl TokenStore) -> AcceptorService {
    AcceptorService::embedded(RESOURCE, AcceptorId(id), timing(), store, TokioClock::new())
}

pub(crate) fn config() -> QuorumConfig {
    QuorumConfig::new(timing()).clock(TokioClock::new())
}

pub(crate) fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

pub(crate) fn ballot(counter: u64, node: u32) -> Ballot {
    let owner = Owner {
        node: NodeId(node),
        incarnation: Incarnation(node.into()),
    };
    Ballot { counter, owner }
}

pub(crate) fn ask(message: Message) -> LeaseRequest {
    LeaseRequest {
        resource: RESOURCE.into(),
        ask: Ask::Message(message),
    }
}

pub(crate) fn prepare(ballot: Ballot) -> LeaseRequest {
    ask(Message::Prepare(Prepare { ballot }))
}

pub(crate) fn accept(ballot: Ballot, number: u64) -> LeaseRequest {
    ask(Message::Accept(Accept {
        ballot,
        token: token(number),
        ttl: TTL,
    }))
}

pub(crate) fn release(ballot: Ballot) -> LeaseRequest {
    ask(Message::Release(Release { ballot }))
}

pub(crate) fn wait(within: Duration) -> LeaseRequest {
    LeaseRequest {
        resource: RESOURCE.into(),
        ask: Ask::Wait { within },
    }
}

pub(crate) fn is_accepted(response: LeaseResponse) -> bool {
    matches!(response, LeaseResponse::Reply(Reply::Accepted(_)))
}

/// A lease that `node` has been granted by `acceptor`, at its first attempt.
pub(crate) async fn granted(acceptor: &AcceptorService, node: u32, number: u64) -> Ballot {
    let ballot = ballot(number, node);
    let request = accept(ballot, number);
    assert!(is_accepted(
        acceptor.clone().oneshot(request).await.unwrap()
    ));
    ballot
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Through,
    /// It never arrives, and nobody says so.
    Hangs,
    /// It does not arrive.
    Fails,
    /// It arrives; the answer does not.
    LosesReply,
    /// It arrives; the answer does not, and nobody says so.
    SwallowsReply,
    Panics,
    NeverReady,
    /// It goes through, but for a wait, to which somebody says that nothing is held.
    SaysFree,
}

/// A way to one acceptor. Clones are one way.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) acceptor: AcceptorService,
    state: Arc<Mutex<State>>,
    is_ready: bool,
}

struct State {
    way: Way,
    delay: Duration,
    seen: Vec<Ask>,
    alive: usize,
    most: usize,
}

impl Line {
    pub(crate) fn new(acceptor: AcceptorService) -> Self {
        let state = State {
            way: Way::Through,
            delay: Duration::ZERO,
            seen: Vec::new(),
            alive: 0,
            most: 0,
        };
        Self {
            acceptor,
            state: Arc::new(Mutex::new(state)),
            is_ready: false,
        }
    }

    /// Another way to the same acceptor.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.acceptor.clone())
    }

    pub(crate) fn set(&self, way: Way) {
        self.state.lock().unwrap().way = way;
    }

    /// Each way.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    pub(crate) fn seen(&self) -> Vec<Ask> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    /// How many were under way at a time.
    pub(crate) fn most(&self) -> usize {
        self.state.lock().unwrap().most
    }

    pub(crate) fn alive(&self) -> usize {
        self.state.lock().unwrap().alive
    }
}

#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the line is broken")
    }
}

impl StdError for Broken {}

pub(crate) type Fault = Box<dyn StdError + Send + Sync>;

impl Service<LeaseRequest> for Line {
    type Response = LeaseResponse;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<LeaseResponse, Fault>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.state.lock().unwrap().way == Way::NeverReady {
            // Somebody could wake it.
            std::mem::forget(cx.waker().clone());
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: LeaseRequest) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "nobody made it ready");
        let (way, delay) = {
            let state = self.state.lock().unwrap();
            (state.way, state.delay)
        };
        let mut acceptor = self.acceptor.clone();
        let call = Calling::new(self, request.ask);
        Box::pin(async move {
            let _call = call;
            if delay > Duration::ZERO {
                sleep(delay).await;
            }
            match way {
                Way::SaysFree if matches!(request.ask, Ask::Wait { .. }) => {
                    return Ok(LeaseResponse::Free { promised: None });
                }
                Way::Through | Way::LosesReply | Way::SwallowsReply | Way::SaysFree => {}
                Way::Hangs | Way::NeverReady => pending().await,
                Way::Fails => return Err(Broken.into()),
                Way::Panics => panic!("the transport panics, as told"),
            }
            let answer = acceptor.ready().await?.call(request).await?;
            if delay > Duration::ZERO {
                sleep(delay).await;
            }
            match way {
                Way::LosesReply => Err(Broken.into()),
                Way::SwallowsReply => pending().await,
                _ => Ok(answer),
            }
        })
    }
}

/// A call that is alive.
struct Calling(Arc<Mutex<State>>);

impl Calling {
    fn new(line: &Line, ask: Ask) -> Self {
        let mut state = line.state.lock().unwrap();
        state.seen.push(ask);
        state.alive += 1;
        state.most = state.most.max(state.alive);
        Self(Arc::clone(&line.state))
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.0.lock().unwrap().alive -= 1;
    }
}

/// A clock whose rate is not tokio's, and that leaps when told.
#[derive(Clone, Debug)]
pub(crate) struct Rated {
    base: TokioClock,
    rate: f64,
    leapt: Arc<Mutex<Duration>>,
}

impl Rated {
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            base: TokioClock::new(),
            rate,
            leapt: Arc::default(),
        }
    }

    pub(crate) fn leap(&self, by: Duration) {
        *self.leapt.lock().unwrap() += by;
    }

    /// How long it takes in true time until it shows `moment`.
    pub(crate) fn until(&self, moment: Moment) -> Duration {
        moment.since(self.now()).div_f64(self.rate)
    }
}

impl Clock for Rated {
    fn now(&self) -> Moment {
        let elapsed = self.base.now().since(Moment::ORIGIN).mul_f64(self.rate);
        Moment::from_origin(elapsed).after(*self.leapt.lock().unwrap())
    }
}

/// What a store does when it is to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    Keeps,
    Fails,
    Panics,
    Blocks,
}

/// A store that does as told. Clones are one store.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    inner: Arc<EphemeralTokenStore>,
    disk: Arc<(Mutex<(Disk, usize)>, Condvar)>,
}

impl Told {
    pub(crate) fn new(disk: Disk) -> Self {
        Self {
            inner: Arc::new(store()),
            disk: Arc::new((Mutex::new((disk, 0)), Condvar::new())),
        }
    }

    pub(crate) fn set(&self, disk: Disk) {
        self.disk.0.lock().unwrap().0 = disk;
        self.disk.1.notify_all();
    }

    /// Returns when a thread is in it. Blocks.
    pub(crate) fn entered(&self) {
        let (state, changed) = &*self.disk;
        let entered = changed.wait_while(state.lock().unwrap(), |(_, entered)| *entered == 0);
        drop(entered);
    }
}

impl TokenStore for Told {
    fn load(&self) -> Option<TokenRecord> {
        self.inner.load()
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        let (state, changed) = &*self.disk;
        let disk = {
            let mut state = state.lock().unwrap();
            state.1 += 1;
            changed.notify_all();
            let state = changed.wait_while(state, |(disk, _)| *disk == Disk::Blocks);
            state.unwrap().0
        };
        match disk {
            Disk::Fails => Err(StoreError::Failed),
            Disk::Panics => panic!("the store panics, as told"),
            Disk::Keeps | Disk::Blocks => self.inner.record(record),
        }
    }
}

/// Acceptors from 1, and a line of its own to each for every node.
pub(crate) struct Net {
    pub(crate) acceptors: Vec<AcceptorService>,
}

impl Net {
    pub(crate) fn new(count: u32) -> Self {
        Self {
            acceptors: (1..=count).map(acceptor).collect(),
        }
    }

    pub(crate) fn node(&self, node: u32) -> (QuorumLease<Line>, Vec<Line>) {
        self.node_with(node, config())
    }

    pub(crate) fn node_with(
        &self,
        node: u32,
        config: QuorumConfig,
    ) -> (QuorumLease<Line>, Vec<Line>) {
        let lines: Vec<_> = self.acceptors.iter().cloned().map(Line::new).collect();
        (lease(node, &lines, config), lines)
    }
}

pub(crate) fn lease(node: u32, lines: &[Line], config: QuorumConfig) -> QuorumLease<Line> {
    let pairs = lines.iter().map(|line| (line.acceptor.id(), line.clone()));
    QuorumLease::new(RESOURCE, NodeId(node), pairs, config).unwrap()
}

/// Lets every disk come to its end: time stands still until then. The last acceptor writes beside those
/// that were enough.
pub(crate) async fn settle() {
    sleep(MS).await;
}
