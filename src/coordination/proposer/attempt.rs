//! One attempt, from the first message to its end.

use std::time::Duration;

use crate::coordination::members::Votes;
use crate::coordination::{Accept, Ballot, FencingToken, Live, Message, Moment, Nack, Prepare};

use super::event::Abandoned;
use super::state::FARTHEST;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) ballot: Ballot,
    /// Fixed before anything was sent.
    pub(super) ends: Moment,
    /// The attempt by which the lease is held that this one renews.
    pub(super) base: Option<Ballot>,
    /// Who said yes to what was asked last.
    pub(super) votes: Votes,
    /// Who said no.
    pub(super) refusals: Votes,
    /// One of them will not say yes to it any more.
    pub(super) is_beaten: bool,
    /// The lease in the way of which most was left.
    pub(super) taken: Option<Live>,
    pub(super) jitter: u64,
    pub(super) asks: Asks,
}

/// What it has asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Prepare { high: Option<FencingToken> },
    Accept { token: FencingToken },
}

impl Attempt {
    /// What it asks; asked again, it is the same.
    pub(super) const fn message(&self, ttl: Duration) -> Message {
        let ballot = self.ballot;
        match self.asks {
            Asks::Prepare { .. } => Message::Prepare(Prepare { ballot }),
            Asks::Accept { token } => Message::Accept(Accept { ballot, token, ttl }),
        }
    }

    /// Whether who refuses with this will refuse always: it has promised a higher ballot, or another has taken
    /// the token there.
    pub(super) fn is_beaten_by(&self, nack: Nack) -> bool {
        let is_taken = |high| matches!(self.asks, Asks::Accept { token } if token <= high);
        nack.promised
            .is_some_and(|promised| promised > self.ballot && promised.counter <= FARTHEST)
            || nack.high.is_some_and(is_taken)
    }

    pub(super) fn found_taken(&mut self, live: Live) {
        self.taken = self
            .taken
            .filter(|taken| taken.remaining >= live.remaining)
            .or(Some(live));
    }

    /// Why it comes to nothing when too many have refused.
    pub(super) fn refused(&self) -> Abandoned {
        match self.taken {
            Some(live) => Abandoned::Taken {
                by: live.ballot.owner(),
            },
            None => Abandoned::Refused,
        }
    }
}
