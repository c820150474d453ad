//! One attempt, and the giving back of what came of it.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;
use tower::{BoxError, Service};

use crate::coordination::members::Votes;
use crate::coordination::rules::Rules;
use crate::coordination::timing::nth;
use crate::coordination::{Abandoned, Clock, Event, Grant, Moment, Proposer, Step};

use super::alarm::Alarm;
use super::meter::End;
use super::slots::{Asking, Cause, Slots};
use super::{Ask, LeaseRequest, LeaseResponse, QuorumLease};

/// How a proposer begins an attempt.
type Begin = fn(&mut Proposer, Moment, u64) -> Step;

/// An attempt that came to nothing.
pub(super) struct Failed {
    pub(super) why: Abandoned,
    pub(super) retry: Duration,
    pub(super) source: Option<Cause>,
}

impl<S> QuorumLease<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    /// One attempt, from `now` to its end.
    pub(super) async fn attempt(&mut self, now: Moment, begin: Begin) -> Result<Grant, Failed> {
        self.after.stop_asking();
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
        let mut step = begin(proposer, now, rng.bits());
        let (event, gives_back) = loop {
            if let Some(message) = step.send {
                asking.ask_all(Ask::Message(message));
            }
            if let Some(event) = step.event {
                // What is said at the end can only be that.
                break (event, step.send.is_some());
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
        let after = asking.see_off(self.timing.ttl()).await;
        self.after.put(after, gives_back);
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
    pub(super) async fn give_back(&mut self) {
        let Some(release) = self.proposer.resign().send else {
            return;
        };
        self.after.stop_asking();
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
        let after = asking.see_off(self.timing.ttl()).await;
        self.after.put(after, true);
    }
}

/// What goes on in tasks of its own when an attempt has ended.
#[derive(Debug, Default)]
pub(super) struct After {
    asking: Option<AbortHandle>,
    giving_back: Option<AbortHandle>,
}

impl After {
    /// What was asked is of no use any more. What is given back goes on, or its node would be in its own way.
    fn stop_asking(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }

    /// In the place of the one before: a release gives back what an earlier one did, and more.
    fn put(&mut self, task: Option<AbortHandle>, gives_back: bool) {
        let place = if gives_back {
            &mut self.giving_back
        } else {
            &mut self.asking
        };
        if let Some(before) = mem::replace(place, task) {
            before.abort();
        }
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
