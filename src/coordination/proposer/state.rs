//! The proposer's decisions.
//!
//! I1. The end of a lease is fixed before the first message that asks for it, and nothing is decided in
//!     its favour at or after that; every handler looks, whatever timers do.
//! I2. An incarnation asks for no token twice, but to renew the term that has it.
//! I3. A renewal keeps the token, and succeeds only while the lease that it renews may be used. Once that
//!     has ended, the next term is another one.
//! I4. A phase ends with yes from a majority of different members. Strangers, and who says it twice, do
//!     not count.
//! I5. What is resigned is not held any more when the release leaves.
//! I6. A refusal, like all hints, changes when and with what numbers is asked next, and never what is held.

use std::time::Duration;

use crate::coordination::members::Votes;
use crate::coordination::rules::{Rule, Rules};
use crate::coordination::{
    Accepted, Ballot, FencingToken, Live, Members, Message, Moment, Nack, Owner, Promise, Release,
    Reply, Timing,
};

use super::attempt::{Asks, Attempt};
use super::event::{Abandoned, Event, Grant, Step};
use super::held::{Held, Notice, around, nth, share};

/// Asks for the lease of one resource on behalf of one incarnation. Has no clock and does no I/O.
///
/// Every `jitter` is 64 uniform random bits.
#[derive(Debug)]
pub struct Proposer {
    me: Owner,
    members: Members,
    timing: Timing,
    /// The highest of its own ballots and of those that it was refused for.
    pub(super) counter: u64,
    /// The highest token that it asked for or heard of.
    floor: Option<FencingToken>,
    failures: u32,
    attempt: Option<Attempt>,
    pub(super) held: Option<Held>,
    /// When to ask again, or to renew.
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

    /// What is held and may be used at `now`.
    pub fn grant(&self, now: Moment) -> Option<Grant> {
        let grant = self.held?.grant(&self.timing);
        (now < grant.usable_until).then_some(grant)
    }

    /// Until when it holds the lease; longer than the lease may be used.
    pub fn held_until(&self) -> Option<Moment> {
        self.held.map(|held| held.ends)
    }

    /// When [`tick`](Self::tick) has something to do, unless messages come before.
    pub fn wakes(&self) -> Option<Moment> {
        let attempt = self.attempt.map(|attempt| attempt.ends.min(self.next));
        let held = self.held.map(|held| {
            let notice = held.next_notice(&self.timing);
            match held.notice {
                Notice::Expiring => notice,
                Notice::Well | Notice::AtRisk => notice.min(self.next),
            }
        });
        [attempt, held].into_iter().flatten().min()
    }

