//! What of a proposer decides what it will do, whatever the hour. For the search over all schedules, which
//! tries every moment for asking again: so when it would ask, and how often it has failed, are left out.

use std::time::Duration;

use super::*;
use crate::coordination::AcceptorId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::coordination) struct ProposerKey {
    me: Owner,
    counter: u64,
    floor: Option<FencingToken>,
    attempt: Option<AttemptKey>,
    held: Option<(Ballot, FencingToken, Duration)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct AttemptKey {
    ballot: Ballot,
    left: Duration,
    base: Option<Ballot>,
    votes: u64,
    refusals: u64,
    is_beaten: bool,
    phase: Phase,
    token: Option<FencingToken>,
}

/// What an attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::coordination) enum Phase {
    Promises,
    Grants,
}

impl Proposer {
    pub(in crate::coordination) fn key(&self, now: Moment) -> ProposerKey {
        let Self {
            me,
            members: _,
            timing: _,
            counter,
            floor,
            failures: _,
            attempt,
            held,
            next: _,
            rules: _,
        } = *self;
        let attempt = attempt.map(|attempt| {
            let (phase, token) = match attempt.asks {
                Asks::Prepare { high } => (Phase::Promises, high),
                Asks::Accept { token } => (Phase::Grants, Some(token)),
            };
            AttemptKey {
                ballot: attempt.ballot,
                left: attempt.ends.since(now),
                base: attempt.base,
                votes: self.places(attempt.votes),
                refusals: self.places(attempt.refusals),
                is_beaten: attempt.is_beaten,
                phase,
                token,
            }
        });
        ProposerKey {
            me,
            counter,
            floor,
            attempt,
            held: held.map(|held| (held.ballot, held.token, held.ends.since(now))),
        }
    }

    /// What it holds, whether or not that has ended.
    pub(in crate::coordination) fn holding(&self) -> Option<(Ballot, FencingToken)> {
        self.held.map(|held| (held.ballot, held.token))
    }

    /// What refusals have taught it.
    pub(in crate::coordination) const fn knows(&self) -> (u64, Option<FencingToken>) {
        (self.counter, self.floor)
    }

    /// What it asks for, and what it waits for.
    pub(in crate::coordination) fn waits(&self) -> Option<(Ballot, Phase)> {
        self.attempt.map(|attempt| match attempt.asks {
            Asks::Prepare { .. } => (attempt.ballot, Phase::Promises),
            Asks::Accept { .. } => (attempt.ballot, Phase::Grants),
        })
    }

    /// By their places, who has voted for the attempt and who against it.
    pub(in crate::coordination) fn voters(&self) -> (u64, u64) {
        let attempt = self.attempt;
        attempt.map_or((0, 0), |attempt| {
            (self.places(attempt.votes), self.places(attempt.refusals))
        })
    }

    /// The same with other names for the acceptors: the one that was at `i` is at `to[i]`.
    pub(in crate::coordination) fn renamed(&self, to: &[usize]) -> Self {
        let mut renamed = self.clone();
        let rename = |votes: Votes| {
            let mut renamed = Votes::default();
            let places = self.places(votes);
            for (_, &to) in to.iter().enumerate().filter(|(i, _)| places >> i & 1 == 1) {
                renamed.add(&self.members, self.members.ids()[to], self.rules);
            }
            renamed
        };
        if let Some(attempt) = &mut renamed.attempt {
            attempt.votes = rename(attempt.votes);
            attempt.refusals = rename(attempt.refusals);
        }
        renamed
    }

    fn places(&self, votes: Votes) -> u64 {
        let has = |id: &AcceptorId| {
            let mut others = votes;
            others.remove(&self.members, *id);
            others != votes
        };
        let ids = self.members.ids().iter().enumerate();
        ids.filter(|(_, id)| has(id))
            .fold(0, |places, (at, _)| places | 1 << at)
    }
}
