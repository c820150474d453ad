//! Tells the store what came of a claim.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::idempotency::shared::{Cause, Shared, ask, ask_once};
use crate::idempotency::{Claim, Fenced, IdempotencyConfig, Store, Stored};
use crate::rng::Rng;
use crate::telemetry::{Metered as _, event};
use crate::time;

use super::lease::part;

/// What came of it.
#[derive(Clone, Debug)]
pub(super) enum End {
    Done(Stored),
    /// Nothing ran.
    Free,
    /// Nothing ran, and the store did not say whether the key was claimed. The claim may be on its way
    /// yet, and come after the release.
    FreeOfALateClaim,
}

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What the store said to it.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Heard,
    /// It is to hear it once more, later.
    HeardTooSoon,
    /// The key is another's by now.
    Superseded,
    /// No answer, or no room.
    Unheard(Option<Cause>),
}

impl<T: Store> Shared<T> {
    async fn tell(&self, claim: &Claim, end: &End) -> Result<Fenced, T::Error> {
        match end {
            End::Done(result) => self.store.finish(claim, result.clone()).await,
            End::Free | End::FreeOfALateClaim => self.store.release(claim).await,
        }
    }

    /// Tells it now, and once more when the store does not answer.
    pub(super) async fn settle(&self, claim: &Claim, end: &End, timeout: Duration) -> Told {
        end.told(ask(timeout, || self.tell(claim, end)).await)
    }
}

impl End {
    fn told(&self, answer: Result<Fenced, Cause>) -> Told {
        match (self, answer) {
            (_, Err(cause)) => Told::Unheard(Some(cause)),
            // The store has no room to keep it as done.
            (Self::Done(_), Ok(Fenced::Gone)) => Told::Unheard(None),
            (Self::Done(_), Ok(Fenced::Superseded)) => Told::Superseded,
            (Self::FreeOfALateClaim, Ok(_)) => Told::HeardTooSoon,
            (Self::Free, Ok(_)) | (Self::Done(_), Ok(Fenced::Applied)) => Told::Heard,
        }
    }
}

/// Tells it in the background, again and again until the store has heard it or the ceiling has passed.
/// `held` is dropped then.
///
/// What frees a claim that may come late is told once more after a third of the lease, which is long
/// before such a claim lapses. Once, so that a store that is slow has little more to do for it.
pub(super) fn settle_later<T: Store>(
    runtime: &Handle,
    shared: Arc<Shared<T>>,
    claim: Claim,
    mut end: End,
    config: IdempotencyConfig,
    held: impl Send + 'static,
) {
    runtime.spawn(async move {
        let _held = held;
        let began = time::now();
        let mut backoff = BACKOFF_MIN;
        // As random as the owner is, and repeatable where the owner is.
        let rng = Rng::seeded(claim.owner.low_bits());
        loop {
            let answer = ask_once(config.store_timeout, || shared.tell(&claim, &end)).await;
            match end.told(answer) {
                Told::Unheard(_) => {}
                Told::Heard => return,
                Told::HeardTooSoon => {
                    end = End::Free;
                    tokio::time::sleep(part(config.lease, 3)).await;
                    continue;
                }
                Told::Superseded => return shared.superseded(),
            }
            let wait = rng.duration(BACKOFF_MIN..=backoff);
            if began.elapsed().saturating_add(wait) >= config.ceiling {
                let what = "the store was not told how an execution ended";
                return event(
                    shared.calls().scope(),
                    what,
                    format_args!("it did not hear"),
                );
            }
            tokio::time::sleep(wait).await;
            backoff = backoff.saturating_mul(2).min(BACKOFF_MAX);
        }
    });
}

impl<T> Shared<T> {
    /// Another ran it too.
    pub(super) fn superseded(&self) {
        self.figures.superseded.increment(1);
        let what = "an execution was superseded";
        event(
            self.calls().scope(),
            what,
            format_args!("its request ran twice"),
        );
    }
}
