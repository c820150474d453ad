//! The proposer's decisions.
//!
//! I1. The end of a lease is fixed before the first message that asks for it, and nothing is decided in
//!     its favour at or after that; every handler looks, whatever timers do.
//! I2. An incarnation asks for no token twice, but to renew the term that has it.
//! I3. A renewal keeps the token, and succeeds only while the lease that it renews may be used. Once that
//!     has ended, the next term is another one.
//! I4. A phase ends with yes from a majority of different members. Strangers, and who says it twice, do
//!     not count.
//! I5. What is resigned is not held any more when the release leaves. A release gives back whatever was
//!     granted to any attempt until then, so it leaves only when none of them is of use any more.
//! I6. A refusal, like all hints, changes when and with what numbers is asked next, and never what is held.
//! I7. Who wants to be elected, has no majority when it would ask again, and was refused by one that will not
//!     say yes to this attempt any more, gives back what it has and begins anew. So two who have one half
//!     each do not wait for each other while those are missing who would decide between them.

use crate::coordination::members::Votes;
use crate::coordination::rules::{Rule, Rules};
use crate::coordination::{
    Accepted, Ballot, FencingToken, Live, Members, Message, Moment, Nack, Owner, Promise, Release,
    Reply, Timing,
};

use super::attempt::{Asks, Attempt};
use super::event::{Abandoned, Event, Grant, Step};
use super::held::Held;

/// No proposer counts that far. Whoever says that one did is wrong, and would else have ended all attempts
/// of this process.
pub(super) const FARTHEST: u64 = u64::MAX / 2;

/// Asks for the lease of one resource on behalf of one incarnation. Has no clock and does no I/O.
///
/// It asks when it is told to: [`Tenure`](crate::coordination::Tenure) says when a lease is to be renewed.
/// Every `jitter` is 64 uniform random bits.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Proposer {
    pub(super) me: Owner,
    pub(super) members: Members,
    pub(super) timing: Timing,
    /// The highest of its own ballots and of those that it was refused for.
    pub(super) counter: u64,
    /// The highest token that it asked for or heard of.
    pub(super) floor: Option<FencingToken>,
    pub(super) failures: u32,
    pub(super) attempt: Option<Attempt>,
    pub(super) held: Option<Held>,
    /// When the attempt asks again.
    next: Moment,
    pub(super) rules: Rules,
}

impl Proposer {
    /// Begins with nothing. `me` names this life of the node: its incarnation is drawn at random, anew
    /// each time.
    pub const fn new(me: Owner, members: Members, timing: Timing) -> Self {
        Self {
            me,
            members,
            timing,
            counter: 0,
            floor: None,
            failures: 0,
            attempt: None,
            held: None,
            next: Moment::ORIGIN,
            rules: Rules::ALL,
        }
    }

    /// On whose behalf it asks.
    pub const fn owner(&self) -> Owner {
        self.me
    }

    /// Its next new term has a token above `high`. For one whose resource has seen a higher token than
    /// the acceptors have, because their disks were lost or restored.
    pub fn raise_floor(&mut self, high: FencingToken) {
        self.floor = self.floor.max(Some(high));
    }

    /// Its next attempt ranks above `promised`. A hint, like a refusal.
    pub(in crate::coordination) fn outrank(&mut self, promised: Ballot) {
        if promised.counter <= FARTHEST {
            self.counter = self.counter.max(promised.counter);
        }
    }

    /// What is held and may be used at `now`.
    pub fn grant(&self, now: Moment) -> Option<Grant> {
        let grant = self.held?.grant(&self.timing);
        (now < grant.usable_until).then_some(grant)
    }

    /// Until when it holds the lease; longer than the lease may be used.
    pub fn held_until(&self) -> Option<Moment> {
        self.held.map(|held| held.ends)
    }

    /// When [`tick`](Self::tick) has something to do, unless messages come before. `None` between attempts.
    pub fn wakes(&self) -> Option<Moment> {
        self.attempt
            .map(|attempt| self.limit(&attempt).min(self.next))
    }

    /// Begins an attempt, in place of one that has not ended: to renew the lease while it is held, and to be
    /// elected when it is not.
    pub fn start(&mut self, now: Moment, jitter: u64) -> Step {
        match self.begin(now, jitter) {
            Ok(attempt) => Step::send(attempt.message(self.timing.ttl())),
            Err(step) => step,
        }
    }

