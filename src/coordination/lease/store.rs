//! The contract of a store of leases.

use std::future::{Future, pending};
use std::sync::Arc;

use crate::coordination::{Clock, FencingToken, Grant, Timing};

use super::{AcquireError, RenewError};

/// What can be relied on while a lease is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safety {
    /// A later term has a larger token, whatever crashes or is lost; so a resource that compares tokens
    /// refuses what is late.
    Fenced,
    /// Tokens may go back, or two may hold the lease, when the store fails. Good for saving work, and not
    /// for guarding anything.
    Advisory,
}

/// Grants the lease of one resource to one node: this one.
///
/// One task owns a store and calls one method at a time.
pub trait LeaseStore: Send + 'static {
    /// What can be relied on.
    const SAFETY: Safety;

    /// How long leases last.
    fn timing(&self) -> Timing;

    /// The clock by which its grants end.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Asks once for the lease of a new term, whose token is above `floor` and above every one before it. The
    /// grant ends the [ttl](Timing::ttl) after it was asked for, not after it was given.
    ///
    /// # Errors
    /// See [`AcquireError`]. Whatever it is, nothing is held.
    ///
    /// # Cancel safety
    /// Dropped, nothing is held. The store may have been granted the lease and keep others from it:
    /// [`release`](Self::release) gives that back.
    fn acquire(
        &mut self,
        floor: Option<FencingToken>,
    ) -> impl Future<Output = Result<Grant, AcquireError>> + Send;

    /// Asks once for the next lease of the term that is held. The token stays.
    ///
    /// # Errors
    /// See [`RenewError`].
    ///
    /// # Cancel safety
    /// Dropped, the last grant stands as it was.
    fn renew(&mut self) -> impl Future<Output = Result<Grant, RenewError>> + Send;

    /// Gives back what is held, and what was asked for and may have been granted. Whatever runs under the
    /// lease has ended before this is called. What cannot be given back ends with its time.
    ///
    /// # Cancel safety
    /// From the first poll on nothing is held. Dropped, others may have to wait for the lease to end.
    fn release(&mut self) -> impl Future<Output = ()> + Send;

    /// Returns when the lease that was in the way of the last [`acquire`](Self::acquire) may have been given
    /// back. A hint, that spares the next leader the wait for an end of the lease that is known; it may
    /// never come, and may be wrong.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    fn freed(&mut self) -> impl Future<Output = ()> + Send {
        pending()
    }
}
