//! Whether the lease that was in the way has been given back.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tower::{BoxError, Service};

use crate::coordination::AcceptorId;
use crate::coordination::members::Votes;
use crate::coordination::rules::Rules;
use crate::coordination::timing::{nth, share};
use crate::time::{self, Instant};
use crate::timer::Timer;

use super::slots::Asking;
use super::{Ask, LeaseRequest, LeaseResponse, QuorumLease};

/// What hints have been given, and whether they were of use.
#[derive(Debug)]
pub(super) struct Hints {
    wait: Duration,
    /// The next attempt is made because of one.
    given: bool,
    /// The last attempt was.
    followed: bool,
}

impl Hints {
    pub(super) const fn new(wait: Duration) -> Self {
        Self {
            wait,
            given: false,
            followed: false,
        }
    }

    /// An attempt begins; whether it follows a hint.
    pub(super) const fn begin(&mut self) -> bool {
        self.followed = std::mem::replace(&mut self.given, false);
        self.followed
    }
}

/// When one acceptor was asked, and is asked next.
struct Turn {
    id: AcceptorId,
    asked: Instant,
    /// `None` while a call is under way, and once it is of no use.
    next: Option<Instant>,
}

impl<S> QuorumLease<S>
where
    S: Service<LeaseRequest, Response = LeaseResponse, Error: Into<BoxError>> + Clone,
{
    /// Waits until a majority say that they have granted no lease that lives.
    ///
    /// A hint that has led to nothing is followed by a wait of up to a tenth of the ttl, at random: two who
    /// take the lease from each other, attempt for attempt, would go on with it as fast as the network.
    pub(super) async fn await_freed(&mut self) {
        let wait = self.hints.wait;
        if wait.is_zero() {
            pending::<()>().await;
        }
        let start = time::now();
        let between = wait.max(nth(self.timing.ttl(), 100));
        let pause = share(nth(self.timing.ttl(), 10), self.rng.bits());
        let earliest = time::after(start, pause).filter(|_| self.hints.followed);
        let members = &self.members;
        let mut asking = Asking(&mut self.slots);
        let turn = |&id| Turn {
            id,
            asked: start,
            next: Some(start),
        };
        let mut turns: Vec<_> = members.ids().iter().map(turn).collect();
        let mut free = Votes::default();
        let mut timer = pin!(Timer::unarmed());
        while !free.is_quorum(members) {
            let now = time::now();
            for turn in &mut turns {
                if turn.next.is_some_and(|next| next <= now) {
                    asking.ask_one(turn.id, Ask::Wait { within: wait });
                    turn.asked = now;
                    turn.next = None;
                }
            }
            let next = turns.iter().filter_map(|turn| turn.next).min();
            timer.as_mut().arm(next);
            let answer = poll_fn(|cx| match asking.poll_answer(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => timer.as_mut().poll_fired(cx).map(|()| None),
            });
            match answer.await {
                Some((id, Ok(LeaseResponse::Free { promised }))) => {
                    free.add(members, id, Rules::ALL);
                    // Or the next attempt would be refused, by what the holder's renewals were promised.
                    if let Some(promised) = promised {
                        self.proposer.outrank(promised);
                    }
                }
                // One that answers too soon, or not at all, is not asked more often for it.
                Some((id, _)) => {
                    for turn in turns.iter_mut().filter(|turn| turn.id == id) {
                        turn.next = time::after(turn.asked, between);
                    }
                }
                None => {}
            }
        }
        if let Some(earliest) = earliest {
            tokio::time::sleep_until(earliest).await;
        }
        self.hints.given = true;
    }
}
