//! What happened, and what it comes to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::Payment;
use super::ledger::Charge;

/// How often things happened, by what they are called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Tally {
    pub(crate) const REPLAYED: &'static str = "client: answers that were replayed";

    pub(crate) fn count(&self, what: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what).or_default() += 1;
    }

    pub(crate) fn replayed(&self) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(Self::REPLAYED).copied().unwrap_or(0)
    }

    pub(crate) fn print(&self) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, count) in counts.iter() {
            println!("{what:40} {count:6}");
        }
    }
}

/// The ledger against what its clients wanted.
#[derive(Debug)]
pub(crate) struct Audit {
    intended: usize,
    intended_cents: u64,
    charged: usize,
    charged_cents: u64,
    double: usize,
    lost: usize,
}

impl Audit {
    /// `double`: charges of a payment besides its first. `lost`: payments of which the receipt that the
    /// client has is not one of a charge of that amount.
    pub(crate) fn of(charges: &[Charge], receipts: &[(Payment, u64)]) -> Self {
        let mut by_payment: HashMap<u64, Vec<Charge>> = HashMap::new();
        for charge in charges {
            by_payment
                .entry(charge.payment.id)
                .or_default()
                .push(*charge);
        }
        let is_lost = |(payment, receipt): &&(Payment, u64)| {
            let mut charges = by_payment.get(&payment.id).into_iter().flatten();
            !charges
                .any(|charge| charge.receipt == *receipt && charge.payment.cents == payment.cents)
        };
        Self {
            intended: receipts.len(),
            intended_cents: receipts.iter().map(|(payment, _)| payment.cents).sum(),
            charged: charges.len(),
            charged_cents: charges.iter().map(|charge| charge.payment.cents).sum(),
            double: by_payment.values().map(|charges| charges.len() - 1).sum(),
            lost: receipts.iter().filter(is_lost).count(),
        }
    }

    pub(crate) fn print(&self) {
        let line = |what, count, cents| {
            println!("{what:40} {count:6} {:10}.{:02}", cents / 100, cents % 100);
        };
        line("charges intended", self.intended, self.intended_cents);
        line("charges made", self.charged, self.charged_cents);
        println!("{:40} {:6}", "charged again", self.double);
        println!("{:40} {:6}", "not charged", self.lost);
    }

    pub(crate) fn json(&self, replayed: u64) -> String {
        // By hand, so that the members keep this order.
        let Self {
            intended,
            charged,
            double,
            lost,
            ..
        } = self;
        format!(
            r#"{{"intended": {intended}, "charged": {charged}, "double": {double}, "lost": {lost}, "replayed": {replayed}}}"#
        )
    }

    /// With the layer all is equal; without it the same load charges again.
    pub(crate) fn check(&self, without: bool) -> Result<(), &'static str> {
        let is_equal = self.charged == self.intended && self.charged_cents == self.intended_cents;
        match (without, self.double, self.lost) {
            (true, 0, _) => Err("nothing was charged again, so the load shows nothing"),
            (true, ..) => Ok(()),
            (false, 0, 0) if is_equal => Ok(()),
            (false, ..) => Err("what was charged is not what was intended"),
        }
    }
}
