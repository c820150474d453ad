//! What comes of an execution that has begun.

use std::sync::Arc;

use crate::error::{Executed, Kind};
use crate::idempotency::refusal::{Failure, Refusal};
use crate::idempotency::{Capture, Claim, Disposition, OnLapse, Store, Stored};

use super::settle::{End, Told, settle_later};
use super::{Answer, Claiming, Grant, Slot, replay};

/// A granted key, and what comes of the execution under it once that has begun. Its slot is held until
/// the store knows.
pub(in crate::idempotency) struct Outcome<T: Store> {
    pub(super) grant: Grant<T>,
    slot: Option<Slot<T>>,
    /// From its beginning until it was said what came of it.
    is_open: bool,
    end: Option<End>,
}

impl<T: Store> Outcome<T> {
    pub(in crate::idempotency) const fn unbegun(grant: Grant<T>, slot: Slot<T>) -> Self {
        Self {
            grant,
            slot: Some(slot),
            is_open: false,
            end: None,
        }
    }

    pub(super) fn begin(&mut self) {
        self.grant.begin();
        self.is_open = true;
        let figures = &self.grant.shared.figures;
        match self.grant.attempt {
            0 => figures.unprotected.increment(1),
            1 => {}
            _ => figures.takeovers.increment(1),
        }
    }

    /// Says what came of it.
    pub(super) fn say(&mut self, disposition: Disposition) {
        self.count(&disposition);
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
        &mut self,
        result: Result<C::Outer, E>,
        capture: &C,
    ) -> Result<C::Outer, Failure<E>>
    where
        C: Capture<R, E>,
    {
        let Some(end) = &self.end else {
            return result.map_err(Failure::Inner);
        };
        let Grant { shared, claim, .. } = &self.grant;
        let config = &self.grant.config;
        let cause = match shared.settle(claim, end, config.store_timeout).await {
            Told::Heard | Told::HeardTooSoon => return result.map_err(Failure::Inner),
            Told::Superseded => {
                shared.superseded();
                // Boxed, as it is long and seldom.
                return Box::pin(self.theirs(result, capture)).await;
            }
            Told::Unheard(cause) => cause,
        };
        let is_done = matches!(end, End::Done(_));
        if is_done {
            shared.figures.finish_failed.increment(1);
        }
        let is_strict = config.strict_finish;
        self.later();
        if is_done && is_strict {
            let refusal = Refusal::new(Kind::StoreUnavailable, Executed::Yes);
            return Err(refusal.caused(cause).into());
        }
        result.map_err(Failure::Inner)
    }

    /// Tells the store in the background, for an execution without a claim.
    pub(super) fn offer<C, R, E>(
        &mut self,
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

    fn later(&mut self) {
        let Some(end) = self.end.take() else { return };
        let (claim, config) = (self.grant.claim, self.grant.config);
        let shared = Arc::clone(&self.grant.shared);
        let slot = self.slot.take();
        settle_later(&self.grant.runtime, shared, claim, end, config, slot);
    }

    /// What the one answered who took the key over: two answers to one request would be one too many.
    async fn theirs<C, R, E>(
        &mut self,
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

    fn count(&mut self, disposition: &Disposition) {
        if std::mem::take(&mut self.is_open) {
            let figures = &self.grant.shared.figures;
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

/// Dropped before it was said what came of it, by a panic or with its runtime, it is unknown.
impl<T: Store> Drop for Outcome<T> {
    fn drop(&mut self) {
        self.count(&Disposition::Unknown);
    }
}
