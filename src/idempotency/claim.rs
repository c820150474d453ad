//! What a layer asks of a store, and what it is told.

use std::time::Duration;

use super::{Fingerprint, Owner, StoreKey, Stored};

/// One execution's claim to a key; the same value for all that it asks of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which request.
    pub key: StoreKey,
    /// What the request is, for the comparison with what ran under the key before.
    pub fingerprint: Fingerprint,
    /// Who claims.
    pub owner: Owner,
    /// For how long, from the moment the store grants or renews it, on the store's clock.
    pub lease: Duration,
    /// For how long the store remembers the key, from the last thing that was said of it, on the
    /// store's clock. It is said by the claim that is granted, by `renew` and by `finish`.
    pub retention: Duration,
    /// What becomes of an earlier claim whose lease has lapsed.
    pub on_lapse: OnLapse,
}

/// What a claim does that finds another's, whose lease lapsed before it was finished. The other may
/// have run, wholly, in part or not at all; it may even be running yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OnLapse {
    /// It is answered [`Claimed::OutcomeUnknown`]: the request runs at most once. The default. The
    /// key stays as it is: its owner may finish it yet, and a later claim may take it over.
    #[default]
    Indeterminate,
    /// It takes the key over: the request runs at least once.
    TakeOver,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The key is the claimer's, and its lease begins. The same owner that asks again is told the same
    /// again, and its lease begins anew.
    Acquired {
        /// 1 for the first execution under the key, and one more for each that took it over.
        attempt: u64,
    },
    /// Another has it.
    InFlight {
        /// What is left of its lease; [`Duration::MAX`] when it never ends.
        lease_left: Duration,
    },
    /// It was run to its end.
    Done(Stored),
    /// Another had it, and its lease lapsed.
    OutcomeUnknown {
        /// Which execution that was.
        attempt: u64,
    },
    /// The key was used for a request with another fingerprint. Said before anything else, whatever
    /// state that request is in.
    Mismatch,
    /// There is no room for another key.
    Full,
}

/// The answer to whoever acts on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// It is done, by this or by an earlier asking of the same owner.
    Applied,
    /// The key is another owner's, or finished by another; nothing was changed.
    Superseded,
    /// The store does not know the key; nothing was changed.
    Gone,
}
