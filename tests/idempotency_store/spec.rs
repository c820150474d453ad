//! A store as plain as it can be, after the page of `Store` and nothing else: one table, scanned where
//! that is the simplest. It is what `MemoryStore` is compared with. With a [`Fault`](crate::fault::Fault) it breaks one rule.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mainstay::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, StoreKey, Stored, Tombstone,
};
use tokio::time::Instant;

use crate::fault::Fault;
use crate::kit::{KEY, record};

#[derive(Clone, Debug)]
pub(crate) struct Row {
    fingerprint: Fingerprint,
    /// `None` when it was given back after a takeover.
    owner: Option<Owner>,
    attempt: u64,
    lease_ends: Option<Instant>,
    expires: Option<Instant>,
    on_lapse: OnLapse,
    told: bool,
    /// Which of all finishes was its.
    age: u64,
    pub(crate) result: Option<Stored>,
}

#[derive(Debug, Default)]
pub(crate) struct Spec {
    rows: Mutex<Rows>,
    fault: Option<Fault>,
    rows_max: Option<usize>,
    pub(crate) bytes_max: Option<usize>,
    finished: AtomicU64,
}

type Rows = HashMap<[u8; 32], Row>;

impl Spec {
    pub(crate) fn with(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    pub(crate) fn bounded(rows_max: usize, fault: Option<Fault>) -> Self {
        Self {
            rows_max: Some(rows_max),
            fault,
            ..Self::default()
        }
    }

    /// One that demotes its oldest records.
    pub(crate) fn within(rows_max: usize, bytes_max: usize) -> Self {
        Self {
            rows_max: Some(rows_max),
            bytes_max: Some(bytes_max),
            ..Self::default()
        }
    }

    /// How many keys are pending, how many are done, and the bytes of records.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let mut rows = self.rows.lock().expect("no panic under it");
        rows.retain(|_, row| !is_past(row.expires));
        let done = rows.values().filter(|row| row.result.is_some()).count();
        (rows.len() - done, done, bytes(&rows))
    }

    pub(crate) fn knows(&self, key: &StoreKey) -> bool {
        self.with_row(key, |row| row.is_some())
    }

    /// Makes room for a key more, or none, and a record of so many bytes; whether there is.
    pub(crate) fn make_room(&self, key: &StoreKey, record: usize) -> bool {
        let mut rows = self.rows.lock().expect("no panic under it");
        rows.retain(|_, row| !is_past(row.expires));
        let keys = rows.len() + usize::from(!rows.contains_key(key.as_bytes()));
        let most = self.bytes_max.unwrap_or(usize::MAX);
        if keys > self.rows_max.unwrap_or(usize::MAX) || keys * KEY + record > most {
            return false;
        }
        while keys * KEY + record + bytes(&rows) > most {
            let records = rows.values_mut().filter(|row| length(row) > 0);
            let oldest = records.min_by_key(|row| row.age).expect("has a record");
            oldest.result = Some(Stored::Tombstone(Tombstone::Demoted));
        }
        true
    }