    /// Begins an attempt that asks for the lease at once, and not first what stands in the way: one round trip
    /// in place of two. For one who was told that the lease was given back; whoever was told wrong is
    /// refused, and learns from that for the next attempt. While the lease is held, it is
    /// [`start`](Self::start).
    pub fn seize(&mut self, now: Moment, jitter: u64) -> Step {
        match self.begin(now, jitter) {
            Ok(attempt) if attempt.base.is_none() => self.ask(attempt, None),
            Ok(attempt) => Step::send(attempt.message(self.timing.ttl())),
            Err(step) => step,
        }
    }

    /// An attempt that asks for promises, or why there is none.
    #[expect(clippy::result_large_err, reason = "the caller takes it apart at once")]
    fn begin(&mut self, now: Moment, jitter: u64) -> Result<Attempt, Step> {
        self.lapse(now);
        if let Some(held) = self
            .held
            .filter(|held| now >= held.usable_until(&self.timing))
        {
            return Err(Step::event(Event::Abandoned {
                why: Abandoned::Expiring,
                retry: held.ends.since(now),
            }));
        }
        let Some(counter) = self.counter.checked_add(1) else {
            return Err(self.abandon(Abandoned::Exhausted, jitter));
        };
        self.counter = counter;
        self.next = now.after(self.timing.again(jitter));
        let attempt = Attempt {
            ballot: Ballot {
                counter,
                owner: self.me,
            },
            // I1.
            ends: now.after(self.timing.ttl()),
            base: self.held.map(|held| held.ballot),
            votes: Votes::default(),
            refusals: Votes::default(),
            is_beaten: false,
            taken: None,
            jitter,
            asks: Asks::Prepare { high: None },
        };
        self.attempt = Some(attempt);
        Ok(attempt)
    }

    /// What to do about an acceptor's reply that came at `now`.
    pub fn handle(&mut self, reply: Reply, now: Moment) -> Step {
        if let Reply::Nack(nack) = reply {
            self.learn(nack);
        }
        self.lapse(now);
        let ballot = match reply {
            Reply::Promise(Promise { ballot, .. })
            | Reply::Accepted(Accepted { ballot, .. })
            | Reply::Nack(Nack { ballot, .. }) => ballot,
        };
        let Some(attempt) = self.attempt.filter(|attempt| attempt.ballot == ballot) else {
            // Of an attempt that has ended.
            return Step::NONE;
        };
        if let Some(why) = self.outlasted(&attempt, now) {
            return self.abandon(why, attempt.jitter);
        }
        match (reply, attempt.asks) {
            (Reply::Promise(promise), Asks::Prepare { high }) => {
                self.promise(attempt, promise, high, now)
            }
            (Reply::Accepted(accepted), Asks::Accept { token }) => {
                self.accepted(attempt, accepted, token, now)
            }
            (Reply::Nack(nack), _) => self.nack(attempt, nack),
            // Late, or twice: that phase has had its majority.
            (Reply::Promise(_), Asks::Accept { .. })
            | (Reply::Accepted(_), Asks::Prepare { .. }) => Step::NONE,
        }
    }

    /// What time alone has brought by `now`: asks again, or gives up.
    pub fn tick(&mut self, now: Moment, jitter: u64) -> Step {
        self.lapse(now);
        let Some(attempt) = self.attempt else {
            return Step::NONE;
        };
        if let Some(why) = self.outlasted(&attempt, now) {
            return self.abandon(why, jitter);
        }
        if now < self.next {
            return Step::NONE;
        }
        // I7.
        if attempt.is_beaten && attempt.base.is_none() {
            return self.abandon(attempt.refused(), jitter);
        }
        self.next = now.after(self.timing.again(jitter));
        Step::send(attempt.message(self.timing.ttl()))
    }

    /// Gives back what is held, and ends what is under way. Whatever runs under the lease has ended
    /// before this is called.
    pub fn resign(&mut self) -> Step {
        let attempt = self.attempt.take();
        // I5.
        let held = self.held.take();
        // Above each of its attempts, also those to renew that were given up and that some have granted.
        let ballot = Ballot {
            counter: self.counter,
            owner: self.me,
        };
        let is_release = attempt.is_some() || held.is_some();
        Step {
            send: is_release.then_some(Message::Release(Release { ballot })),
            event: held.map(|held| Event::Resigned(held.token)),
        }
    }

