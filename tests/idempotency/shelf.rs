//! A store that is one map, and that fails as it is told: what the layer is tested against.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, Store, StoreKey, Stored,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tower::BoxError;

/// Of what the store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Claim,
    Renew,
    Finish,
    Release,
}

/// What becomes of one asking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// Nothing is done, and that is said.
    Error,
    /// Nothing is done, and nothing said.
    Hang,
    /// It is done at once, and an error is said.
    LoseReply,
    /// It is done later, and said then.
    Delay(Duration),
    /// It is done at once, and said later.
    SlowReply(Duration),
    /// It is done twice.
    Twice,
    /// An error is said, and it is done later all the same.
    Late(Duration),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Pending {
        until: Instant,
    },
    /// Given back by one that took it over: nobody's, and an earlier one may have run.
    Unknown,
    Done(Stored),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) owner: Owner,
    pub(crate) attempt: u64,
    pub(crate) state: State,
    expires: Instant,
}

/// The map, shared by all nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    entries: Arc<Mutex<HashMap<StoreKey, Entry>>>,
    changed: Arc<Notify>,
    /// How many keys it has room for; 0 is any number.
    room: usize,
}

/// Beyond what any test waits for: never.
const NEVER: Duration = Duration::from_secs(1 << 33);

fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(NEVER)
}

/// Forgets a key whose retention has ended, unless it is claimed.
fn forget(entries: &mut HashMap<StoreKey, Entry>, key: StoreKey, now: Instant) {
    let has_expired = |entry: &Entry| {
        let is_leased = matches!(entry.state, State::Pending { until } if until > now);
        entry.expires <= now && !is_leased
    };
    if entries.get(&key).is_some_and(has_expired) {
        entries.remove(&key);
    }
}

impl Shelf {
    pub(crate) fn with_room(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// A way to it of one node's own.
    pub(crate) fn node(&self) -> Node {
        Node {
            shelf: self.clone(),
            faults: Arc::default(),
        }
    }

    pub(crate) fn entry(&self, key: StoreKey) -> Option<Entry> {
        self.entries.lock().unwrap().get(&key).cloned()
    }

    pub(crate) fn entries(&self) -> Vec<(StoreKey, Entry)> {
        let entries = self.entries.lock().unwrap();
        entries.iter().map(|(k, e)| (*k, e.clone())).collect()
    }

    /// The one entry that there is.
    #[track_caller]
    pub(crate) fn only(&self) -> Entry {
        let entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].1.clone()
    }

    /// Loses all its data.
    pub(crate) fn flush(&self) {
        self.entries.lock().unwrap().clear();
        self.changed.notify_waiters();
    }

    pub(crate) fn purge(&self, key: StoreKey) -> bool {
        let was_there = self.entries.lock().unwrap().remove(&key).is_some();
        self.changed.notify_waiters();
        was_there
    }

    fn claim(&self, claim: &Claim) -> Claimed {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap();
        forget(&mut entries, claim.key, now);
        let (until, expires) = (after(now, claim.lease), after(now, claim.retention));
        let Some(entry) = entries.get_mut(&claim.key) else {
            if self.room > 0 && entries.len() >= self.room {
                return Claimed::Full;
            }
            let state = State::Pending { until };
            let entry = Entry {
                fingerprint: claim.fingerprint,
                owner: claim.owner,
                attempt: 1,
                state,
                expires,
            };
            entries.insert(claim.key, entry);
            return Claimed::Acquired { attempt: 1 };
        };
        if entry.fingerprint != claim.fingerprint {
            return Claimed::Mismatch;
        }
        match &mut entry.state {
            State::Done(result) => Claimed::Done(result.clone()),
            State::Pending { until: ends, .. } if entry.owner == claim.owner => {
                *ends = until;
                entry.expires = expires;
                Claimed::Acquired {
                    attempt: entry.attempt,
                }
            }
            State::Pending { until: ends, .. } if *ends > now => Claimed::InFlight {
                lease_left: match *ends - now {
                    left if left > NEVER / 2 => Duration::MAX,
                    left => left,
                },
            },
            _ if claim.on_lapse == OnLapse::Indeterminate => Claimed::OutcomeUnknown {
                attempt: entry.attempt,
            },
            State::Pending { .. } | State::Unknown => {
                entry.state = State::Pending { until };
                entry.owner = claim.owner;
                entry.attempt += 1;
                entry.expires = expires;
                Claimed::Acquired {
                    attempt: entry.attempt,
                }
            }
        }
    }

    fn renew(&self, claim: &Claim) -> Fenced {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap();
        forget(&mut entries, claim.key, now);
        match entries.get_mut(&claim.key) {
            None => Fenced::Gone,
            Some(entry) if entry.state == State::Unknown => Fenced::Gone,
            Some(entry) if entry.owner != claim.owner => Fenced::Superseded,
            Some(entry) => {
                if let State::Pending { until, .. } = &mut entry.state {
                    *until = after(now, claim.lease);
                    entry.expires = after(now, claim.retention);
                }
                Fenced::Applied
            }
        }
    }

