//! What one call owes: to the counts of its layer, and to the budget.

use crate::classify::{Failure, Outcome};
use crate::context::Deadline;
use crate::error::{Executed, Kind, Rejection};
use crate::sync::{Held, Spread};
use crate::telemetry::{End, Metered};
use crate::time::Instant;

use super::Stop;
use super::layer::Shared;
use super::policy::{Course, Next, Repeat};

/// Settles everything once, however the call ends; dropped before that, as cancelled.
///
/// # Invariants
/// - A1: a call that entered the budget leaves it once.
/// - A2: each receipt goes back once: refunded if the attempt was not sent, settled if it was.
#[derive(Debug)]
pub(super) struct Account<S> {
    shared: Held<Shared<S>>,
    pub(super) course: Course,
}

/// What is owed for a call. It is kept [with its course](Course::money), where there is room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Money {
    /// The call has ended.
    Closed,
    /// The first attempt runs.
    First,
    /// An attempt has ended, and no other is paid for.
    Settled,
    /// Another is paid for, and not sent yet.
    Paid,
    /// It runs.
    Sent,
}

/// A call that has entered, and whose first attempt is about to be sent: by its inner service, which may
/// panic. One word, since what is larger is copied to where the call will be.
#[derive(Debug)]
pub(super) struct Entry<S>(Option<Held<Shared<S>>>);

impl<S> Entry<S> {
    #[inline]
    pub(super) fn new(shared: &Spread<Shared<S>>) -> Self {
        shared.budget().enter();
        Self(Some(shared.hold()))
    }

    /// The first attempt is sent.
    #[expect(clippy::expect_used, reason = "it is taken here, or by the drop")]
    #[inline]
    pub(super) fn sent(mut self, course: Course) -> Account<S> {
        let shared = self.0.take().expect("held until now");
        Account { shared, course }
    }
}

impl<S> Drop for Entry<S> {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            let course = Course::new(1, Deadline::NEVER, None);
            drop(Account { shared, course });
        }
    }
}

impl<S> Account<S> {
    pub(super) fn shared(&self) -> &Shared<S> {
        &self.shared
    }

    /// The attempt that ran has ended.
    #[inline]
    pub(super) fn settle(&mut self, outcome: Outcome) {
        let paid = match self.course.money {
            Money::First => None,
            Money::Sent => self.course.receipt(),
            Money::Closed | Money::Settled | Money::Paid => return,
        };
        self.course.money = Money::Settled;
        self.shared.budget().settle(paid, outcome);
    }

    /// What comes after an attempt that ended with `failure` at `now`.
    pub(super) fn next(&mut self, failure: Failure, repeat: Repeat, now: Instant) -> Next {
        let shared = &*self.shared;
        let config = shared.settings().config();
        self.course
            .fail(&config, failure, repeat, now, shared.rng())
    }

    /// Asks the budget for another attempt.
    #[must_use]
    pub(super) fn withdraw(&mut self, now: Instant, failure: Failure) -> bool {
        let receipt = self.shared.budget().withdraw(now, failure);
        if let Some(receipt) = receipt {
            self.course.keep(receipt);
            self.course.money = Money::Paid;
        }
        self.shared.record().asked(receipt.is_some(), now);
        receipt.is_some()
    }

    /// The attempt that was paid for is sent now.
    pub(super) fn send(&mut self) {
        if let Money::Paid = self.course.money {
            self.course.money = Money::Sent;
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
        let money = std::mem::replace(&mut self.course.money, Money::Closed);
        if let Money::Closed = money {
            return;
        }
        self.shared.calls().count(end);
        if !matches!(money, Money::Settled) {
            self.close_unsettled(money);
        }
        self.shared.budget().leave();
    }

    /// An attempt runs that nobody waits for any more, or will not be sent.
    #[cold]
    fn close_unsettled(&self, money: Money) {
        let budget = self.shared.budget();
        match (money, self.course.receipt()) {
            (Money::First, _) => budget.settle(None, Outcome::Ignored),
            (Money::Sent, receipt) => budget.settle(receipt, Outcome::Ignored),
            (Money::Paid, Some(receipt)) => budget.refund(receipt),
            (Money::Paid, None) | (Money::Closed | Money::Settled, _) => {}
        }
    }

    #[cold]
    fn cancel(&mut self) {
        self.close(End::Cancelled);
    }
}

impl<S> Drop for Account<S> {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.course.money, Money::Closed) {
            self.cancel();
        }
    }
}
