//! What a campaign wins.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::coordination::{FencingToken, Timing};

use super::driver::{First, first};
use super::floor::Floor;
use super::{Guarded, Lost, Term};

/// One term, held. Dropped, it resigns.
///
/// ```no_run
/// # use mainstay::coordination::{CampaignError, LeaderElection};
/// # async fn work() {}
/// # async fn lead(election: LeaderElection) -> Result<(), CampaignError> {
/// loop {
///     let guard = election.campaign().await?;
///     if guard.run(work()).await.is_ok() {
///         return Ok(());
///     }
/// }
/// # }
/// ```
///
/// Whatever ends it, the lease is given back only when nothing works under the term any more, or has
/// ended by then.
#[must_use = "dropped at once it resigns"]
pub struct LeaseGuard {
    term: Term,
    floor: Arc<Floor>,
    margin: Duration,
    released: oneshot::Receiver<()>,
}

/// What has become of a lease that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resigned {
    /// It was given back, or has ended.
    Free,
    /// Something still works under the term, or the store has not answered. It is seen to in the
    /// background, and ends with its time at the latest.
    Pending,
}

impl LeaseGuard {
    pub(super) fn new(
        term: Term,
        floor: Arc<Floor>,
        timing: &Timing,
        released: oneshot::Receiver<()>,
    ) -> Self {
        Self {
            term,
            floor,
            margin: timing.margin(),
            released,
        }
    }

    /// The term, for those who work under it.
    pub const fn term(&self) -> &Term {
        &self.term
    }

    /// See [`Term::token`].
    pub fn token(&self) -> FencingToken {
        self.term.token()
    }

    /// See [`Term::is_valid`].
    #[inline]
    pub fn is_valid(&self) -> bool {
        self.term.is_valid()
    }

    /// See [`Term::remaining`].
    pub fn remaining(&self) -> Duration {
        self.term.remaining()
    }

    /// See [`Term::lost`].
    pub fn lost(&self) -> Lost {
        self.term.lost()
    }

    /// See [`Term::run`].
    pub fn run<F: Future>(&self, future: F) -> Guarded<F> {
        self.term.run(future)
    }

    /// Gives the term up: it is over before this returns. What runs under it is ended and waited for, and
    /// then the lease is given back. The future waits for that, up to `grace` and not past the end of the
    /// lease.
    ///
    /// While something works under the term the lease is not given back, however short the `grace`: else
    /// the next leader would begin beside it.
    ///
    /// # Panics
    /// The future, when it has to wait outside a runtime of tokio with time enabled.
    ///
    /// # Cancel safety
    /// Dropped, the rest happens in the background.
    pub fn resign(mut self, grace: Duration) -> impl Future<Output = Resigned> + Send {
        // The lease ends no later, for what is given up is not renewed.
        let ends = self.term.ends(self.margin);
        self.term.give_up();
        async move {
            let ended = self.term.reached(ends);
            let free = first(&mut self.released, ended);
            match first(free, sleep(grace)).await {
                First::One(First::One(Ok(())) | First::Other(())) => Resigned::Free,
                First::One(First::One(Err(_))) | First::Other(()) => Resigned::Pending,
            }
        }
    }

    /// The resource has refused this term, for it has seen `high`: resigns, and the next campaign asks for
    /// a token above that.
    pub fn superseded_by(self, high: FencingToken) {
        self.floor.raise(high);
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.term.give_up();
    }
}

impl fmt::Debug for LeaseGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseGuard")
            .field("term", &self.term)
            .finish_non_exhaustive()
    }
}
