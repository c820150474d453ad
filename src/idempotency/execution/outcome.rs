//! What comes of an execution that has begun.

use std::sync::Arc;

use crate::error::{Executed, Kind};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::idempotency::shared::Shared;
use crate::idempotency::{Capture, Claim, Disposition, OnLapse, Store, Stored};

use super::settle::{End, Told, settle_later};
use super::{Answer, Claiming, Grant, Slot, replay};

/// An execution that has begun. Its slot is held until the store knows what came of it.
pub(super) struct Outcome<T: Store> {
    count: Count<T>,
    grant: Grant<T>,
    slot: Slot<T>,
    end: Option<End>,
}

impl<T: Store> Outcome<T> {
    pub(super) fn begin(mut grant: Grant<T>, slot: Slot<T>) -> Self {
        grant.begin();
        let figures = &grant.shared.figures;
        match grant.attempt {
            0 => figures.unprotected.increment(1),
            1 => {}
            _ => figures.takeovers.increment(1),
        }
        Self {
            count: Count {
                shared: Arc::clone(&grant.shared),
                is_open: true,
            },
            grant,
            slot,
            end: None,
        }
    }

    /// Says what came of it.
    pub(super) fn say(&mut self, disposition: Disposition) {
        self.count.count(&disposition);
        self.end = match disposition {
            Disposition::Keep(record) => Some(End::Done(Stored::Record(record))),
            Disposition::Tombstone(why) => Some(End::Done(Stored::Tombstone(why))),
            Disposition::Release => Some(self.grant.free()),
            Disposition::Unknown => None,
        };
    }

    /// Tells the store, before the caller hears of it. What the store cannot be told now, it is told in
    /// the background.
    pub(super) async fn keep<C, R, E>(
        self,
        result: Result<C::Outer, E>,
        capture: &C,
    ) -> Result<C::Outer, Failure<E>>
    where
        C: Capture<R, E>,
    {
        let Some(end) = self.end.clone() else {
            return result.map_err(Failure::Inner);
        };
        let Grant { shared, claim, .. } = &self.grant;
        let config = self.grant.config;
        let cause = match shared.settle(claim, &end, config.store_timeout).await {
            Told::Heard | Told::HeardTooSoon => return result.map_err(Failure::Inner),
            Told::Superseded => {
                shared.superseded();
                return self.theirs(result, capture).await;
            }
            Told::Unheard(cause) => cause,
        };
        let is_done = matches!(end, End::Done(_));
        if is_done {
            shared.figures.finish_failed.increment(1);
        }
        self.later();
        if is_done && config.strict_finish {
            let refusal = Refusal::new(Kind::StoreUnavailable, Executed::Yes);
            return Err(refusal.caused(cause).into());
        }
        result.map_err(Failure::Inner)
    }

    /// Tells the store in the background, for an execution without a claim.
    pub(super) fn offer<C, R, E>(
        self,
        result: Result<C::Outer, E>,
        capture: &C,
    ) -> Result<C::Outer, Failure<E>>
    where
        C: Capture<R, E>,
    {
        self.later();
        let result = result.map(|response| capture.bypassed(response));
        result.map_err(Failure::Inner)
    }

    fn later(self) {
        let Some(end) = self.end else { return };
        let (claim, config) = (self.grant.claim, self.grant.config);
        let shared = Arc::clone(&self.grant.shared);
        settle_later(&self.grant.runtime, shared, claim, end, config, self.slot);
    }

    /// What the one answered who took the key over: two answers to one request would be one too many.
    async fn theirs<C, R, E>(
        self,
        ours: Result<C::Outer, E>,
        capture: &C,
    ) -> Result<C::Outer, Failure<E>>
    where
        C: Capture<R, E>,
    {
        // To ask is to claim, and this one is not to run again whatever the answer.
        let peek = Claim {
            on_lapse: OnLapse::Indeterminate,
            ..self.grant.claim
        };
        let ran = |kind| Refusal::new(kind, Executed::Yes);
        let asking = Claiming::new(&self.grant.shared, peek, self.grant.config);
        let (mut asked, answer) = asking.await;
        let refusal = match answer {
            Answer::Done(theirs) => return replay(&self.grant.shared, capture, theirs),
            Answer::InFlight(lease_left) => ran(Kind::InFlight).after(lease_left),
            Answer::OutcomeUnknown => ran(Kind::OutcomeUnknown),
            // The key speaks of another request by now, or of none.
            Answer::Mismatch | Answer::Full => return ours.map_err(Failure::Inner),
            Answer::Granted => {
                asked.begin();
                self.later();
                return ours.map_err(Failure::Inner);
            }
            // The grant, if it is one, is given back: the key is as it was before it was asked for.
            Answer::Silent(cause) => ran(Kind::StoreUnavailable).because(cause),
        };
        Err(refusal.into())
    }
}

/// Counts an execution by what came of it; dropped before that, by a panic or with its runtime, as
/// unknown.
struct Count<T> {
    shared: Arc<Shared<T>>,
    is_open: bool,
}

impl<T> Count<T> {
    fn count(&mut self, disposition: &Disposition) {
        if std::mem::take(&mut self.is_open) {
            let figures = &self.shared.figures;
            let counter = match disposition {
                Disposition::Keep(_) => &figures.kept,
                Disposition::Tombstone(_) => &figures.tombstones,
                Disposition::Release => &figures.released,
                Disposition::Unknown => &figures.unknown,
            };
            counter.increment(1);
        }
    }
}

impl<T> Drop for Count<T> {
    fn drop(&mut self) {
        self.count(&Disposition::Unknown);
    }
}
