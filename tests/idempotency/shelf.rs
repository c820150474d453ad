//! A store that is one map: what the layer is tested against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, StoreKey, Stored,
};
use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) use crate::node::{Fault, Node, Op};

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
    pub(crate) changed: Arc<Notify>,
    /// How many keys it has room for; 0 is any number.
    room: usize,
    /// What its own clock says; without one it has its clients'.
    clock: Option<Arc<Mutex<Instant>>>,
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

    /// One whose clock is not that of its clients: it stands still until it is told.
    pub(crate) fn with_a_clock_of_its_own() -> Self {
        Self {
            clock: Some(Arc::new(Mutex::new(Instant::now()))),
            ..Self::default()
        }
    }

    /// Time passes for the shelf, and for nobody else.
    pub(crate) fn pass(&self, time: Duration) {
        *self.clock.as_ref().unwrap().lock().unwrap() += time;
    }

    fn now(&self) -> Instant {
        let own = self.clock.as_ref().map(|clock| *clock.lock().unwrap());
        own.unwrap_or_else(Instant::now)
    }

    /// A way to it of one node's own.
    pub(crate) fn node(&self) -> Node {
        Node::to(self)
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

    pub(crate) fn claim(&self, claim: &Claim) -> Claimed {
        let now = self.now();
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

    pub(crate) fn renew(&self, claim: &Claim) -> Fenced {
        let now = self.now();
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

    pub(crate) fn finish(&self, claim: &Claim, result: Stored) -> Fenced {
        let expires = after(self.now(), claim.retention);
        let mut entries = self.entries.lock().unwrap();
        forget(&mut entries, claim.key, self.now());
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

    pub(crate) fn release(&self, claim: &Claim) -> Fenced {
        let mut entries = self.entries.lock().unwrap();
        forget(&mut entries, claim.key, self.now());
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