    fn finish(&self, claim: &Claim, result: Stored) -> Fenced {
        let expires = after(Instant::now(), claim.retention);
        let mut entries = self.entries.lock().unwrap();
        forget(&mut entries, claim.key, Instant::now());
        let room = self.room == 0 || entries.len() < self.room;
        let fenced = match entries.get_mut(&claim.key) {
            None if !room => Fenced::Gone,
            None => {
                let entry = Entry {
                    fingerprint: claim.fingerprint,
                    owner: claim.owner,
                    attempt: 1,
                    state: State::Done(result),
                    expires,
                };
                entries.insert(claim.key, entry);
                Fenced::Applied
            }
            Some(entry) if entry.owner != claim.owner && entry.state != State::Unknown => {
                Fenced::Superseded
            }
            Some(entry) => {
                if !matches!(entry.state, State::Done(_)) {
                    entry.owner = claim.owner;
                    entry.state = State::Done(result);
                    entry.expires = expires;
                }
                Fenced::Applied
            }
        };
        drop(entries);
        self.changed.notify_waiters();
        fenced
    }

    fn release(&self, claim: &Claim) -> Fenced {
        let mut entries = self.entries.lock().unwrap();
        forget(&mut entries, claim.key, Instant::now());
        let Some(entry) = entries.get_mut(&claim.key) else {
            return Fenced::Gone;
        };
        match entry.state {
            State::Unknown => return Fenced::Gone,
            State::Done(_) => return Fenced::Superseded,
            State::Pending { .. } if entry.owner != claim.owner => return Fenced::Superseded,
            State::Pending { .. } if entry.attempt > 1 => entry.state = State::Unknown,
            State::Pending { .. } => _ = entries.remove(&claim.key),
        }
        drop(entries);
        self.changed.notify_waiters();
        Fenced::Applied
    }
}

type Chooser = Box<dyn FnMut(Op) -> Fault + Send>;

/// One node's way to the shelf.
#[derive(Clone, Default)]
pub(crate) struct Node {
    pub(crate) shelf: Shelf,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    next: Mutex<VecDeque<(Op, Fault)>>,
    always: Mutex<HashMap<Op, Fault>>,
    chooser: Mutex<Option<Chooser>>,
    asked: Mutex<Vec<Op>>,
}

impl Node {
    /// The next such asking meets this; several queue up.
    pub(crate) fn next(&self, op: Op, fault: Fault) {
        self.faults.next.lock().unwrap().push_back((op, fault));
    }

    /// Every such asking meets this, unless one of `next` does.
    pub(crate) fn always(&self, op: Op, fault: Fault) {
        self.faults.always.lock().unwrap().insert(op, fault);
    }

    /// Every asking meets this.
    pub(crate) fn is_down(&self, fault: Fault) {
        for op in [Op::Claim, Op::Renew, Op::Finish, Op::Release] {
            self.always(op, fault);
        }
    }

    pub(crate) fn choose(&self, chooser: impl FnMut(Op) -> Fault + Send + 'static) {
        *self.faults.chooser.lock().unwrap() = Some(Box::new(chooser));
    }

    pub(crate) fn asked(&self, op: Op) -> usize {
        let asked = self.faults.asked.lock().unwrap();
        asked.iter().filter(|asked| **asked == op).count()
    }

    fn fault(&self, op: Op) -> Fault {
        self.faults.asked.lock().unwrap().push(op);
        if let Some(chooser) = &mut *self.faults.chooser.lock().unwrap() {
            return chooser(op);
        }
        let mut next = self.faults.next.lock().unwrap();
        if let Some(at) = next.iter().position(|(of, _)| *of == op) {
            return next.remove(at).unwrap().1;
        }
        let always = self.faults.always.lock().unwrap();
        always.get(&op).copied().unwrap_or(Fault::None)
    }

    async fn ask<R>(
        &self,
        op: Op,
        apply: impl Fn(&Shelf) -> R + Send + 'static,
    ) -> Result<R, BoxError> {
        match self.fault(op) {
            Fault::None => Ok(apply(&self.shelf)),
            Fault::Error => Err("the shelf is locked".into()),
            Fault::Hang => std::future::pending().await,
            Fault::LoseReply => {
                apply(&self.shelf);
                Err("the reply was lost".into())
            }
            Fault::Delay(wait) => {
                sleep(wait).await;
                Ok(apply(&self.shelf))
            }
            Fault::SlowReply(wait) => {
                let answer = apply(&self.shelf);
                sleep(wait).await;
                Ok(answer)
            }
            Fault::Twice => {
                apply(&self.shelf);
                Ok(apply(&self.shelf))
            }
            Fault::Late(wait) => {
                let later = self.shelf.clone();
                tokio::spawn(async move {
                    sleep(wait).await;
                    drop(apply(&later));
                });
                Err("the request was lost on the way".into())
            }
        }
    }
}

impl Store for Node {
    type Error = BoxError;

    async fn claim(&self, claim: &Claim) -> Result<Claimed, BoxError> {
        let claim = *claim;
        self.ask(Op::Claim, move |shelf| shelf.claim(&claim)).await
    }

    async fn renew(&self, claim: &Claim) -> Result<Fenced, BoxError> {
        let claim = *claim;
        self.ask(Op::Renew, move |shelf| shelf.renew(&claim)).await
    }

    async fn finish(&self, claim: &Claim, result: Stored) -> Result<Fenced, BoxError> {
        let claim = *claim;
        let finish = move |shelf: &Shelf| shelf.finish(&claim, result.clone());
        self.ask(Op::Finish, finish).await
    }

    async fn release(&self, claim: &Claim) -> Result<Fenced, BoxError> {
        let claim = *claim;
        self.ask(Op::Release, move |shelf| shelf.release(&claim))
            .await
    }

    async fn changed(&self, _key: &StoreKey, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.shelf.changed.notified()).await;
    }

    async fn purge(&self, key: &StoreKey) -> Result<bool, BoxError> {
        Ok(self.shelf.purge(*key))
    }
}
