//! What happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::census::Growth;

/// How many wrong outcomes are printed.
const PRINTED: u64 = 20;

/// How often things happened, by what they are called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    requests: AtomicU64,
    right: AtomicU64,
    faults: AtomicU64,
    cuts: AtomicU64,
    wrong: AtomicU64,
}

impl Tally {
    /// Calls that ended because a connection broke, or brought what cannot be read.
    pub(crate) const LOST: &'static str = "call: connection lost";

    pub(crate) fn count(&self, what: &'static str) {
        let mut counts = self
            .shared
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what).or_default() += 1;
    }

    pub(crate) fn asked(&self) {
        self.shared.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.shared.right.fetch_add(1, Relaxed);
    }

    pub(crate) fn fault(&self, what: &'static str, is_cut: bool) {
        self.shared.faults.fetch_add(1, Relaxed);
        self.shared.cuts.fetch_add(u64::from(is_cut), Relaxed);
        self.count(what);
    }

    pub(crate) fn wrong(&self, what: &'static str, seen: &dyn fmt::Debug) {
        if self.shared.wrong.fetch_add(1, Relaxed) < PRINTED {
            eprintln!("wrong: {what}: {seen:?}");
        }
        self.count(what);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Relaxed)
    }

    pub(crate) fn right(&self) -> u64 {
        self.shared.right.load(Relaxed)
    }

    pub(crate) fn faults(&self) -> u64 {
        self.shared.faults.load(Relaxed)
    }

    pub(crate) fn wrong_count(&self) -> u64 {
        self.shared.wrong.load(Relaxed)
    }

    /// One cut ends one call at most.
    pub(crate) fn lost_too_often(&self) -> Option<String> {
        let counts = self
            .shared
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let lost = counts.get(Self::LOST).copied().unwrap_or_default();
        let cuts = self.shared.cuts.load(Relaxed);
        (lost > cuts).then(|| format!("{lost} calls were cut by {cuts} faults"))
    }

    pub(crate) fn print(&self) {
        let counts = self
            .shared
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (what, count) in counts.iter() {
            println!("{what:44} {count:9}");
        }
        println!("{:44} {:9}", "requests", self.requests());
        println!("{:44} {:9}", "answered rightly", self.right());
        println!("{:44} {:9}", "faults", self.faults());
        println!("{:44} {:9}", "wrong", self.wrong_count());
    }

    pub(crate) fn json(&self, growth: &Growth) -> String {
        format!(
            r#"{{"requests": {}, "faults": {}, "wrong": {}, "growth": {}}}"#,
            self.requests(),
            self.faults(),
            self.wrong_count(),
            growth.json()
        )
    }
}
