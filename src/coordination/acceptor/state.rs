//! The acceptor's decisions.
//!
//! I1. A lease that lives is not replaced by one of another incarnation, whatever its ballot; it ends by
//!     its time, by its owner's release of its ballot or of a later one, or with the acceptor's memory.
//! I2. The durable token never falls, and the same one is taken again only from the owner that set it.
//! I3. No `Accepted` exists before the token that it is for is durable.
//! I5. In quarantine an acceptor has neither promise nor lease, and answers nobody.
//! I6. What is durable is set by [`Write::written`] alone; after a failed write nobody is answered.
//!
//! I1 is what the exclusion of holders rests on, with the quarantine, which outlasts whatever was granted
//! before a crash (`PaxosLease` Revisited; the acceptors of the paper of 2012 replace, and admit two
//! holders). I2 makes a later term's token larger although promises are forgotten.

use std::time::Duration;

use crate::coordination::rules::{Rule, Rules};
use crate::coordination::{
    Accept, Accepted, AcceptorId, Ballot, FencingToken, Live, Message, Moment, Nack, Owner,
    Prepare, Promise, Release, Reply, Timing, TokenRecord,
};

use super::answer::{Answer, Standing, Write};

/// Grants the lease of one resource, to one incarnation at a time. Has no clock and does no I/O.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Acceptor {
    pub(super) id: AcceptorId,
    ttl_max: Duration,
    held: Duration,
    pub(super) durable: Option<TokenRecord>,
    pub(super) state: State,
    rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Just made: what was granted before may still be held.
    Quarantined {
        until: Moment,
    },
    Serving(Serving),
    /// A write has not been seen to succeed.
    Failed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Serving {
    promised: Option<Ballot>,
    lease: Option<Lease>,
    /// The last attempt that was given back.
    released: Option<Ballot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) ballot: Ballot,
    until: Moment,
}

impl Acceptor {
    /// Begins, for the first time or after a crash, with what the disk holds. It answers nobody for
    /// [`Timing::quarantine`] from `now`.
    pub const fn new(
        id: AcceptorId,
        timing: &Timing,
        durable: Option<TokenRecord>,
        now: Moment,
    ) -> Self {
        Self {
            id,
            ttl_max: timing.ttl(),
            held: timing.held(),
            durable,
            state: State::Quarantined {
                until: now.after(timing.quarantine()),
            },
            rules: Rules::ALL,
        }
    }

    /// Begins without quarantine. Only where every proposer lives in the acceptor's own process: what
    /// ended the acceptor then ended every holder too.
    pub const fn embedded(id: AcceptorId, timing: &Timing, durable: Option<TokenRecord>) -> Self {
        let mut acceptor = Self::new(id, timing, durable, Moment::ORIGIN);
        acceptor.state = State::Serving(Serving {
            promised: None,
            lease: None,
            released: None,
        });
        acceptor
    }

    /// Which one it is.
    pub const fn id(&self) -> AcceptorId {
        self.id
    }

