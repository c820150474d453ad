//! What one call owes: to the counts of its layer, and to the budget.

use crate::classify::{Failure, Outcome};
use crate::error::{Executed, Kind, Rejection};
use crate::sync::{Held, Spread};
use crate::telemetry::{End, Metered};
use crate::time::Instant;

use super::layer::Shared;
use super::{Receipt, Stop};

/// Settles everything once, however the call ends; dropped before that, as cancelled.
///
/// # Invariants
/// - A1: a call that entered the budget leaves it once.
/// - A2: each receipt goes back once: refunded if the attempt was not sent, settled if it was.
#[derive(Debug)]
pub(super) struct Account<S> {
    shared: Held<Shared<S>>,
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

impl<S> Account<S> {
    #[inline]
    pub(super) fn enter(shared: &Spread<Shared<S>>) -> Self {
        shared.budget().enter();
        Self {
            shared: shared.hold(),
            money: Money::First,
        }
    }

    pub(super) fn shared(&self) -> &Shared<S> {
        &self.shared
    }

    /// The attempt that ran has ended.
    #[inline]
    pub(super) fn settle(&mut self, outcome: Outcome) {
        let paid = match self.money {
            Money::First => None,
            Money::Sent(receipt) => Some(receipt),
            Money::Closed | Money::Settled | Money::Paid(_) => return,
        };
        self.money = Money::Settled;
        self.shared.budget().settle(paid, outcome);
    }

    /// Asks the budget for another attempt.
    #[must_use]
    pub(super) fn withdraw(&mut self, now: Instant, failure: Failure) -> bool {
        let receipt = self.shared.budget().withdraw(now, failure);
        if let Some(receipt) = receipt {
            self.money = Money::Paid(receipt);
        }
        self.shared.record().asked(receipt.is_some(), now);
        receipt.is_some()
    }

    /// The attempt that was paid for is sent now.
    pub(super) fn send(&mut self) {
        if let Money::Paid(receipt) = self.money {
            self.money = Money::Sent(receipt);
            self.shared.record().sent();
        }
    }

    /// The call is not tried again.
    pub(super) fn stop(&self, why: Stop) {
        self.shared.record().stopped(why);
    }

    /// The call ends with what the inner service answered.
    #[inline]
    pub(super) fn answer<T, E>(&mut self, result: &Result<T, E>) {
        self.close(End::of(result));
    }

    /// The call ends with an error of the inner service's.
    pub(super) fn fail(&mut self) {
        self.close(End::Error);
    }

    /// The call ends with a refusal.
    pub(super) fn reject(&mut self, kind: Kind, executed: Executed) -> Rejection {
        self.close(End::Rejected(kind));
        self.shared.calls().rejection(kind, executed)
    }

    /// Only the first end counts.
    #[inline]
    fn close(&mut self, end: End) {
        let money = std::mem::replace(&mut self.money, Money::Closed);
        if let Money::Closed = money {
            return;
        }
        self.shared.calls().count(end);
        let budget = self.shared.budget();
        match money {
            Money::Closed | Money::Settled => {}
            Money::First => budget.settle(None, Outcome::Ignored),
            Money::Sent(receipt) => budget.settle(Some(receipt), Outcome::Ignored),
            Money::Paid(receipt) => budget.refund(receipt),
        }
        budget.leave();
    }
}

impl<S> Drop for Account<S> {
    #[inline]
    fn drop(&mut self) {
        self.close(End::Cancelled);
    }
}
