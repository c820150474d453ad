//! A seat that a test takes and leaves.

use std::sync::Arc;

use crate::coordination::{Clock, FencingToken, Grant, NodeId, Term, Timing};
use crate::sync::Lock;

use super::Seat;

/// A seat that its test takes and leaves, without an election. It starts as a follower's who knows no
/// leader; its clones are one seat.
#[derive(Clone, Debug)]
pub struct ManualSeat {
    timing: Timing,
    clock: Arc<dyn Clock>,
    state: Arc<Lock<State>>,
}

#[derive(Debug)]
enum State {
    Leads(Term),
    Follows(Option<NodeId>),
}

impl ManualSeat {
    /// A follower's, whose terms will end by `clock`.
    pub fn new(timing: Timing, clock: impl Clock) -> Self {
        Self {
            timing,
            clock: Arc::new(clock),
            state: Arc::new(Lock::new(State::Follows(None))),
        }
    }

    /// Begins a term, with the lease of one that was asked for now. One that was there is over.
    pub fn lead(&self, token: FencingToken) -> Term {
        let term = Term::new(Arc::clone(&self.clock), &self.grant(token));
        self.change(State::Leads(term.clone()));
        term
    }

    /// Renews the lease of the term. Whether the term goes on.
    pub fn renew(&self) -> bool {
        self.term()
            .is_some_and(|term| term.renew(&self.grant(term.token())))
    }

    /// Ends the term, if there is one, and follows `leader`.
    pub fn follow(&self, leader: Option<NodeId>) {
        self.change(State::Follows(leader));
    }

    fn grant(&self, token: FencingToken) -> Grant {
        let ends = self.clock.now().after(self.timing.ttl());
        Grant {
            token,
            usable_until: ends.before(self.timing.margin()),
            ends,
        }
    }

    fn change(&self, state: State) {
        let before = std::mem::replace(&mut *self.state.lock(), state);
        if let State::Leads(term) = before {
            term.give_up();
        }
    }
}

impl Seat for ManualSeat {
    fn term(&self) -> Option<Term> {
        match &*self.state.lock() {
            State::Leads(term) => Some(term.clone()),
            State::Follows(_) => None,
        }
    }

    fn leader(&self) -> Option<NodeId> {
        match &*self.state.lock() {
            State::Leads(_) => None,
            State::Follows(leader) => *leader,
        }
    }

    fn timing(&self) -> Timing {
        self.timing
    }
}