    /// Whether a write has not been seen to succeed. Such an acceptor answers nobody, for good.
    pub const fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed)
    }

    /// What to do about a message that came at `now`.
    pub fn handle(&mut self, message: Message, now: Moment) -> Answer<'_> {
        match self.state {
            State::Failed => Answer::Silence,
            State::Quarantined { until } if now < until => Answer::Silence,
            State::Quarantined { .. } => self.serve(Serving::default(), message, now),
            State::Serving(serving) => self.serve(serving, message, now),
        }
    }

    /// Does what [`handle`](Self::handle) does, unless that takes a write: then nothing has happened.
    pub(in crate::coordination) fn handle_unwritten(
        &mut self,
        message: Message,
        now: Moment,
    ) -> Option<Answer<'static>> {
        let mut trial = Self { ..*self };
        let answer = match trial.handle(message, now) {
            Answer::Silence => Answer::Silence,
            Answer::Reply(reply) => Answer::Reply(reply),
            Answer::Write(_) => return None,
        };
        *self = trial;
        Some(answer)
    }

    /// How things stand at `now`, for those who wait for the end of a lease.
    pub(in crate::coordination) fn standing(&self, now: Moment) -> Standing {
        let serving = match self.state {
            State::Failed => return Standing::Unknown,
            State::Quarantined { until } if now < until => return Standing::Unknown,
            State::Quarantined { .. } => Serving::default(),
            State::Serving(serving) => serving,
        };
        match serving.lease.filter(|lease| now < lease.until) {
            Some(lease) => Standing::Held {
                remaining: lease.until.since(now),
            },
            None => Standing::Free {
                promised: serving.promised,
            },
        }
    }

    fn serve(&mut self, mut serving: Serving, message: Message, now: Moment) -> Answer<'_> {
        serving.lease = serving.lease.filter(|lease| now < lease.until);
        self.state = State::Serving(serving);
        match message {
            Message::Prepare(prepare) => self.prepare(serving, prepare, now),
            Message::Accept(accept) => self.accept(serving, accept, now),
            Message::Release(release) => self.release(serving, release),
        }
    }

    fn prepare(&mut self, mut serving: Serving, prepare: Prepare, now: Moment) -> Answer<'_> {
        let Prepare { ballot } = prepare;
        if serving.has_promised_above(ballot) {
            return self.refuse(serving, ballot, now);
        }
        serving.promised = Some(ballot);
        self.state = State::Serving(serving);
        Answer::Reply(Reply::Promise(Promise {
            ballot,
            from: self.id,
            live: serving.live(now),
            high: self.durable.map(|durable| durable.token),
        }))
    }

    fn accept(&mut self, mut serving: Serving, accept: Accept, now: Moment) -> Answer<'_> {
        let Accept { ballot, token, ttl } = accept;
        let owner = ballot.owner();
        let is_foreign = |lease: Lease| !self.is_same(lease.ballot.owner(), owner);
        // I1.
        let is_taken = serving.lease.is_some_and(is_foreign) && self.rules.keeps(Rule::KeepLive);
        // A holder whose ttl is longer than ours would go on after we have forgotten it.
        let is_too_long = ttl > self.ttl_max;
        if is_too_long
            || serving.has_promised_above(ballot)
            || is_taken
            || serving.has_released(ballot)
            || !self.admits(token, owner)
        {
            return self.refuse(serving, ballot, now);
        }
        // By our own time, not by the asker's: both were checked to fit each other.
        let until = now.after(self.held);
        let lease = Lease { ballot, until };
        if self.durable.is_some_and(|durable| token <= durable.token) {
            serving.grant(lease);
            self.state = State::Serving(serving);
            return Answer::Reply(Reply::Accepted(Accepted {
                ballot,
                from: self.id,
            }));
        }
        // I3, I6: failed until it is known to be written.
        self.state = State::Failed;
        Answer::Write(Write {
            acceptor: self,
            record: TokenRecord {
                token,
                owner: Some(owner),
            },
            serving,
            lease,
        })
    }

    fn release(&mut self, mut serving: Serving, release: Release) -> Answer<'_> {
        let is_meant = |lease: &Lease| {
            if self.rules.keeps(Rule::ExactRelease) {
                lease.ballot.owner() == release.ballot.owner() && lease.ballot <= release.ballot
            } else {
                self.is_same(lease.ballot.owner(), release.ballot.owner())
            }
        };
        serving.lease = serving.lease.filter(|lease| !is_meant(lease));
        serving.released = Some(release.ballot);
        self.state = State::Serving(serving);
        Answer::Silence
    }

    /// I2.
    fn admits(&self, token: FencingToken, owner: Owner) -> bool {
        let Some(TokenRecord {
            token: high,
            owner: whose,
        }) = self.durable
        else {
            return true;
        };
        let is_own = whose.is_some_and(|whose| self.is_same(whose, owner));
        token > high
            || (token == high && (is_own || !self.rules.keeps(Rule::TieByOwner)))
            || !self.rules.keeps(Rule::Guard)
    }

    fn is_same(&self, one: Owner, other: Owner) -> bool {
        if self.rules.keeps(Rule::OwnerIsIncarnation) {
            one == other
        } else {
            one.node == other.node
        }
    }

    fn refuse(&self, serving: Serving, ballot: Ballot, now: Moment) -> Answer<'_> {
        Answer::Reply(Reply::Nack(Nack {
            ballot,
            from: self.id,
            promised: serving.promised,
            live: serving.live(now),
            high: self.durable.map(|durable| durable.token),
        }))
    }
}

impl Serving {
    fn has_promised_above(&self, ballot: Ballot) -> bool {
        self.promised.is_some_and(|promised| ballot < promised)
    }

    /// Whether the release of an attempt has overtaken what it asked for: nobody would use what it is given.
    fn has_released(&self, ballot: Ballot) -> bool {
        let released = self.released;
        released.is_some_and(|last| last.owner() == ballot.owner() && ballot <= last)
    }

    fn live(&self, now: Moment) -> Option<Live> {
        self.lease.map(|Lease { ballot, until }| Live {
            ballot,
            remaining: until.since(now),
        })
    }

    pub(super) fn grant(&mut self, lease: Lease) {
        self.promised = Some(lease.ballot);
        self.lease = Some(lease);
    }
}

#[cfg(test)]
impl Acceptor {
    pub(in crate::coordination) const fn breaking(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    pub(in crate::coordination) const fn durable(&self) -> Option<TokenRecord> {
        self.durable
    }
}

#[cfg(test)]
mod key_tests;
#[cfg(test)]
pub(in crate::coordination) use key_tests::AcceptorKey;