    /// Begins an attempt, in place of one that has not ended: to be elected or, while the lease is held,
    /// to renew it.
    pub fn start(&mut self, now: Moment, jitter: u64) -> Step {
        if let Some(event) = self.expire(now) {
            return Step::event(event);
        }
        self.next = now.after(around(self.interval(), jitter));
        if self
            .held
            .is_some_and(|held| held.notice == Notice::Expiring)
        {
            let retry = self
                .held
                .map_or(Duration::ZERO, |held| held.ends.since(now));
            return Step::event(Event::Abandoned {
                why: Abandoned::Expiring,
                retry,
            });
        }
        let Some(counter) = self.counter.checked_add(1) else {
            return self.abandon(Abandoned::Exhausted, jitter);
        };
        self.counter = counter;
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
            taken: None,
            jitter,
            asks: Asks::Prepare { high: None },
        };
        self.attempt = Some(attempt);
        Step::send(attempt.message(self.timing.ttl()))
    }

    /// What to do about an acceptor's reply that came at `now`.
    pub fn handle(&mut self, reply: Reply, now: Moment) -> Step {
        if let Reply::Nack(nack) = reply {
            self.learn(nack);
        }
        if let Some(event) = self.expire(now) {
            return Step::event(event);
        }
        let ballot = match reply {
            Reply::Promise(Promise { ballot, .. })
            | Reply::Accepted(Accepted { ballot, .. })
            | Reply::Nack(Nack { ballot, .. }) => ballot,
        };
        let Some(attempt) = self.attempt.filter(|attempt| attempt.ballot == ballot) else {
            // Of an attempt that has ended.
            return Step::NONE;
        };
        let is_late_timer =
            !self.rules.keeps(Rule::EarlyDeadline) && matches!(attempt.asks, Asks::Prepare { .. });
        if now >= attempt.ends && !is_late_timer {
            return self.abandon(Abandoned::TimedOut, attempt.jitter);
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

    /// What time alone has brought by `now`.
    pub fn tick(&mut self, now: Moment, jitter: u64) -> Step {
        if let Some(event) = self.expire(now) {
            return Step::event(event);
        }
        if self.attempt.is_some_and(|attempt| now >= attempt.ends) {
            return self.abandon(Abandoned::TimedOut, jitter);
        }
        let at_risk = self.at_risk(now);
        let mut step = Step::NONE;
        if now >= self.next {
            if let Some(attempt) = self.attempt {
                self.next = now.after(around(self.interval(), jitter));
                step = Step::send(attempt.message(self.timing.ttl()));
            } else if self
                .held
                .is_some_and(|held| held.notice != Notice::Expiring)
            {
                step = self.start(now, jitter);
            }
        }
        step.event = at_risk.or(step.event);
        step
    }

    /// Gives back what is held, and ends what is under way. Whatever runs under the lease has ended
    /// before this is called.
    pub fn resign(&mut self) -> Step {
        self.attempt = None;
        // I5.
        let Some(Held { ballot, token, .. }) = self.held.take() else {
            return Step::NONE;
        };
        Step {
            send: Some(Message::Release(Release { ballot })),
            event: Some(Event::Resigned(token)),
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
                attempt.found_taken(live.remaining);
            }
            _ => {
                attempt.votes.add(&self.members, from, self.rules);
                attempt.refusals.remove(&self.members, from);
            }
        }
        self.attempt = Some(attempt);
        if attempt.refusals.is_hopeless(&self.members) {
            return self.abandon(Abandoned::Taken, attempt.jitter);
        }
        if !attempt.votes.is_quorum(&self.members) {
            return Step::NONE;
        }
        let Some(token) = self.token(&attempt, high) else {
            return self.abandon(Abandoned::Exhausted, attempt.jitter);
        };
        // I2: before it is sent.
        self.floor = self.floor.max(Some(token));
        attempt.asks = Asks::Accept { token };
        attempt.votes = Votes::default();
        attempt.refusals = Votes::default();
        if !self.rules.keeps(Rule::EarlyDeadline) {
            attempt.ends = now.after(self.timing.ttl());
        }
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
            notice: Notice::Well,
        };
        if now >= held.usable_until(&self.timing) {
            // Too late to do anything with it; and a renewal would not be one, I3.
            return self.abandon(Abandoned::TimedOut, attempt.jitter);
        }
        // I3: the lease that a renewal began with is still held, or `expire` had ended the attempt.
        debug_assert_eq!(attempt.base, self.held.map(|held| held.ballot), "I3");
        self.attempt = None;
        self.failures = 0;
        self.next = held.renewal(&self.timing, attempt.jitter);
        let is_renewal = self.held.replace(held).is_some();
        let grant = held.grant(&self.timing);
        Step::event(if is_renewal {
            Event::Renewed(grant)
        } else {
            Event::Elected(grant)
        })
    }

    fn nack(&mut self, mut attempt: Attempt, nack: Nack) -> Step {
        attempt.refusals.add(&self.members, nack.from, self.rules);
        if let Some(live) = nack.live.filter(|live| live.ballot.owner() != self.me) {
            attempt.found_taken(live.remaining);
        }
        self.attempt = Some(attempt);
        if attempt.refusals.is_hopeless(&self.members) {
            let why = match attempt.taken {
                Some(_) => Abandoned::Taken,
                None => Abandoned::Refused,
            };
            return self.abandon(why, attempt.jitter);
        }
        Step::NONE
    }

    /// I6.
    fn learn(&mut self, nack: Nack) {
        if nack.ballot.owner() != self.me || !self.members.ids().contains(&nack.from) {
            return;
        }
        if let Some(promised) = nack.promised {
            self.counter = self.counter.max(promised.counter);
        }
        self.floor = self.floor.max(nack.high);
    }

    /// Whether a lease that an acceptor reports is no obstacle: it is the one that is being renewed.
    /// Another of one's own is: what became of that attempt is not known.
    fn is_open(&self, attempt: &Attempt, live: Live) -> bool {
        let is_own = if self.rules.keeps(Rule::OwnerIsIncarnation) {
            live.ballot.owner() == self.me
        } else {
            live.ballot.owner().node == self.me.node
        };
        let is_renewed = attempt.base == Some(live.ballot);
        is_own && (is_renewed || !self.rules.keeps(Rule::OwnOnlyRenewed))
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

    /// I1: what is held, and the attempt to renew it, end with time.
    fn expire(&mut self, now: Moment) -> Option<Event> {
        let held = self.held.as_mut()?;
        if now >= held.ends {
            let token = held.token;
            self.held = None;
            self.attempt = None;
            return Some(Event::Lost(token));
        }
        if now >= held.usable_until(&self.timing) && held.notice != Notice::Expiring {
            held.notice = Notice::Expiring;
            self.attempt = None;
            return Some(Event::Expiring(held.token));
        }
        None
    }

    fn at_risk(&mut self, now: Moment) -> Option<Event> {
        let held = self.held.as_mut()?;
        if held.notice != Notice::Well || now < held.at_risk(&self.timing) {
            return None;
        }
        held.notice = Notice::AtRisk;
        Some(Event::AtRisk(held.grant(&self.timing)))
    }

    fn abandon(&mut self, why: Abandoned, jitter: u64) -> Step {
        let taken = self.attempt.take().and_then(|attempt| attempt.taken);
        self.failures = self.failures.saturating_add(1);
        // The hint is a stranger's: never waited for longer than any lease can last.
        let taken = taken.unwrap_or_default().min(self.timing.held());
        let retry = taken.saturating_add(share(self.backoff(), jitter));
        Step::event(Event::Abandoned { why, retry })
    }

    /// The longest wait after so many failures: full jitter draws below it.
    fn backoff(&self) -> Duration {
        let doublings = self.failures.min(5);
        let longest = nth(self.timing.ttl(), 20).saturating_mul(1 << doublings);
        longest.min(nth(self.timing.ttl(), 2))
    }

    /// Between one asking and the next.
    fn interval(&self) -> Duration {
        nth(self.timing.ttl(), 10)
    }
}
