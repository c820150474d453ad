//! One call under a key, from its fingerprint to its answer.

use std::sync::Arc;

use tower::Service;

use crate::context::Deadline;
use crate::error::{Executed, Kind, StackError};
use crate::rng::Rng;
use crate::time;

use super::execution::{Answer, Claiming, Run, Slot, Surroundings, replay};
use super::refusal::{Failure, Refusal};
use super::shared::Shared;
use super::wait::Waiting;
use super::{Capture, Claim, Duplicates, Owner, Prepare, Store, StoreDown, StoreKey};

/// A call under a key, before anything is known of it.
pub(super) struct Keyed<S, Req, P, C, T> {
    pub(super) key: StoreKey,
    pub(super) request: Req,
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<T>>,
    pub(super) prepare: Arc<P>,
    pub(super) capture: Arc<C>,
    pub(super) rng: Rng,
    pub(super) surroundings: Surroundings,
}

impl<S, Req, P, C, T> Keyed<S, Req, P, C, T>
where
    Req: Send + 'static,
    P: Prepare<Req, Inner: Send + 'static>,
    S: Service<P::Inner, Future: Send, Response: Send> + Send + 'static,
    S::Error: StackError + Send + 'static,
    C: Capture<S::Response, S::Error, Outer: Send + 'static>,
    T: Store,
{
    /// The answer. Nothing is claimed before the whole request is there.
    pub(super) async fn answer(self) -> Result<C::Outer, Failure<S::Error>> {
        let deadline = self.surroundings.deadline();
        if deadline.has_passed(time::now()) {
            return Err(Refusal::new(Kind::DeadlineExceeded, Executed::No).into());
        }
        let config = self.shared.config();
        let read = before(deadline, self.prepare.fingerprint(self.request)).await?;
        let (request, fingerprint) = read.map_err(Refusal::from)?;
        let claim = Claim {
            key: self.key,
            fingerprint,
            owner: Owner::random(&self.rng),
            lease: config.lease,
            retention: config.retention,
            on_lapse: config.on_lapse,
        };
        let waiting = Waiting {
            shared: &self.shared,
            claim,
            config,
            rng: &self.rng,
        };
        let grant = match before(deadline, claimed(waiting)).await?? {
            Answer::Granted(grant) => grant,
            Answer::Silent(grant, _) if config.store_down == StoreDown::Run => grant,
            Answer::Silent(_, cause) => {
                return Err(Refusal::for_now(Kind::StoreUnavailable)
                    .because(cause)
                    .into());
            }
            Answer::Done(stored) => return replay(&self.shared, &*self.capture, stored),
            Answer::InFlight(lease_left) => return Err(Refusal::in_flight(lease_left).into()),
            Answer::OutcomeUnknown => {
                return Err(Refusal::new(Kind::OutcomeUnknown, Executed::Unknown).into());
            }
            Answer::Mismatch => return Err(Refusal::new(Kind::KeyReused, Executed::No).into()),
            Answer::Full => return Err(Refusal::for_now(Kind::StoreFull).into()),
        };
        let slot = match Slot::take(&self.shared, config.executions) {
            Ok(slot) => slot,
            Err(kind) => {
                grant.give_back().await;
                return Err(Refusal::for_now(kind).into());
            }
        };
        let run = Run {
            grant,
            slot,
            inner: self.inner,
            request,
            prepare: self.prepare,
            capture: self.capture,
            surroundings: self.surroundings,
        };
        run.detach().ended().await
    }
}

/// What comes of `work`, which is dropped at the deadline. Nothing has run until then.
async fn before<W: Future>(deadline: Deadline, work: W) -> Result<W::Output, Refusal> {
    let Some(ends) = deadline.instant() else {
        return Ok(work.await);
    };
    let in_time = tokio::time::timeout_at(ends, work).await;
    in_time.map_err(|_| Refusal::new(Kind::DeadlineExceeded, Executed::No))
}

/// The answer to a claim, and where another has the key and it is to be waited for, the one after that.
async fn claimed<T: Store>(waiting: Waiting<'_, T>) -> Result<Answer<T>, Refusal> {
    let answer = Claiming::new(waiting.shared, waiting.claim, waiting.config).await;
    match (answer, waiting.config.duplicates) {
        (Answer::InFlight(lease_left), Duplicates::Wait { max }) => {
            waiting.wait(max, lease_left).await
        }
        (answer, _) => Ok(answer),
    }
}
