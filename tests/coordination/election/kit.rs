//! A desk that gives out leases, and does with each question what a script says.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mainstay::coordination::{
    AcquireError, Clock, ElectionConfig, FencingToken, Grant, LeaderElection, Leadership,
    LeaseStore, Moment, NodeId, RenewError, Safety, Timing, TimingConfig, TokioClock,
};
use tokio::sync::Notify;
use tokio::task::consume_budget;
use tokio::time::{Instant, sleep};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// tokio's timers have a grain of one millisecond, and two may follow each other.
pub(crate) const GRAIN: Duration = Duration::from_millis(2);

/// 2 s, of which the last 200 ms are the margin.
pub(crate) fn timing() -> Timing {
    Timing::new(TimingConfig::default()).unwrap()
}

pub(crate) fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

/// What the desk does with one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Does {
    /// What is right.
    Serve,
    /// What is right, but the answer takes so long.
    Late(Duration),
    Hang,
    /// It hangs, and uses up all that tokio lets its task do, at every poll.
    Spin,
    Panic,
    Taken(Option<NodeId>, Duration),
    Unavailable(Duration),
    Exhausted,
    /// It is renewed, but nobody hears of it.
    Unknown,
    Lost,
    /// A lease that has ended when it comes.
    Spent,
    /// A lease that ends just after its margin has begun.
    Short,
    /// One that ends long after the ttl, and without a margin.
    Long,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Acquire(Option<u64>),
    Granted(u64),
    Renew,
    Renewed,
    Release,
}

#[derive(Debug)]
pub(crate) struct Script {
    next: VecDeque<Does>,
    otherwise: Does,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self {
            next: VecDeque::new(),
            otherwise: Does::Serve,
        }
    }

    fn next(&mut self) -> Does {
        self.next.pop_front().unwrap_or(self.otherwise)
    }

    pub(crate) fn once(&mut self, does: Does) -> &mut Self {
        self.next.push_back(does);
        self
    }

    pub(crate) fn otherwise(&mut self, does: Does) {
        self.otherwise = does;
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) acquires: Script,
    pub(crate) renewals: Script,
    pub(crate) releases: Script,
    /// Whether there is always a hint that the lease is free.
    pub(crate) hints: bool,
    pub(crate) log: Vec<(u128, Op)>,
    pub(crate) holder: Option<(NodeId, u64, Instant)>,
    pub(crate) high: u64,
    pub(crate) stores: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Desk {
    state: Arc<Mutex<State>>,
    freed: Arc<Notify>,
    start: Instant,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let state = State {
            acquires: Script::new(),
            renewals: Script::new(),
            releases: Script::new(),
            hints: false,
            log: Vec::new(),
            holder: None,
            high: 0,
            stores: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            freed: Arc::default(),
            start: Instant::now(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self, node: u32, clock: impl Clock) -> Store {
        self.state().stores += 1;
        Store {
            desk: self.clone(),
            node: NodeId(node),
            clock: Arc::new(clock),
            token: None,
        }
    }

    pub(crate) fn log(&self) -> Vec<Op> {
        self.state().log.iter().map(|(_, op)| *op).collect()
    }

    pub(crate) fn times(&self, op: impl Fn(Op) -> bool) -> Vec<u128> {
        let state = self.state();
        let found = state.log.iter().filter(|(_, logged)| op(*logged));
        found.map(|(at, _)| *at).collect()
    }

    pub(crate) fn asked(&self) -> usize {
        self.times(|op| matches!(op, Op::Acquire(_))).len()
    }

    pub(crate) fn released(&self) -> Vec<u128> {
        self.times(|op| op == Op::Release)
    }

    pub(crate) fn is_held(&self) -> bool {
        let holder = self.state().holder;
        holder.is_some_and(|(_, _, until)| Instant::now() < until)
    }

    fn note(&self, op: Op) {
        let at = self.start.elapsed().as_millis();
        self.state().log.push((at, op));
    }
}

/// One node's way to the desk.
#[derive(Debug)]
pub(crate) struct Store {
    desk: Desk,
    node: NodeId,
    clock: Arc<dyn Clock>,
    token: Option<u64>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.desk.state().stores -= 1;
    }
}

impl Store {
    fn grant(number: u64, asked: Moment) -> Grant {
        let ends = asked.after(timing().ttl());
        Grant {
            token: token(number),
            usable_until: ends.before(timing().margin()),
            ends,
        }
    }

    fn take(&mut self, floor: Option<u64>) -> Result<u64, AcquireError> {
        let now = Instant::now();
        let mut state = self.desk.state();
        if let Some((leader, _, until)) = state.holder {
            if leader != self.node && now < until {
                let retry = until - now;
                let leader = Some(leader);
                return Err(AcquireError::Taken { leader, retry });
            }
        }
        let highest = state.high.max(floor.unwrap_or(0));
        let number = highest.checked_add(1).ok_or(AcquireError::Exhausted)?;
        state.high = number;
        state.holder = Some((self.node, number, now + timing().held()));
        self.token = Some(number);
        Ok(number)
    }

