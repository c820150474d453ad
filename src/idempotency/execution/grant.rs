//! Asks for a key, and gives it back when nothing comes of it.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::idempotency::shared::{Cause, Shared, ask_once};
use crate::idempotency::{Claim, Claimed, IdempotencyConfig, Store, Stored};
use crate::time::{self, Instant};

use super::Chore;
use super::settle::{End, Told, settle_later};

/// What the store said to a claim.
pub(in crate::idempotency) enum Answer {
    Granted,
    /// It did not say. The key may be the claim's all the same.
    Silent(Cause),
    InFlight(Duration),
    Done(Stored),
    OutcomeUnknown,
    Mismatch,
    Full,
}

/// A claim, and what the store said to it.
pub(in crate::idempotency) type Asked<T> = (Grant<T>, Answer);

/// The right to run under a key, if the store gave it. When it is dropped before an execution began, the key is given back.
pub(in crate::idempotency) struct Grant<T: Store> {
    pub(super) shared: Arc<Shared<T>>,
    pub(in crate::idempotency) claim: Claim,
    pub(in crate::idempotency) config: IdempotencyConfig,
    pub(super) runtime: Handle,
    /// 0 where the store did not say.
    pub(super) attempt: u64,
    /// When the store was asked; `None` before.
    pub(super) asked: Option<Instant>,
    is_open: bool,
}

impl<T: Store> Grant<T> {
    /// That of a claim which nobody was asked for yet.
    ///
    /// # Panics
    /// Outside of a tokio runtime: without one it could not be given back.
    pub(in crate::idempotency) fn unasked(
        shared: &Arc<Shared<T>>,
        claim: Claim,
        config: IdempotencyConfig,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            claim,
            config,
            runtime: Handle::current(),
            attempt: 0,
            asked: None,
            is_open: false,
        }
    }

    /// An execution begins, which from now on says what comes of it.
    pub(super) fn begin(&mut self) {
        self.is_open = false;
    }

    /// That nothing runs. A claim of which the store said nothing may reach it yet.
    pub(super) const fn free(&self) -> End {
        if self.attempt > 0 {
            End::Free
        } else {
            End::FreeOfALateClaim
        }
    }

    /// Gives the key back; dropped meanwhile, in the background.
    pub(in crate::idempotency) async fn give_back(&mut self) {
        let (end, timeout) = (self.free(), self.config.store_timeout);
        let told = self.shared.settle(&self.claim, &end, timeout).await;
        self.is_open = matches!(told, Told::Unheard(_) | Told::HeardTooSoon);
    }

    /// Gives the key back in the background, where it was granted or may have been.
    pub(in crate::idempotency) fn give_back_later(&mut self, chore: Chore<T>) {
        if mem::take(&mut self.is_open) {
            let (shared, end) = (Arc::clone(&self.shared), self.free());
            settle_later(&self.runtime, shared, self.claim, end, self.config, chore);
        }
    }
}

impl<T: Store> Drop for Grant<T> {
    fn drop(&mut self) {
        if self.is_open {
            if let Some(chore) = Chore::take(&self.shared) {
                self.give_back_later(chore);
            }
        }
    }
}

/// A claim on its way. Dropped before the answer, it is seen to its end in the background, and the key
/// is given back: a claim of which nobody hears would otherwise hold it until its lease lapses.
pub(in crate::idempotency) struct Claiming<T: Store> {
    asking: Option<Asking<T>>,
    was_polled: bool,
    shared: Arc<Shared<T>>,
    runtime: Handle,
}

/// Boxed, so that it can go on in a task of its own, from where it stands, when its caller is gone.
type Asking<T> = Pin<Box<dyn Future<Output = Asked<T>> + Send>>;

impl<T: Store> Claiming<T> {
    pub(in crate::idempotency) fn new(
        shared: &Arc<Shared<T>>,
        claim: Claim,
        config: IdempotencyConfig,
    ) -> Self {
        let grant = Grant::unasked(shared, claim, config);
        Self {
            runtime: grant.runtime.clone(),
            asking: Some(Box::pin(claiming(grant))),
            was_polled: false,
            shared: Arc::clone(shared),
        }
    }
}

/// Asks, and asks once more as the same owner when the store does not answer.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` has a second place for each of its arguments"
)]
pub(in crate::idempotency) fn claiming<T: Store>(
    mut grant: Grant<T>,
) -> impl Future<Output = Asked<T>> + Send + 'static {
    async move {
        let timeout = grant.config.store_timeout;
        let mut asked_before = false;
        loop {
            grant.asked = Some(time::now());
            // From now on it may be granted, whoever hears of it.
            grant.is_open = true;
            let store = &grant.shared.store;
            let claimed = match ask_once(timeout, || store.claim(&grant.claim)).await {
                Ok(claimed) => claimed,
                Err(cause) => {
                    if mem::replace(&mut asked_before, true) {
                        return (grant, Answer::Silent(cause));
                    }
                    continue;
                }
            };
            grant.is_open = matches!(claimed, Claimed::Acquired { .. });
            let answer = match claimed {
                Claimed::Acquired { attempt } => {
                    grant.attempt = attempt;
                    Answer::Granted
                }
                Claimed::InFlight { lease_left } => Answer::InFlight(lease_left),
                Claimed::Done(result) => Answer::Done(result),
                Claimed::OutcomeUnknown { .. } => Answer::OutcomeUnknown,
                Claimed::Mismatch => Answer::Mismatch,
                Claimed::Full => Answer::Full,
            };
            return (grant, answer);
        }
    }
}

impl<T: Store> Future for Claiming<T> {
    type Output = Asked<T>;

    #[expect(
        clippy::expect_used,
        reason = "a future is not polled after it was ready"
    )]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Asked<T>> {
        self.was_polled = true;
        // Taken out, so that one whose store panics is not polled again.
        let mut asking = self.asking.take().expect("polled after ready");
        let answer = asking.as_mut().poll(cx);
        if answer.is_pending() {
            self.asking = Some(asking);
        }
        answer
    }
}

impl<T: Store> Drop for Claiming<T> {
    fn drop(&mut self) {
        let Some(asking) = self.asking.take().filter(|_| self.was_polled) else {
            return;
        };
        if let Some(chore) = Chore::take(&self.shared) {
            self.runtime.spawn(async move {
                let (mut grant, _) = asking.await;
                grant.give_back_later(chore);
            });
        }
    }
}

impl<T: Store> fmt::Debug for Grant<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("claim", &self.claim)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