    fn promise(
        &mut self,
        mut attempt: Attempt,
        promise: Promise,
        high: Option<FencingToken>,
        now: Moment,
    ) -> Step {
        let Promise { from, live, .. } = promise;
        let high = high.max(promise.high);
        attempt.asks = Asks::Prepare { high };
        match live {
            Some(live) if !self.is_open(&attempt, live) => {
                attempt.refusals.add(&self.members, from, self.rules);
                attempt.found_taken(live);
            }
            _ => {
                attempt.votes.add(&self.members, from, self.rules);
                attempt.refusals.remove(&self.members, from);
            }
        }
        self.attempt = Some(attempt);
        if attempt.refusals.is_hopeless(&self.members) {
            return self.abandon(attempt.refused(), attempt.jitter);
        }
        if !attempt.votes.is_quorum(&self.members) {
            return Step::NONE;
        }
        if !self.rules.keeps(Rule::EarlyDeadline) {
            attempt.ends = now.after(self.timing.ttl());
        }
        self.ask(attempt, high)
    }

    /// Asks for the lease. `high` is the highest token that those who promised have taken.
    fn ask(&mut self, mut attempt: Attempt, high: Option<FencingToken>) -> Step {
        let Some(token) = self.token(&attempt, high) else {
            return self.abandon(Abandoned::Exhausted, attempt.jitter);
        };
        // I2: before it is sent.
        self.floor = self.floor.max(Some(token));
        attempt.asks = Asks::Accept { token };
        attempt.votes = Votes::default();
        attempt.refusals = Votes::default();
        self.attempt = Some(attempt);
        Step::send(attempt.message(self.timing.ttl()))
    }

    fn accepted(
        &mut self,
        mut attempt: Attempt,
        accepted: Accepted,
        token: FencingToken,
        now: Moment,
    ) -> Step {
        attempt.votes.add(&self.members, accepted.from, self.rules);
        self.attempt = Some(attempt);
        if !attempt.votes.is_quorum(&self.members) {
            return Step::NONE;
        }
        let held = Held {
            ballot: attempt.ballot,
            token,
            ends: attempt.ends,
        };
        if now >= held.usable_until(&self.timing) {
            // Too late to do anything with it; and a renewal would not be one, I3.
            return self.abandon(Abandoned::TimedOut, attempt.jitter);
        }
        // I3: the lease that a renewal began with is still held, or `outlasted` had ended the attempt.
        debug_assert_eq!(attempt.base, self.held.map(|held| held.ballot), "I3");
        self.attempt = None;
        self.failures = 0;
        let is_renewal = self.held.replace(held).is_some();
        let grant = held.grant(&self.timing);
        Step::event(if is_renewal {
            Event::Renewed(grant)
        } else {
            Event::Elected(grant)
        })
    }

    fn nack(&mut self, mut attempt: Attempt, nack: Nack) -> Step {
        if !self.members.ids().contains(&nack.from) {
            return Step::NONE;
        }
        attempt.refusals.add(&self.members, nack.from, self.rules);
        attempt.is_beaten |= attempt.is_beaten_by(nack);
        if let Some(live) = nack.live.filter(|live| live.ballot.owner() != self.me) {
            attempt.found_taken(live);
        }
        self.attempt = Some(attempt);
        if attempt.refusals.is_hopeless(&self.members) {
            return self.abandon(attempt.refused(), attempt.jitter);
        }
        Step::NONE
    }

    /// I6.
    fn learn(&mut self, nack: Nack) {
        if nack.ballot.owner() != self.me || !self.members.ids().contains(&nack.from) {
            return;
        }
        if let Some(promised) = nack.promised {
            self.outrank(promised);
        }
        self.floor = self.floor.max(nack.high);
    }

    /// Whether a lease that an acceptor reports is no obstacle: it is one's own, and one renews. Then it is the one
    /// that is renewed, or of an attempt to renew it that not all acceptors heard of. Any other of one's own
    /// is: what became of that attempt is not known.
    fn is_open(&self, attempt: &Attempt, live: Live) -> bool {
        let is_own = if self.rules.keeps(Rule::OwnerIsIncarnation) {
            live.ballot.owner() == self.me
        } else {
            live.ballot.owner().node == self.me.node
        };
        is_own && (attempt.base.is_some() || !self.rules.keeps(Rule::OwnOnlyRenewed))
    }

    /// I2, I3.
    fn token(&self, attempt: &Attempt, high: Option<FencingToken>) -> Option<FencingToken> {
        if let Some(held) = self.held {
            return Some(held.token);
        }
        if !self.rules.keeps(Rule::TokenFromHigh) {
            return FencingToken::from_number(attempt.ballot.counter);
        }
        high.max(self.floor)
            .map_or(Some(FencingToken::FIRST), FencingToken::next)
    }
}

#[cfg(test)]
mod key_tests;
#[cfg(test)]
pub(in crate::coordination) use key_tests::{Phase, ProposerKey};
