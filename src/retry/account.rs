//! What one call owes: to the counts of its layer, and to the budget.

use std::sync::Arc;

use crate::classify::{Failure, Outcome};
use crate::error::{Executed, Kind, Rejection};
use crate::telemetry::{End, Tally};
use crate::time::Instant;

use super::layer::Shared;
use super::{Receipt, Stop};

/// Settles everything once, however the call ends; dropped before that, as cancelled.
///
/// # Invariants
/// - A1: a call that entered the budget leaves it once.
/// - A2: each receipt goes back once: refunded if the attempt was not sent, settled if it was.
#[derive(Debug)]
pub(super) struct Account {
    tally: Tally<Shared>,
    money: Money,
}

#[derive(Clone, Copy, Debug)]
enum Money {
    /// The call has ended.
    Closed,
    /// The first attempt runs.
    First,
    /// An attempt has ended, and no other is paid for.
    Settled,
    /// Another is paid for, and not sent yet.
    Paid(Receipt),
    /// It runs.
    Sent(Receipt),
}

impl Account {
    pub(super) fn enter(shared: &Arc<Shared>) -> Self {
        shared.budget.enter();
        Self {
            tally: Tally::new(shared),
            money: Money::First,
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.tally
    }

    /// The attempt that ran has ended.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        let paid = match self.money {
            Money::First => None,
            Money::Sent(receipt) => Some(receipt),
            Money::Closed | Money::Settled | Money::Paid(_) => return,
        };
        self.money = Money::Settled;
        self.tally.budget.settle(paid, outcome);
    }

    /// Asks the budget for another attempt.
    #[must_use]
    pub(super) fn withdraw(&mut self, now: Instant, failure: Failure) -> bool {
        let receipt = self.tally.budget.withdraw(now, Some(failure));
        if let Some(receipt) = receipt {
            self.money = Money::Paid(receipt);
        }
        self.tally.record().asked(receipt.is_some(), now);
        receipt.is_some()
    }

    /// The attempt that was paid for is sent now.
    pub(super) fn send(&mut self) {
        if let Money::Paid(receipt) = self.money {
            self.money = Money::Sent(receipt);
            self.tally.record().sent();
        }
    }

    /// The call is not tried again.
    pub(super) fn stop(&self, why: Stop) {
        self.tally.record().stopped(why);
    }

    /// The call ends with what the inner service answered.
    pub(super) fn answer<T, E>(&mut self, result: &Result<T, E>) {
        self.tally.answered(result);
        self.close();
    }

    /// The call ends with an error of the inner service's.
    pub(super) fn fail(&mut self) {
        self.tally.end(End::Error);
        self.close();
    }

    /// The call ends with a refusal.
    pub(super) fn reject(&mut self, kind: Kind, executed: Executed) -> Rejection {
        let refusal = self.tally.reject(kind, executed);
        self.close();
        refusal
    }

    fn close(&mut self) {
        let budget = &self.tally.budget;
        match std::mem::replace(&mut self.money, Money::Closed) {
            Money::Closed => return,
            Money::Settled => {}
            Money::First => budget.settle(None, Outcome::Ignored),
            Money::Sent(receipt) => budget.settle(Some(receipt), Outcome::Ignored),
            Money::Paid(receipt) => budget.refund(receipt),
        }
        budget.leave();
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.close();
    }
}
