//! A lease by a majority, from the side of who asks for it.

use std::fmt;
use std::sync::Arc;

use tower::{BoxError, Service};

use crate::coordination::{
    Abandoned, AcceptorId, AcquireError, Clock, FencingToken, Grant, Incarnation, LeaseStore,
    Members, MembersConfig, NodeId, Owner, Proposer, RenewError, Safety, Timing,
};
use crate::error::ConfigError;
use crate::name::Name;
use crate::rng::Rng;
use crate::telemetry::Scope;

use super::attempt::{After, Failed};
use super::freed::Hints;
use super::meter::Meter;
use super::slots::Slots;
use super::{LeaseRequest, LeaseResponse, QuorumConfig};

/// The lease of one resource, asked of a majority of acceptors.
///
/// `S` is the way to an acceptor: an [`AcceptorService`](super::AcceptorService), or a client of one in
/// another process, with whatever layers are around it. Put a timeout there, well below the lease's ttl: a
/// call that is under way is not made again, so one that is lost without an error is lost for the attempt.
/// A retry is not needed: what fails is asked again each tenth of the ttl.
///
/// ```
/// use mainstay::coordination::{
///     AcceptorId, AcceptorService, BootClock, EphemeralTokenStore, LeaseStore, NodeId, QuorumConfig,
///     QuorumLease, Timing, TimingConfig,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let timing = Timing::new(TimingConfig::default())?;
/// let acceptors = [1, 2, 3].map(AcceptorId).map(|id| {
///     let store = EphemeralTokenStore::new("ledger"); // a `FileTokenStore` where tokens must last
///     (id, AcceptorService::embedded("ledger", id, timing, store, BootClock))
/// });
///
/// let mut lease = QuorumLease::new("ledger", NodeId(1), acceptors, QuorumConfig::new(timing))?;
/// let first = lease.acquire(None).await?;
/// assert_eq!(lease.renew().await?.token, first.token);
/// lease.release().await;
/// assert!(lease.acquire(None).await?.token > first.token);
/// # Ok(())
/// # }
/// ```
///
/// # Calls
/// There is one call to each acceptor at a time; a phase that begins drops the calls of the one before. What
/// is under way when an attempt ends goes on in a task of its own, so that the slow minority hears of it
/// too: at most for the ttl, and until the next attempt, at whose beginning it is aborted; but a release only
/// at the next release, so there may be one call more. Where all answer at once, as in one process, nothing
/// is spawned, and a renewal allocates nothing.
///
/// # Handing over
/// After [`AcquireError::Taken`], [`freed`](LeaseStore::freed) asks the acceptors to say when they have
/// granted no lease any more. Who is told so asks for the lease at once, without promises. So a lease that is
/// given back is another's after four messages, one after the other: the release, the answer to those who wait,
/// and one round trip to a majority. Without that, whoever wants it waits for the end of a lease that it
/// believes held.
///
/// # What is lost
/// A term that has ended by time is not given back, because it is not known which acceptors still keep it;
/// it ends there by their clocks.
pub struct QuorumLease<S: Service<LeaseRequest>> {
    pub(super) timing: Timing,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Rng,
    pub(super) members: Members,
    pub(super) proposer: Proposer,
    pub(super) slots: Slots<S>,
    pub(super) hints: Hints,
    pub(super) meter: Meter,
    pub(super) after: After,
}

