//! What a layer tells a budget, and what it asks.

use std::fmt;
use std::sync::Arc;

use crate::classify::{Failure, Outcome};
use crate::time::Instant;

/// Decides which extra attempts may be made. An attempt is extra when the call has had another: a
/// retry, or a hedge.
///
/// A layer reports each call as it goes:
///
/// ```text
/// enter ── settle(None) ─┬──────────────────────────────────────────┬── leave
///          first attempt └─ withdraw ─┬─ settle(receipt) ─┬─ again? ┘
///                                     └─ refund ──────────┘
/// ```
///
/// Each `enter` is followed by one `leave`, and each receipt is given back by one `settle` or one
/// `refund`, also when the call is dropped or unwinds. All of them are called from any thread at any
/// time; they must not block, and `enter`, `settle` and `leave` run on every healthy call.
pub trait Budget: fmt::Debug + Send + Sync + 'static {
    /// A call begins. Once for a call of the caller's, however many attempts it has.
    fn enter(&self);

    /// Asks at `now` for an extra attempt after one that ended with `failure`; there is none when the
    /// attempt before still runs, as for a hedge. `None` refuses it.
    fn withdraw(&self, now: Instant, failure: Option<Failure>) -> Option<Receipt>;

    /// What was paid for was not sent.
    fn refund(&self, receipt: Receipt);

    /// An attempt ended with `outcome`, [`Outcome::Ignored`] when it was dropped. `paid` is the receipt
    /// of an extra one.
    fn settle(&self, _paid: Option<Receipt>, _outcome: Outcome) {}

    /// A call that began has ended, whichever way.
    fn leave(&self) {}
}

/// What a budget has to know again when the attempt that it paid for ends. It means something only
/// to the budget that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Receipt(u64);

impl Receipt {
    /// With a note of the budget's own.
    pub const fn new(note: u64) -> Self {
        Self(note)
    }

    /// The note.
    pub const fn note(self) -> u64 {
        self.0
    }
}

/// Shared by all who hold it.
impl<B: Budget + ?Sized> Budget for Arc<B> {
    fn enter(&self) {
        (**self).enter();
    }

    fn withdraw(&self, now: Instant, failure: Option<Failure>) -> Option<Receipt> {
        (**self).withdraw(now, failure)
    }

    fn refund(&self, receipt: Receipt) {
        (**self).refund(receipt);
    }

    fn settle(&self, paid: Option<Receipt>, outcome: Outcome) {
        (**self).settle(paid, outcome);
    }

    fn leave(&self) {
        (**self).leave();
    }
}

/// No budget: every extra attempt may be made.
///
/// A service that fails every call then sees as many times the load as there are attempts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn enter(&self) {}

    fn withdraw(&self, _now: Instant, _failure: Option<Failure>) -> Option<Receipt> {
        Some(Receipt::new(0))
    }

    fn refund(&self, _receipt: Receipt) {}
}
