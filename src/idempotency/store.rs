//! Where claims and results are kept.

use std::time::Duration;

use tower::BoxError;

use super::{Claim, Claimed, Fenced, StoreKey, Stored};

/// Keeps, for each key, who runs it or what came of it.
///
/// # What a store holds to
/// - Each method is one atomic step, and its effect is the same when it is asked again with the same
///   [`Owner`](super::Owner): a caller that did not hear the answer asks again.
/// - The store's clock decides on leases and retention; callers send durations, never instants.
/// - In every state in which a key is known, a claim's fingerprint is compared before anything else.
/// - `renew`, `finish` and `release` change nothing under another owner's key.
/// - That a lease ends takes nothing from its owner: it only lets another claim the key, if that
///   one's [`OnLapse`](super::OnLapse) says so. So a late `finish` counts when nobody did.
/// - What is done stays done, under its fingerprint, until its retention ends: its owner's `renew` then
///   is [`Fenced::Applied`] and changes nothing, and its owner's `release` is
///   [`Fenced::Superseded`].
/// - A claim that is not granted changes nothing, so a key that is only asked for is forgotten in time.
///   A key whose lease runs is not forgotten, however short its retention.
/// - A store that is short of room makes a record a
///   [`Tombstone::Demoted`](super::Tombstone::Demoted), and answers a new key with
///   [`Claimed::Full`]; it never forgets a key that is claimed.
///
/// `conformance` (feature `test-util`) holds a store to these, and `MemoryStore` is the one to read.
///
/// # Cancel safety
/// A future that is dropped may or may not have taken effect. Callers ask again, or let the lease
/// lapse.
pub trait Store: Send + Sync + 'static {
    /// Why the store could not answer.
    type Error: Into<BoxError> + Send;

    /// Asks for the key.
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<Claimed, Self::Error>> + Send;

    /// Makes the lease begin anew.
    fn renew(&self, claim: &Claim) -> impl Future<Output = Result<Fenced, Self::Error>> + Send;

    /// Says what came of it; the lease ends, and `claim.retention` begins. A key that the store does
    /// not know any more, after a loss of its data perhaps, is kept as done; [`Fenced::Gone`] when there
    /// is no room for it.
    fn finish(
        &self,
        claim: &Claim,
        result: Stored,
    ) -> impl Future<Output = Result<Fenced, Self::Error>> + Send;

    /// Says that nothing was run by this claim: the key is as it was before it. So it is free; but if
    /// the claim took the key over, an earlier execution may have run, and the key is answered as one
    /// whose lease has lapsed. Asked again, it may be [`Fenced::Gone`].
    fn release(&self, claim: &Claim) -> impl Future<Output = Result<Fenced, Self::Error>> + Send;

    /// Returns when `key` may have changed, and after `wait` in any case. The default waits.
    fn changed(&self, key: &StoreKey, wait: Duration) -> impl Future<Output = ()> + Send {
        let _ = key;
        tokio::time::sleep(wait)
    }

    /// Forgets the key, whatever its state. For operators who found out how an execution of unknown
    /// outcome ended; not for layers. Says whether there was one.
    fn purge(&self, key: &StoreKey) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}
