//! What a clock has to do.

use std::fmt::Debug;
use std::sync::Arc;

use crate::coordination::Moment;

/// A clock of one process. Any origin will do, as long as it stays.
///
/// It never goes back, and its rate differs from true time by no more than the drift that the timing was
/// made for; so it is no wall clock, which may step. It counts the time for which the machine is
/// suspended: a holder whose clock does not goes on to believe in a lease that has ended.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present. Allocates nothing and does not block.
    fn now(&self) -> Moment;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Moment {
        (**self).now()
    }
}
