//! What becomes of one key.
//!
//! ```text
//!             claim                             finish
//!   Absent ──────────▶ Pending ───────────────────────────────▶ Done
//!    ▲  ▲  release, 1st │ ▲  ▲ claim, TakeOver                   │ retention
//!    │  └───────────────┘ │  └────────┐                          ▼
//!    │ retention          │ renew     │                        Absent
//!    ├─────────────── Pending, lapsed ┤
//!    │ retention                      │
//!    └─────────────────────────── Unknown ◀── release of one that took over
//! ```
//!
//! # Invariants
//! - I1: a claim's fingerprint is compared before anything else, in every state that is known.
//! - I2: whoever is not the owner of a key changes nothing of it, but by a claim that is granted.
//! - I3: what an owner asks again has the effect of the first time.
//! - I4: the end of a lease changes nothing: it permits a takeover, and no more. That somebody was told
//!   of an unknown outcome changes nothing either.
//! - I5: what is done stays done, with the fingerprint and the result it was done with, until its
//!   retention ends; the result may be demoted.
//! - I6: while a key is known, its attempts rise with every owner. A number is never given to two.
//! - I7: what is refused changes nothing, the retention included. So every state ends.
//! - I8: what was finished is kept, though the key was forgotten meanwhile.
//! - I9: a key is known for as long as its lease runs.
//! - I10: a release takes back its own claim, and not what an earlier one may have done.

use std::time::Duration;

use crate::time::{self, Instant};

use super::{Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, Stored, Tombstone};

/// One key; absent by default.
#[derive(Debug, Default)]
pub(super) struct Entry(Option<Known>);

#[derive(Debug)]
struct Known {
    fingerprint: Fingerprint,
    /// Who acquired it last. Here and not in the states, which makes an entry a sixth smaller.
    owner: Owner,
    /// When it is forgotten; `None` is never.
    expires: Option<Instant>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Claimed, and lapsed once the lease has ended.
    Pending {
        attempt: u64,
        lease_ends: Option<Instant>,
    },
    /// Nobody's: its owner took it over from one that may have run, and gave it back. To those
    /// who claim it is as lapsed, to those who act on a claim as absent.
    Unknown { attempt: u64 },
    /// Run to its end.
    Done(Stored),
}

/// What there is of a key, for those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    Nothing,
    /// A claim, of an owner or of nobody any more.
    Claim,
    /// A result of so many bytes.
    Record(usize),
    Tombstone,
}

impl Entry {
    /// Somebody asks for the key. Never [`Claimed::Full`]: room is the caller's concern.
    #[must_use]
    pub(super) fn claim(&mut self, claim: &Claim, now: Instant) -> Claimed {
        let _ = self.expire(now);
        let attempt = match &self.0 {
            None => 1,
            Some(known) => match known.claimed_by(claim, now) {
                Claimed::Acquired { attempt } => attempt,
                refused => return refused, // I7
            },
        };
        self.0 = Some(Known {
            fingerprint: claim.fingerprint,
            owner: claim.owner,
            expires: kept_until(claim, now),
            state: State::Pending {
                attempt,
                lease_ends: time::after(now, claim.lease),
            },
        });
        Claimed::Acquired { attempt }
    }

    /// What a claim is told of a key that is done: it changes nothing (I7). `None` for any other, and for
    /// one that is to be forgotten by now.
    #[must_use]
    pub(super) fn replay(&self, claim: &Claim, now: Instant) -> Option<Claimed> {
        let known = self.0.as_ref().filter(|_| !self.has_expired(now))?;
        matches!(known.state, State::Done(_)).then(|| known.claimed_by(claim, now))
    }

    /// The owner is still at it.
    #[must_use]
    pub(super) fn renew(&mut self, claim: &Claim, now: Instant) -> Fenced {
        let _ = self.expire(now);
        let Some(known) = &mut self.0 else {
            return Fenced::Gone;
        };
        let is_owner = known.owner == claim.owner;
        match &mut known.state {
            State::Unknown { .. } => Fenced::Gone,
            _ if !is_owner => Fenced::Superseded,
            State::Pending { lease_ends, .. } => {
                *lease_ends = time::after(now, claim.lease);
                known.expires = kept_until(claim, now);
                Fenced::Applied
            }
            // Late, after its own finish: nobody has taken anything from it.
            State::Done(_) => Fenced::Applied,
        }
    }

    /// The owner has come to its end. `Applied` too when it had been told so before, and `result` is
    /// then not the one that is kept.
    #[must_use]
    pub(super) fn finish(&mut self, claim: &Claim, result: Stored, now: Instant) -> Fenced {
        let _ = self.expire(now);
        if let Some(refused) = self.finished_by(claim) {
            return refused;
        }
        self.0 = Some(Known {
            fingerprint: claim.fingerprint,
            owner: claim.owner,
            expires: time::after(now, claim.retention),
            state: State::Done(result),
        });
        Fenced::Applied
    }

