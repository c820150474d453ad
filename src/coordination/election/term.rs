//! One term, as those see it who work under it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::coordination::{Clock, FencingToken, Grant, Moment};

use super::driver::reach;
use super::until::Until;
use super::work::Work;
use super::{Guarded, Job, Lost};

/// One term of this node's leadership. Clones are one term.
///
/// It is valid up to its soft deadline, which lies a [margin](crate::coordination::TimingConfig::margin)
/// before the end of the lease and moves with each renewal. Once it is over it stays so.
///
/// That it was valid says nothing about what is on its way: a process can stand still after it has
/// looked. Send the [token](Self::token) along, and let the resource refuse what is late
/// ([`FencingGate`](crate::coordination::FencingGate)).
#[derive(Clone)]
pub struct Term {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    token: FencingToken,
    clock: Arc<dyn Clock>,
    until: Until,
    pub(super) work: Work,
}

impl Term {
    pub(in crate::coordination) fn new(clock: Arc<dyn Clock>, grant: &Grant) -> Self {
        let shared = Shared {
            token: grant.token,
            clock,
            until: Until::new(grant.usable_until),
            work: Work::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Its number, for whatever it does to carry along.
    pub fn token(&self) -> FencingToken {
        self.shared.token
    }

    /// Whether it may be used now: a load and a reading of the clock, without a lock and without an
    /// allocation.
    #[inline]
    pub fn is_valid(&self) -> bool {
        self.left().is_some()
    }

    /// How long it may be used if it is not renewed; zero when it is over.
    pub fn remaining(&self) -> Duration {
        self.left().unwrap_or(Duration::ZERO)
    }

    /// Ends when the term does: at its soft deadline, which comes before the end of the lease, or when it
    /// is given up. Not before, however often it is renewed.
    ///
    /// It needs tokio's timer, from its first poll on. After the machine was suspended that may be late
    /// by what was left of the lease before, and at most until the next renewal is tried, a third of the
    /// ttl. [`is_valid`](Self::is_valid) is right at once.
    ///
    /// # Cancel safety
    /// Dropped, nothing is left of it.
    pub fn lost(&self) -> Lost {
        Lost::new(self.clone())
    }

    /// Runs `future` while the term is valid. That is looked at before each poll of it; once it is not,
    /// `future` is dropped at once and not polled again.
    ///
    /// It is work of the term from now on until it has ended or was dropped: whoever
    /// [resigns](super::LeaseGuard::resign) waits for it. So it should not be kept without being polled.
    ///
    /// What it has started elsewhere (a spawned task, a blocking thread, a request on its way) is not
    /// ended by dropping it.
    pub fn run<F: Future>(&self, future: F) -> Guarded<F> {
        self.begin().run(future)
    }

    /// Something begins that is work of the term, though it has no future yet.
    pub(in crate::coordination) fn begin(&self) -> Job {
        Job::begin(self.clone())
    }

    pub(super) fn left(&self) -> Option<Duration> {
        self.shared.until.left(|| self.shared.clock.now())
    }

    /// When its lease ends if it is not renewed; at the latest, when it is over.
    pub(super) fn ends(&self, margin: Duration) -> Moment {
        let soft = self.shared.clock.now().after(self.remaining());
        soft.after(margin)
    }

    /// Returns when `moment` has come by its clock.
    pub(super) async fn reached(&self, moment: Moment) {
        reach(&*self.shared.clock, moment).await;
    }

    /// The term goes on with `grant`, unless it is over.
    #[must_use]
    pub(in crate::coordination) fn renew(&self, grant: &Grant) -> bool {
        self.shared.until.renew(grant.usable_until)
    }

    /// Over, from now on. Whoever waits for that is woken. Whether it was not over before.
    pub(in crate::coordination) fn give_up(&self) -> bool {
        let was_valid = self.shared.until.give_up();
        self.shared.work.wake_all();
        was_valid
    }

    /// Returns when nothing works under the term. One at a time may ask.
    pub(in crate::coordination) async fn joined(&self) {
        std::future::poll_fn(|cx| self.shared.work.poll_joined(cx.waker())).await;
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("token", &self.shared.token)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(mainstay_loom)))]
mod tests;
