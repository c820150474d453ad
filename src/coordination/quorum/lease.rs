//! A lease by a majority, from the side of who asks for it.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;
use tower::{BoxError, Service};

use crate::coordination::members::Votes;
use crate::coordination::rules::Rules;
use crate::coordination::timing::nth;
use crate::coordination::{
    Abandoned, AcceptorId, AcquireError, Clock, Event, FencingToken, Grant, Incarnation,
    LeaseStore, Members, MembersConfig, Moment, NodeId, Owner, Proposer, RenewError, Safety, Step,
    Timing,
};
use crate::error::ConfigError;
use crate::name::Name;
use crate::rng::Rng;
use crate::telemetry::Scope;

use super::alarm::Alarm;
use super::freed::Hints;
use super::meter::{End, Meter};
use super::slots::{Asking, Cause, Slots};
use super::{Ask, LeaseRequest, LeaseResponse, QuorumConfig};

/// The lease of one resource, asked of a majority of acceptors.
///
/// `S` is the way to an acceptor: an [`AcceptorService`](super::AcceptorService), or a client of one in
/// another process, with whatever layers are around it. Put a timeout there, well below the lease's ttl: a
/// call that is under way is not made again, so one that is lost without an error is lost for the attempt.
/// A retry is not needed: what fails is asked again each tenth of the ttl.
///
/// There is one call to each acceptor at a time. What the slow minority has not answered when a lease is
/// granted goes on in a task of its own, at most for the ttl and until the next attempt; where all answer
/// at once, as in one process, nothing is spawned.
pub struct QuorumLease<S: Service<LeaseRequest>> {
    pub(super) timing: Timing,
    clock: Arc<dyn Clock>,
    pub(super) rng: Rng,
    pub(super) members: Members,
    pub(super) proposer: Proposer,
    pub(super) slots: Slots<S>,
    pub(super) hints: Hints,
    meter: Meter,
    /// Sees off what was under way when the last attempt ended.
    after: Option<AbortHandle>,
}

/// An attempt that came to nothing.
struct Failed {
    why: Abandoned,
    retry: Duration,
    source: Option<Cause>,
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
            after: None,
        })
    }
}

impl<S: Service<LeaseRequest>> QuorumLease<S> {
    /// On whose behalf it asks.
    pub const fn owner(&self) -> Owner {
        self.proposer.owner()
    }

    /// What the attempt before has left under way is of no use any more.
    fn stop_after(&mut self) {
        if let Some(after) = self.after.take() {
            after.abort();
        }
    }
}

impl<S> QuorumLease<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    /// One attempt, from `now` to its end.
    async fn attempt(&mut self, now: Moment) -> Result<Grant, Failed> {
        self.stop_after();
        let Self {
            clock,
            rng,
            proposer,
            meter,
            ..
        } = self;
        let running = meter.begin();
        let mut asking = Asking(&mut self.slots);
        let mut alarm = pin!(Alarm::new());
        let mut source = None;
        let mut step = proposer.start(now, rng.bits());
        let event = loop {
            if let Some(message) = step.send {
                asking.ask_all(Ask::Message(message));
            }
            if let Some(event) = step.event {
                break event;
            }
            step = match hear(&mut asking, alarm.as_mut(), proposer.wakes(), &**clock).await {
                Heard::Answer(Ok(LeaseResponse::Reply(reply))) => {
                    proposer.handle(reply, clock.now())
                }
                Heard::Answer(Ok(LeaseResponse::Silence | LeaseResponse::Free { .. })) => {
                    Step::default()
                }
                Heard::Answer(Err(cause)) => {
                    source = Some(cause);
                    Step::default()
                }
                Heard::Time => match proposer.tick(clock.now(), rng.bits()) {
                    Step {
                        send: Some(again),
                        event: None,
                    } => {
                        asking.ask_idle(Ask::Message(again));
                        Step::default()
                    }
                    step => step,
                },
            };
        };
        self.after = asking.see_off(self.timing.ttl()).await;
        match event {
            Event::Elected(grant) => {
                running.end(End::Elected);
                Ok(grant)
            }
            Event::Renewed(grant) => {
                running.end(End::Renewed);
                Ok(grant)
            }
            Event::Abandoned { why, retry } => {
                running.end(match why {
                    Abandoned::Taken { .. } => End::Taken,
                    _ => End::Failed,
                });
                Err(Failed { why, retry, source })
            }
            Event::Resigned(_) => Err(Failed {
                why: Abandoned::Refused,
                retry: Duration::ZERO,
                source,
            }),
        }
    }

    /// Gives back what is held, and whatever may have been granted to an attempt that has not ended.
    async fn give_back(&mut self) {
        let Some(release) = self.proposer.resign().send else {
            return;
        };
        self.stop_after();
        let members = &self.members;
        let mut asking = Asking(&mut self.slots);
        asking.ask_all(Ask::Message(release));
        let majority = async {
            let mut done = Votes::default();
            while asking.is_busy() && !done.is_quorum(members) {
                let (id, answer) = asking.answer().await;
                if answer.is_ok() {
                    done.add(members, id, Rules::ALL);
                }
            }
        };
        // What does not come through ends with its time.
        let _ = timeout(nth(self.timing.ttl(), 10), majority).await;
        self.after = asking.see_off(self.timing.ttl()).await;
    }
}

enum Heard {
    Answer(Result<LeaseResponse, Cause>),
    Time,
}

async fn hear<S>(
    slots: &mut Slots<S>,
    mut alarm: Pin<&mut Alarm>,
    wakes: Option<Moment>,
    clock: &dyn Clock,
) -> Heard
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>> + Clone,
{
    poll_fn(|cx| {
        if let Poll::Ready((_, answer)) = slots.poll_answer(cx) {
            return Poll::Ready(Heard::Answer(answer));
        }
        let rung = alarm.as_mut().poll_rung(cx, wakes, clock);
        rung.map(|()| Heard::Time)
    })
    .await
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

    /// What is held, or was asked for by an attempt that was dropped, is given back first.
    async fn acquire(&mut self, floor: Option<FencingToken>) -> Result<Grant, AcquireError> {
        self.give_back().await;
        self.hints.begin();
        if let Some(floor) = floor {
            self.proposer.raise_floor(floor);
        }
        let now = self.clock.now();
        self.attempt(now).await.map_err(|failed| {
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
        self.attempt(now).await.map_err(|failed| {
            if is_held(&self.proposer, self.clock.now()) {
                RenewError::Unknown {
                    source: failed.source,
                }
            } else {
                RenewError::Lost
            }
        })
    }

    /// Returns when a majority has been told, or a tenth of the ttl has passed.
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