impl<S> QuorumLease<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>> + Clone,
{
    /// Asks `acceptors` for the lease of `resource`, for `node`. They are the same for all who take part,
    /// for as long as there is the resource.
    ///
    /// # Errors
    /// When there are none, more than 64, one of them twice, or an even number that was not allowed.
    pub fn new(
        resource: impl Into<Name>,
        node: NodeId,
        acceptors: impl IntoIterator<Item = (AcceptorId, S)>,
        config: QuorumConfig,
    ) -> Result<Self, ConfigError> {
        let QuorumConfig {
            timing,
            allow_even,
            wait,
            clock,
            incarnation,
            rng,
        } = config;
        // One more than there may be is enough to be refused.
        let acceptors: Vec<_> = acceptors.into_iter().take(65).collect();
        let mut members = MembersConfig::new(acceptors.iter().map(|(id, _)| *id));
        if allow_even {
            members = members.allow_even();
        }
        let members = Members::new(members)?;
        let incarnation = incarnation.unwrap_or_else(|| {
            // Never of `rng`: what is seeded is not unique.
            let rng = Rng::thread();
            Incarnation(u128::from(rng.bits()) << 64u32 | u128::from(rng.bits()))
        });
        let owner = Owner { node, incarnation };
        let resource = resource.into();
        let meter = Meter::new(&Scope::new("quorum", resource.clone()));
        Ok(Self {
            timing,
            clock,
            rng,
            proposer: Proposer::new(owner, members.clone(), timing),
            members,
            slots: Slots::new(resource, meter.errors.clone(), acceptors),
            hints: Hints::new(wait),
            meter,
            after: After::default(),
        })
    }
}

impl<S: Service<LeaseRequest>> QuorumLease<S> {
    /// On whose behalf it asks.
    pub const fn owner(&self) -> Owner {
        self.proposer.owner()
    }
}

impl<S> LeaseStore for QuorumLease<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    const SAFETY: Safety = Safety::Fenced;

    fn timing(&self) -> Timing {
        self.timing
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// What is held, or was asked for by an attempt that was dropped, is given back first. An attempt that is
    /// refused although nobody holds the lease is made once more at once: it has learnt how high to rank.
    async fn acquire(&mut self, floor: Option<FencingToken>) -> Result<Grant, AcquireError> {
        self.give_back().await;
        // Who was told that the lease is free asks for it at once, in one round trip.
        let begin = if self.hints.begin() {
            Proposer::seize
        } else {
            Proposer::start
        };
        if let Some(floor) = floor {
            self.proposer.raise_floor(floor);
        }
        let now = self.clock.now();
        let mut granted = self.attempt(now, begin).await;
        if let Err(Failed {
            why: Abandoned::Refused,
            ..
        }) = granted
        {
            let now = self.clock.now();
            granted = self.attempt(now, Proposer::start).await;
        }
        granted.map_err(|failed| {
            let Failed { why, retry, source } = failed;
            match why {
                Abandoned::Exhausted => AcquireError::Exhausted,
                Abandoned::Taken { by } => AcquireError::Taken {
                    leader: Some(by.node),
                    retry,
                },
                _ => AcquireError::Unavailable { retry, source },
            }
        })
    }

    async fn renew(&mut self) -> Result<Grant, RenewError> {
        let now = self.clock.now();
        let is_held =
            |proposer: &Proposer, now| proposer.held_until().is_some_and(|ends| now < ends);
        // Else a new term would begin.
        if self.proposer.grant(now).is_none() {
            return Err(if is_held(&self.proposer, now) {
                RenewError::Unknown { source: None }
            } else {
                RenewError::Lost
            });
        }
        self.attempt(now, Proposer::start).await.map_err(|failed| {
            if is_held(&self.proposer, self.clock.now()) {
                RenewError::Unknown {
                    source: failed.source,
                }
            } else {
                RenewError::Lost
            }
        })
    }

    /// Returns when a majority has been told, or a tenth of the ttl has passed. Those who are slower are told
    /// by a task of its own, for as long as the runtime and the ttl last. An acceptor that is not reached
    /// keeps the lease to its end.
    async fn release(&mut self) {
        self.give_back().await;
    }

    async fn freed(&mut self) {
        self.await_freed().await;
    }
}

impl<S: Service<LeaseRequest>> fmt::Debug for QuorumLease<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuorumLease")
            .field("owner", &self.proposer.owner())
            .field("acceptors", &self.slots)
            .finish_non_exhaustive()
    }
}