    /// What a finish is told that keeps nothing; `None` when it would keep its result.
    pub(super) fn finished_by(&self, claim: &Claim) -> Option<Fenced> {
        let known = self.0.as_ref()?;
        let is_owner = known.owner == claim.owner;
        match known.state {
            State::Done(_) if is_owner => Some(Fenced::Applied), // I3
            State::Pending { .. } if is_owner => None,
            State::Unknown { .. } if known.fingerprint == claim.fingerprint => None,
            _ => Some(Fenced::Superseded),
        }
    }

    /// The owner has run nothing.
    #[must_use]
    pub(super) fn release(&mut self, claim: &Claim, now: Instant) -> Fenced {
        let _ = self.expire(now);
        let Some(known) = &mut self.0 else {
            return Fenced::Gone;
        };
        match known.state {
            State::Unknown { .. } => return Fenced::Gone,
            State::Pending { attempt, .. } if known.owner == claim.owner => {
                if attempt > 1 {
                    known.state = State::Unknown { attempt }; // I10
                } else {
                    self.0 = None;
                }
            }
            // Its own finish included: what is done cannot be taken back.
            State::Pending { .. } | State::Done(_) => return Fenced::Superseded,
        }
        Fenced::Applied
    }

    /// Time has passed; whether the key is forgotten by that.
    #[must_use]
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let is_over = self.has_expired(now);
        if is_over {
            self.0 = None;
        }
        is_over
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    /// There is no room for the result; how many bytes that gives back.
    #[must_use]
    pub(super) fn demote(&mut self) -> usize {
        let freed = self.holding().bytes();
        if let Some(State::Done(result)) = self.0.as_mut().map(|known| &mut known.state) {
            if let Stored::Record(_) = result {
                *result = Stored::Tombstone(Tombstone::Demoted);
            }
        }
        freed
    }

    /// When the key is forgotten; `None` is never.
    pub(super) fn expires(&self) -> Option<Instant> {
        self.0.as_ref()?.expires
    }

    /// What is left of the lease, if one runs.
    pub(super) fn lease_left(&self, now: Instant) -> Option<Duration> {
        match self.0.as_ref()?.state {
            State::Pending { lease_ends, .. } => left(lease_ends, now),
            State::Unknown { .. } | State::Done(_) => None,
        }
    }

    pub(super) fn holding(&self) -> Holding {
        match self.0.as_ref().map(|known| &known.state) {
            None => Holding::Nothing,
            Some(State::Pending { .. } | State::Unknown { .. }) => Holding::Claim,
            Some(State::Done(result)) => match result {
                Stored::Record(record) => Holding::Record(record.len()),
                Stored::Tombstone(_) => Holding::Tombstone,
            },
        }
    }
}

impl Known {
    /// What a claim is told, or that it may have the key.
    fn claimed_by(&self, claim: &Claim, now: Instant) -> Claimed {
        if self.fingerprint != claim.fingerprint {
            return Claimed::Mismatch; // I1
        }
        let lapsed = match &self.state {
            State::Done(result) => return Claimed::Done(result.clone()),
            State::Unknown { attempt } => *attempt,
            State::Pending {
                attempt,
                lease_ends,
            } => {
                if self.owner == claim.owner {
                    return Claimed::Acquired { attempt: *attempt }; // I3
                }
                if let Some(lease_left) = left(*lease_ends, now) {
                    return Claimed::InFlight { lease_left };
                }
                *attempt
            }
        };
        match claim.on_lapse {
            OnLapse::Indeterminate => Claimed::OutcomeUnknown { attempt: lapsed },
            OnLapse::TakeOver => Claimed::Acquired {
                attempt: lapsed.saturating_add(1),
            },
        }
    }
}

impl Holding {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Record(bytes) => bytes,
            Self::Nothing | Self::Claim | Self::Tombstone => 0,
        }
    }
}

/// What is left until `ends`; `None` when that has come.
fn left(ends: Option<Instant>, now: Instant) -> Option<Duration> {
    match ends {
        Some(ends) if ends <= now => None,
        Some(ends) => Some(ends.saturating_duration_since(now)),
        None => Some(Duration::MAX),
    }
}

/// When a claim that is granted now is forgotten: not before its lease has ended (I9).
fn kept_until(claim: &Claim, now: Instant) -> Option<Instant> {
    time::after(now, claim.retention.max(claim.lease))
}