    pub(crate) fn would_keep(&self, claim: &Claim) -> bool {
        self.with_row(&claim.key, |row| {
            let mut copy = row.clone();
            let had = copy.as_ref().is_some_and(|row| row.result.is_some());
            !had && self.finish_row(&mut copy, claim, record(0)) == Fenced::Applied
        })
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn at(&self, key: StoreKey) -> [u8; 32] {
        let mut bytes = *key.as_bytes();
        if self.has(Fault::SharesKeysOfOnePrefix) {
            bytes[16..].fill(0);
        }
        if self.has(Fault::ReadsKeysAsText) {
            for byte in &mut bytes {
                *byte &= 0x7f;
            }
        }
        bytes
    }

    /// Runs `act` on the row of a key, as it is now, and keeps what `act` leaves.
    pub(crate) fn with_row<T>(
        &self,
        claim: &StoreKey,
        act: impl FnOnce(&mut Option<Row>) -> T,
    ) -> T {
        let mut rows = self.rows.lock().expect("no panic under it");
        let mut row = rows.remove(&self.at(*claim));
        if row.as_ref().is_some_and(|row| is_past(row.expires)) && !self.has(Fault::NeverForgets) {
            row = None;
        }
        let said = act(&mut row);
        if let Some(row) = row {
            rows.insert(self.at(*claim), row);
        }
        said
    }

    fn after(&self, wait: Duration) -> Option<Instant> {
        let wait = match wait {
            Duration::MAX if self.has(Fault::OverflowsOnLongDurations) => Duration::ZERO,
            wait => wait,
        };
        Instant::now().checked_add(wait)
    }

    fn expiry(&self, claim: &Claim) -> Option<Instant> {
        self.after(match self.fault {
            Some(Fault::RetentionIsLease) => claim.lease,
            Some(Fault::ForgetsRunningLease) => claim.retention,
            _ => claim.lease.max(claim.retention),
        })
    }

    fn grant(&self, claim: &Claim, attempt: u64) -> Row {
        Row {
            fingerprint: claim.fingerprint,
            owner: Some(claim.owner),
            attempt,
            lease_ends: self.after(claim.lease),
            expires: self.expiry(claim),
            on_lapse: claim.on_lapse,
            told: false,
            age: 0,
            result: None,
        }
    }

    pub(crate) fn claim_row(
        &self,
        slot: &mut Option<Row>,
        claim: &Claim,
        is_full: bool,
    ) -> Claimed {
        let Some(row) = slot else {
            if is_full {
                return Claimed::Full;
            }
            *slot = Some(self.grant(claim, 1));
            return Claimed::Acquired { attempt: 1 };
        };
        if self.has(Fault::RefusedClaimProlongs) {
            row.expires = self.expiry(claim);
        }
        let is_lapsed = is_past(row.lease_ends) || row.owner.is_none();
        let is_mine = row.owner == Some(claim.owner);
        let is_other = row.fingerprint != claim.fingerprint
            && match self.fault {
                Some(Fault::IgnoresFingerprint) => false,
                Some(Fault::ForgetsFingerprintOnLapse) => !is_lapsed || row.result.is_some(),
                Some(Fault::ForgetsFingerprintOnFinish) => row.result.is_none(),
                Some(Fault::ComparesFingerprintAfterState) => row.result.is_none() && is_lapsed,
                Some(Fault::TakesFingerprintOfOwner) => !is_mine,
                _ => true,
            };
        if is_other {
            return Claimed::Mismatch;
        }
        if let Some(result) = &row.result {
            return Claimed::Done(result.clone());
        }
        if is_mine && !self.has(Fault::RefusesRepeatedClaims) {
            let more = u64::from(self.has(Fault::CountsRepeatedClaims));
            let attempt = row.attempt + more;
            let lease_ends = row.lease_ends;
            *row = self.grant(claim, attempt);
            if self.has(Fault::RepeatedClaimKeepsLease) {
                row.lease_ends = lease_ends;
            }
            return Claimed::Acquired { attempt };
        }
        if !is_lapsed {
            let left = row.lease_ends.map(|ends| ends - Instant::now());
            let lease_left = left.unwrap_or(Duration::MAX);
            return Claimed::InFlight { lease_left };
        }
        self.claim_lapsed(row, claim)
    }

    fn claim_lapsed(&self, row: &mut Row, claim: &Claim) -> Claimed {
        if self.has(Fault::LapseFrees) {
            *row = self.grant(claim, 1);
            return Claimed::Acquired { attempt: 1 };
        }
        let takes_over = match self.fault {
            Some(Fault::AlwaysTakesOver) => true,
            Some(Fault::NeverTakesOver) => false,
            Some(Fault::HolderDecidesOnLapse) => row.on_lapse == OnLapse::TakeOver,
            _ => claim.on_lapse == OnLapse::TakeOver,
        };
        if !takes_over {
            row.told = true;
            let attempt = row.attempt;
            return Claimed::OutcomeUnknown { attempt };
        }
        let attempt = row.attempt + u64::from(!self.has(Fault::TakeoverKeepsAttempt));
        *row = self.grant(claim, attempt);
        Claimed::Acquired { attempt }
    }

    pub(crate) fn finish_row(
        &self,
        slot: &mut Option<Row>,
        claim: &Claim,
        result: Stored,
    ) -> Fenced {
        let result = match (result, self.fault) {
            (Stored::Tombstone(_), Some(Fault::ForgetsReasons)) => {
                Stored::Tombstone(Tombstone::Unrecordable)
            }
            (Stored::Record(record), Some(Fault::TruncatesRecords)) => {
                Stored::Record(record.slice(..record.len().min(60_000)))
            }
            (result, _) => result,
        };
        let retention = self.after(claim.retention);
        let Some(row) = slot else {
            if self.has(Fault::DropsUnknownFinish) {
                return Fenced::Gone;
            }
            *slot = Some(Row {
                expires: retention,
                age: self.finished.fetch_add(1, Ordering::Relaxed),
                result: Some(result),
                ..self.grant(claim, 1)
            });
            return Fenced::Applied;
        };
        let is_mine = row.owner == Some(claim.owner) || self.has(Fault::FinishesForAnyone);
        if row.result.is_some() {
            if is_mine && self.has(Fault::RepeatedFinishReplaces) {
                row.result = Some(result);
            }
            if is_mine && !self.has(Fault::RefusesRepeatedFinish) {
                return Fenced::Applied;
            }
            return Fenced::Superseded;
        }
        let is_lapsed = is_past(row.lease_ends);
        let is_nobodys = row.owner.is_none() && row.fingerprint == claim.fingerprint
            || (is_lapsed && self.has(Fault::LapsedRivalYields));
        let is_late = (is_lapsed && self.has(Fault::LapseTakesFinish))
            || (row.told && self.has(Fault::TellingTakesFinish));
        if (!is_mine && !is_nobodys) || is_late {
            return Fenced::Superseded;
        }
        row.owner = Some(claim.owner);
        row.age = self.finished.fetch_add(1, Ordering::Relaxed);
        if !self.has(Fault::FinishKeepsRetention) {
            row.expires = retention;
        }
        row.result = Some(result);
        Fenced::Applied
    }

    pub(crate) fn renew_row(&self, slot: &mut Option<Row>, claim: &Claim) -> Fenced {
        let Some(row) = slot.as_mut().filter(|row| row.owner.is_some()) else {
            return Fenced::Gone;
        };
        let is_mine = row.owner == Some(claim.owner) || self.has(Fault::RenewsForAnyone);
        let is_late = is_past(row.lease_ends) && self.has(Fault::LapseTakesRenewal);
        let is_ended = row.result.is_some() && self.has(Fault::RenewAfterFinishIsLost);
        if !is_mine || is_late || is_ended {
            return Fenced::Superseded;
        }
        if row.result.is_none() {
            row.lease_ends = self.after(claim.lease);
            if !self.has(Fault::RenewKeepsRetention) {
                row.expires = self.expiry(claim);
            }
        }
        Fenced::Applied
    }

    pub(crate) fn release_row(&self, slot: &mut Option<Row>, claim: &Claim) -> Fenced {
        let Some(row) = slot.as_mut().filter(|row| row.owner.is_some()) else {
            return Fenced::Gone;
        };
        let is_mine = row.owner == Some(claim.owner) || self.has(Fault::ReleasesForAnyone);
        let is_late = is_past(row.lease_ends) && self.has(Fault::LapseTakesRelease);
        let is_done = row.result.is_some() && !self.has(Fault::ReleaseUndoesFinish);
        if !is_mine || is_late || is_done {
            return Fenced::Superseded;
        }
        if row.attempt > 1 && !self.has(Fault::ReleaseForgetsTakeover) {
            row.owner = None;
        } else {
            *slot = None;
        }
        Fenced::Applied
    }

    pub(crate) fn is_full(&self, key: &StoreKey) -> bool {
        let mut rows = self.rows.lock().expect("no panic under it");
        rows.retain(|_, row| !is_past(row.expires) || self.has(Fault::NeverForgets));
        let is_full = self.rows_max.is_some_and(|most| rows.len() >= most);
        let victim = match self.fault {
            Some(Fault::EvictsClaimed) => rows.keys().next().copied(),
            Some(Fault::EvictsDone) => {
                let mut done = rows.iter().filter(|(_, row)| row.result.is_some());
                done.next().map(|(key, _)| *key)
            }
            _ => None,
        };
        let is_new = !rows.contains_key(&self.at(*key));
        if is_full && is_new {
            if let Some(victim) = victim {
                rows.remove(&victim);
                return false;
            }
        }
        is_full && is_new
    }
}

fn length(row: &Row) -> usize {
    match &row.result {
        Some(Stored::Record(record)) => record.len(),
        _ => 0,
    }
}

fn bytes(rows: &Rows) -> usize {
    rows.values().map(length).sum()
}

fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| end <= Instant::now())
}
