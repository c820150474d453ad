//! The store under test, as cases speak to it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tower::BoxError;

use crate::idempotency::{
    Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, Store, StoreKey, Stored,
};
use crate::rng::Rng;

use super::report::Step;

/// How long the leases of the cases are, in units; what retention they have.
pub(super) const LEASE: u32 = 4;
pub(super) const RETENTION: u32 = 16;

/// What a case ends with.
pub(super) type Verdict<T = ()> = Result<T, Step>;

/// A store, and how long a unit of time is for it.
#[derive(Debug)]
pub(super) struct Subject<S> {
    store: Arc<S>,
    unit: Duration,
}

impl<S> Clone for Subject<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            unit: self.unit,
        }
    }
}

impl<S: Store> Subject<S> {
    pub(super) fn new(store: S, unit: Duration) -> Self {
        Self {
            store: Arc::new(store),
            unit,
        }
    }

    pub(super) fn store(&self) -> &S {
        &self.store
    }

    pub(super) fn units(&self, units: u32) -> Duration {
        self.unit.saturating_mul(units)
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, units: u32) {
        tokio::time::sleep(self.units(units)).await;
    }

    /// A claim to a key that nobody has used.
    pub(super) fn first(&self) -> Claim {
        Claim {
            key: StoreKey::from_bytes(random()),
            fingerprint: Fingerprint::from_bytes(random()),
            owner: Owner::random(&Rng::thread()),
            lease: self.units(LEASE),
            retention: self.units(RETENTION),
            on_lapse: OnLapse::Indeterminate,
        }
    }

    /// A claim that was granted.
    pub(super) async fn pending(&self) -> Verdict<Claim> {
        let claim = self.first();
        self.claims(&claim, Claimed::Acquired { attempt: 1 })
            .await?;
        Ok(claim)
    }

    /// A claim that was granted, and whose lease has ended.
    pub(super) async fn lapsed(&self) -> Verdict<Claim> {
        let claim = self.pending().await?;
        self.pass(LEASE + 1).await;
        Ok(claim)
    }

    /// A claim that was finished with [`result`].
    pub(super) async fn done(&self) -> Verdict<Claim> {
        let claim = self.pending().await?;
        self.finishes(&claim, result(), Fenced::Applied).await?;
        Ok(claim)
    }

    /// The claim is answered as expected.
    pub(super) async fn claims(&self, claim: &Claim, expected: Claimed) -> Verdict {
        let found = self.claim(claim).await?;
        let step = format!("claim, {:?}", claim.on_lapse);
        is(&step, &expected, &found)
    }

    /// The key is another's, for no longer than its lease can be.
    pub(super) async fn is_in_flight(&self, claim: &Claim) -> Verdict {
        let found = self.claim(claim).await?;
        let most = self.units(LEASE);
        if let Claimed::InFlight { lease_left } = found {
            if !lease_left.is_zero() && lease_left <= most {
                return Ok(());
            }
        }
        let expected = format!("InFlight, with at most {most:?} left and more than nothing");
        Err(step("claim", expected, format!("{found:?}")))
    }

    pub(super) async fn finishes(
        &self,
        claim: &Claim,
        result: Stored,
        expected: Fenced,
    ) -> Verdict {
        let found = self.store.finish(claim, result).await;
        is("finish", &expected, &answer("finish", found)?)
    }

    pub(super) async fn renews(&self, claim: &Claim, expected: Fenced) -> Verdict {
        let found = answer("renew", self.store.renew(claim).await)?;
        is("renew", &expected, &found)
    }

    pub(super) async fn releases(&self, claim: &Claim, expected: Fenced) -> Verdict {
        let found = answer("release", self.store.release(claim).await)?;
        is("release", &expected, &found)
    }

    pub(super) async fn purges(&self, claim: &Claim, expected: bool) -> Verdict {
        let found = answer("purge", self.store.purge(&claim.key).await)?;
        is("purge", &expected, &found)
    }

    pub(super) async fn claim(&self, claim: &Claim) -> Verdict<Claimed> {
        answer("claim", self.store.claim(claim).await)
    }

    pub(super) async fn finish(&self, claim: &Claim, result: Stored) -> Verdict<Fenced> {
        answer("finish", self.store.finish(claim, result).await)
    }

    pub(super) async fn release(&self, claim: &Claim) -> Verdict<Fenced> {
        answer("release", self.store.release(claim).await)
    }
}

/// Another's claim to the same key, for the same request.
pub(super) fn rival(claim: &Claim) -> Claim {
    Claim {
        owner: Owner::random(&Rng::thread()),
        on_lapse: OnLapse::Indeterminate,
        ..*claim
    }
}

/// Another's claim, which takes over what has lapsed.
pub(super) fn taking_over(claim: &Claim) -> Claim {
    Claim {
        on_lapse: OnLapse::TakeOver,
        ..rival(claim)
    }
}

/// Another's claim to the same key, for another request.
pub(super) fn misuse(claim: &Claim) -> Claim {
    Claim {
        fingerprint: Fingerprint::from_bytes(random()),
        ..rival(claim)
    }
}

pub(super) fn record(text: &'static str) -> Stored {
    Stored::Record(Bytes::from_static(text.as_bytes()))
}

/// What the cases finish with, if nothing else is said.
pub(super) fn result() -> Stored {
    record("the result")
}

pub(super) const fn acquired(attempt: u64) -> Claimed {
    Claimed::Acquired { attempt }
}

pub(super) fn random() -> [u8; 32] {
    let rng = Rng::thread();
    let mut bytes = [0; 32];
    for word in bytes.chunks_mut(8) {
        word.copy_from_slice(&rng.bits().to_le_bytes());
    }
    bytes
}

pub(super) fn step(what: &str, expected: impl Into<String>, found: impl Into<String>) -> Step {
    Step {
        what: what.to_owned(),
        expected: expected.into(),
        found: found.into(),
    }
}

pub(super) fn is<T: Debug + PartialEq>(what: &str, expected: &T, found: &T) -> Verdict {
    if expected == found {
        return Ok(());
    }
    Err(step(what, format!("{expected:?}"), format!("{found:?}")))
}

fn answer<T>(what: &str, answer: Result<T, impl Into<BoxError>>) -> Verdict<T> {
    answer.map_err(|error| {
        let error: BoxError = error.into();
        step(what, "an answer", format!("the error {error}"))
    })
}