    fn keep(&mut self) -> Result<u64, RenewError> {
        let now = Instant::now();
        let mut state = self.desk.state();
        match (&mut state.holder, self.token) {
            (Some((node, number, until)), Some(mine))
                if *node == self.node && *number == mine && now < *until =>
            {
                *until = now + timing().held();
                Ok(mine)
            }
            _ => Err(RenewError::Lost),
        }
    }
}

impl Does {
    fn made_of(self, grant: Grant) -> Grant {
        let ends = match self {
            Self::Spent => grant.ends.before(timing().ttl()),
            Self::Short => {
                let asked = grant.ends.before(timing().ttl());
                asked.after(timing().margin()).after(MS)
            }
            Self::Long => grant.ends.after(60 * SECOND),
            _ => return grant,
        };
        let usable_until = match self {
            Self::Long => ends,
            _ => ends.before(timing().margin()),
        };
        Grant {
            usable_until,
            ends,
            ..grant
        }
    }
}

async fn act(does: Does) {
    match does {
        Does::Late(wait) => sleep(wait).await,
        Does::Hang => pending().await,
        Does::Spin => loop {
            consume_budget().await;
        },
        Does::Panic => panic!("the script says so"),
        _ => {}
    }
}

impl LeaseStore for Store {
    const SAFETY: Safety = Safety::Fenced;

    fn timing(&self) -> Timing {
        timing()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    async fn acquire(&mut self, floor: Option<FencingToken>) -> Result<Grant, AcquireError> {
        let (floor, asked) = (floor.map(FencingToken::number), self.clock.now());
        self.desk.note(Op::Acquire(floor));
        let does = self.desk.state().acquires.next();
        match does {
            Does::Taken(leader, retry) => return Err(AcquireError::Taken { leader, retry }),
            Does::Unavailable(retry) => {
                let source = None;
                return Err(AcquireError::Unavailable { retry, source });
            }
            Does::Exhausted => return Err(AcquireError::Exhausted),
            _ => {}
        }
        // It may be granted before the answer comes, or does not.
        let taken = self.take(floor);
        act(does).await;
        let number = taken?;
        self.desk.note(Op::Granted(number));
        Ok(does.made_of(Self::grant(number, asked)))
    }

    async fn renew(&mut self) -> Result<Grant, RenewError> {
        let asked = self.clock.now();
        self.desk.note(Op::Renew);
        let does = self.desk.state().renewals.next();
        act(does).await;
        match does {
            Does::Unknown => Err(RenewError::Unknown { source: None }),
            Does::Lost => Err(RenewError::Lost),
            _ => {
                let number = self.keep()?;
                self.desk.note(Op::Renewed);
                Ok(does.made_of(Self::grant(number, asked)))
            }
        }
    }

    async fn release(&mut self) {
        self.desk.note(Op::Release);
        self.token = None;
        let does = self.desk.state().releases.next();
        act(does).await;
        let mut state = self.desk.state();
        if state.holder.is_some_and(|(node, _, _)| node == self.node) {
            state.holder = None;
            drop(state);
            self.desk.freed.notify_waiters();
        }
    }

    async fn freed(&mut self) {
        if !self.desk.state().hints {
            self.desk.freed.notified().await;
        }
    }
}

/// An election of node 1, by tokio's clock.
pub(crate) fn election() -> (LeaderElection, Desk) {
    let desk = Desk::new();
    let store = desk.store(1, TokioClock::new());
    let election = LeaderElection::new("billing", store, ElectionConfig::default());
    (election.unwrap(), desk)
}

/// Lets the driver do what it can do now, and a little time go by.
pub(crate) async fn settle() {
    sleep(MS).await;
}

/// How it stands, in a word.
pub(crate) fn stands(leadership: &Leadership) -> &'static str {
    match leadership {
        Leadership::Follower { .. } => "follower",
        Leadership::Elected(_) => "elected",
        Leadership::AtRisk(_) => "at risk",
        Leadership::Expiring(_) => "expiring",
        Leadership::Lost(_) => "lost",
        _ => "unknown",
    }
}

/// Every change, with its time.
pub(crate) fn changes(election: &LeaderElection) -> Arc<Mutex<Vec<(u128, &'static str)>>> {
    let changes = Arc::<Mutex<Vec<_>>>::default();
    let (mut watch, seen, start) = (election.watch(), Arc::clone(&changes), Instant::now());
    tokio::spawn(async move {
        while let Some(leadership) = watch.changed().await {
            let change = (start.elapsed().as_millis(), stands(leadership));
            seen.lock().unwrap().push(change);
        }
        let end = (start.elapsed().as_millis(), "ended");
        seen.lock().unwrap().push(end);
    });
    changes
}
