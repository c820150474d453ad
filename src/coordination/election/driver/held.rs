//! A lease while it is held: when what is due, and what was told.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use tokio::task::yield_now;

use crate::coordination::election::Term;
use crate::coordination::election::board::Board;
use crate::coordination::{Clock, Due, Grant, LeaseStore, Moment, RenewError, Tenure, Timing};
use crate::rng::Rng;
use crate::sync::Lock;
use crate::time;
use crate::timer::Timer;

use super::reach;

/// Why a term is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was given up.
    Resigned,
    /// It was not renewed, and the margin has begun.
    Expiring,
    /// The lease has ended, or somebody else has it.
    Lost,
    /// It never began.
    Unsealed,
}

/// One lease. Dropped, the term is over, and whoever watches is told.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) term: Term,
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    rng: Rng,
    timing: Timing,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    tenure: Tenure,
    is_renewal_due: bool,
    is_at_risk: bool,
    stage: Stage,
}

/// What those who watch have heard of the term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unheard,
    Elected,
    Expiring,
    Ended,
}

impl Held {
    pub(super) fn new(
        grant: Grant,
        timing: Timing,
        clock: Arc<dyn Clock>,
        board: Arc<Board>,
        rng: Rng,
    ) -> Self {
        Self {
            term: Term::new(Arc::clone(&clock), &grant),
            clock,
            board,
            timing,
            state: Lock::new(State {
                tenure: Tenure::new(timing, grant, rng.bits()),
                is_renewal_due: false,
                is_at_risk: false,
                stage: Stage::Unheard,
            }),
            rng,
        }
    }

    pub(super) fn grant(&self) -> Grant {
        self.state.lock().tenure.grant()
    }

    pub(super) async fn reached(&self, moment: Moment) {
        reach(&*self.clock, moment).await;
    }

    pub(super) fn unsealed(&self, why: &dyn fmt::Display) {
        self.board.unsealed(self.term.token(), why);
    }

    /// The term has begun, and whoever watches hears of it.
    pub(super) fn elect(&self) {
        self.board.elected(&self.term);
        let mut state = self.state.lock();
        state.stage = Stage::Elected;
        let is_at_risk = state.is_at_risk;
        drop(state);
        if is_at_risk {
            self.board.at_risk(&self.term);
        }
    }

    /// Says what is due when it is, and returns when the term is over.
    pub(super) async fn notices(&self) -> End {
        let mut timer = pin!(Timer::unarmed());
        poll_fn(|cx| {
            loop {
                let now = self.clock.now();
                if let Some(end) = self.look(now) {
                    return Poll::Ready(end);
                }
                // Anew at each poll, for a renewal may have moved it.
                let wakes = self.state.lock().tenure.wakes();
                let wakes = wakes.and_then(|at| time::after(time::now(), at.since(now)));
                timer.as_mut().arm(wakes);
                ready!(timer.as_mut().poll_fired(cx));
            }
        })
        .await
    }

    fn look(&self, now: Moment) -> Option<End> {
        loop {
            let jitter = self.rng.bits();
            let mut state = self.state.lock();
            match state.tenure.due(now, jitter)? {
                Due::Renew => state.is_renewal_due = true,
                Due::AtRisk => {
                    state.is_at_risk = true;
                    let has_begun = state.stage == Stage::Elected;
                    drop(state);
                    if has_begun {
                        self.board.at_risk(&self.term);
                    }
                }
                Due::Expiring => return Some(End::Expiring),
                Due::Ended => return Some(End::Lost),
            }
        }
    }

    /// Renews when that is due: polled after the [`notices`](Self::notices) and in their task, which wake
    /// it. Returns when the lease is lost.
    pub(super) async fn renewals(&self, store: &mut impl LeaseStore) -> End {
        loop {
            poll_fn(|_| self.poll_renewal_due()).await;
            let asked = self.clock.now();
            let answer = store.renew().await;
            if !self.answered(answer, asked) {
                return End::Lost;
            }
            // Back to the notices: what is due next has moved.
            yield_now().await;
        }
    }

    fn poll_renewal_due(&self) -> Poll<()> {
        if mem::take(&mut self.state.lock().is_renewal_due) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Whether the term may go on.
    fn answered(&self, answer: Result<Grant, RenewError>, asked: Moment) -> bool {
        let (now, jitter) = (self.clock.now(), self.rng.bits());
        let grant = match answer {
            Ok(grant) if grant.token == self.term.token() => bounded(grant, asked, &self.timing),
            Err(RenewError::Unknown { .. }) => {
                self.board.not_renewed();
                return true;
            }
            Ok(_) | Err(RenewError::Lost) => {
                self.board.not_renewed();
                return false;
            }
        };
        let mut state = self.state.lock();
        if !state.tenure.renew(grant, now, jitter) || !self.term.renew(&grant) {
            // In the margin, or of no use. The notices say when it is over.
            return true;
        }
        state.is_renewal_due = false;
        let was_at_risk = mem::take(&mut state.is_at_risk) && state.stage == Stage::Elected;
        drop(state);
        self.board
            .renewed(&self.term, now.since(asked), was_at_risk);
        true
    }

    /// Returns when the term was given up.
    pub(super) async fn given_up(&self) -> End {
        self.term.lost().await;
        // Its own timer may be the first to see that it is over.
        if self.clock.now() < self.grant().usable_until {
            End::Resigned
        } else {
            End::Expiring
        }
    }

    /// The term is over.
    pub(super) fn end(&self, end: End) {
        self.term.give_up();
        let token = self.term.token();
        let mut state = self.state.lock();
        let next = match state.stage {
            Stage::Elected if end == End::Expiring => Stage::Expiring,
            _ => Stage::Ended,
        };
        let before = mem::replace(&mut state.stage, next);
        drop(state);
        match before {
            Stage::Elected => self.board.over(),
            Stage::Expiring => {}
            Stage::Unheard | Stage::Ended => return,
        }
        match end {
            End::Resigned => self.board.resigned(token),
            End::Expiring => self.board.expiring(token),
            End::Lost | End::Unsealed => self.board.lost(token),
        }
    }
}

/// What a store grants in the bounds of its contract, on which all safety hangs: a lease ends the ttl
/// after it was `asked` for, and may be used up to the margin before.
pub(super) fn bounded(grant: Grant, asked: Moment, timing: &Timing) -> Grant {
    let ends = grant.ends.min(asked.after(timing.ttl()));
    let usable_until = grant.usable_until.min(ends.before(timing.margin()));
    Grant {
        usable_until,
        ends,
        ..grant
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end(End::Lost);
    }
}
