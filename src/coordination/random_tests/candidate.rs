//! A proposer with what surrounds it: it campaigns, renews, writes, and resigns now and then.

use std::time::Duration;

use crate::coordination::{
    Abandoned, Ballot, Due, Event, FencingToken, Incarnation, Members, Message, Moment, NodeId,
    Owner, Prepare, Proposer, Reply, Step, Tenure, Timing, TokenRecord,
};
use crate::test_util::simulator::{Birth, Context, Input};

use super::member::{Member, Report, Said, below, hits};
use super::settings::{Broken, Departs, Settings, TTL};

pub(super) struct Candidate {
    pub(super) proposer: Proposer,
    tenure: Option<Tenure>,
    timing: Timing,
    acceptors: usize,
    resource: Option<usize>,
    duels: bool,
    /// Says another ttl than it goes by.
    lies: bool,
    departs: Departs,
    /// The attempts that may still give a lease, and when they began.
    begun: [Option<(Ballot, Moment)>; 2],
    waits: Option<Waiting>,
    /// When it is told, it asks for the lease at once.
    seizes: bool,
    starts_at: Option<Moment>,
    resigns_at: Option<Moment>,
    crashes_at: Option<Moment>,
    writes_at: Option<Moment>,
    pub(super) reports: Vec<Report>,
}

/// Until it is told that the lease is free.
struct Waiting {
    /// The attempt in whose way it was.
    ballot: Ballot,
    since: Moment,
    /// Who has said that it is, as bits.
    told: u64,
}

impl Candidate {
    pub(super) fn born(settings: &Settings, members: &Members, birth: &Birth<TokenRecord>) -> Self {
        let number = birth.node() - settings.acceptors;
        let me = Owner {
            node: NodeId(u32::try_from(number).unwrap()),
            incarnation: Incarnation(u128::from(birth.random())),
        };
        let timing = settings.timing(settings.proposer_ttl(number));
        let wait = Duration::from_nanos(birth.random() % 500_000_000);
        let proposer = Proposer::new(me, members.clone(), timing);
        Self {
            proposer: proposer.breaking(settings.rules()),
            tenure: None,
            timing,
            acceptors: settings.acceptors,
            resource: settings
                .has_gate
                .then_some(settings.acceptors + settings.proposers),
            duels: settings.duels,
            lies: settings.broken == Broken::AnyTtl,
            departs: settings.departs,
            begun: [None; 2],
            waits: None,
            seizes: settings.seizes,
            starts_at: Some(Moment::from_origin(birth.now()).after(wait)),
            resigns_at: None,
            crashes_at: None,
            writes_at: None,
            reports: Vec::new(),
        }
    }

    pub(super) fn wakes(&self) -> Option<Moment> {
        let tenure = self.tenure.as_ref().and_then(Tenure::wakes);
        let own = [
            self.starts_at,
            self.resigns_at,
            self.crashes_at,
            self.writes_at,
        ];
        let others = [self.proposer.wakes(), tenure];
        own.into_iter().chain(others).flatten().min()
    }

    pub(super) fn handle(&mut self, input: Input<Said>, cx: &mut Context<'_, Member>) {
        self.reports.clear();
        let now = Moment::from_origin(cx.now());
        let before = self.proposer.grant(now).map(|grant| grant.token);
        match input {
            Input::Message { message, .. } => match message {
                Said::Answer(reply) => {
                    let step = self.proposer.handle(reply, now);
                    self.follow(step, before, now, cx);
                }
                Said::Freed(reply) => self.freed(reply, before, now, cx),
                Said::Sealed(token) if before == Some(token) => self.writes_at = Some(now),
                _ => {}
            },
            Input::Wake => self.wake(before, now, cx),
        }
        // I8: by what was seen from without, and not by what the proposer remembers.
        if let Some(grant) = self.proposer.grant(now) {
            let ballot = self.proposer.held_by();
            let begun = self
                .begun
                .iter()
                .flatten()
                .find(|begun| Some(begun.0) == ballot);
            let ends = begun.map(|begun| begun.1.after(self.timing.ttl()));
            let is_right = ends.is_some_and(|ends| now < ends.before(self.timing.margin()));
            if !is_right || ends != Some(grant.ends) {
                self.reports.push(Report::Overdue(grant.token));
            }
        }
    }

    /// Whether the acceptors know that it waits to be told, and it is not about to ask by itself.
    pub(super) fn is_waiting(&self, now: Moment) -> bool {
        let since = self.waits.as_ref().map(|waiting| waiting.since);
        let asks_at = self.starts_at.unwrap_or(now);
        since.is_some_and(|since| since.after(TTL / 50) <= now) && asks_at > now.after(TTL / 50)
    }

    fn wake(&mut self, before: Option<FencingToken>, now: Moment, cx: &mut Context<'_, Member>) {
        let is_due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let jitter = cx.random();
        if is_due(self.crashes_at) {
            return cx.crash();
        }
        if is_due(self.resigns_at) {
            self.leave();
            let step = self.proposer.resign();
            // Whether or not there was still something to give back.
            let wait = match self.departs {
                Departs::Leaving => TTL,
                _ => below(cx, TTL / 4),
            };
            self.starts_at = Some(now.after(wait));
            return self.follow(step, before, now, cx);
        }
        if is_due(self.writes_at) {
            self.write(before, now, cx);
        }
        if is_due(self.starts_at) {
            self.starts_at = None;
            if self.proposer.wakes().is_none() && self.tenure.is_none() {
                let seizes = self.duels && hits(cx, 30);
                return self.start(seizes, before, now, cx);
            }
        }
        match self
            .tenure
            .as_mut()
            .and_then(|tenure| tenure.due(now, jitter))
        {
            Some(Due::Renew) => self.start(false, before, now, cx),
            Some(Due::Expiring) => {
                self.writes_at = None;
                if hits(cx, 50) {
                    self.resigns_at = Some(now.after(below(cx, TTL / 20)));
                }
            }
            Some(Due::Ended) => {
                self.leave();
                self.starts_at = Some(now.after(below(cx, TTL / 4)));
            }
            Some(Due::AtRisk) | None => {
                let step = self.proposer.tick(now, jitter);
                self.follow(step, before, now, cx);
            }
        }
    }

    /// Enough acceptors say that the lease in the way has been given back.
    fn freed(
        &mut self,
        reply: Reply,
        before: Option<FencingToken>,
        now: Moment,
        cx: &mut Context<'_, Member>,
    ) {
        let (ballot, from) = match reply {
            Reply::Promise(promise) => (promise.ballot, promise.from),
            Reply::Nack(nack) => (nack.ballot, nack.from),
            Reply::Accepted(_) => return,
        };
        let step = self.proposer.handle(reply, now);
        self.follow(step, before, now, cx);
        let waiting = self.waits.as_mut();
        let Some(waiting) = waiting.filter(|waiting| waiting.ballot == ballot) else {
            return;
        };
        waiting.told |= 1 << from.0;
        if usize::try_from(waiting.told.count_ones()).unwrap() <= self.acceptors / 2 {
            return;
        }
        self.waits = None;
        if self.proposer.wakes().is_none() && self.tenure.is_none() {
            self.starts_at = None;
            self.start(self.seizes, before, now, cx);
        }
    }

    fn leave(&mut self) {
        self.tenure = None;
        self.resigns_at = None;
        self.writes_at = None;
    }

    fn start(
        &mut self,
        seizes: bool,
        before: Option<FencingToken>,
        now: Moment,
        cx: &mut Context<'_, Member>,
    ) {
        self.waits = None;
        let step = if seizes {
            self.proposer.seize(now, cx.random())
        } else {
            self.proposer.start(now, cx.random())
        };
        let ballot = match step.send {
            Some(Message::Prepare(prepare)) => Some(prepare.ballot),
            Some(Message::Accept(accept)) => Some(accept.ballot),
            Some(Message::Release(_)) | None => None,
        };
        if let Some(ballot) = ballot {
            let held = self.proposer.held_by();
            let kept = self
                .begun
                .iter()
                .flatten()
                .find(|begun| Some(begun.0) == held);
            self.begun = [kept.copied(), Some((ballot, now))];
        }
        self.follow(step, before, now, cx);
    }

    fn follow(
        &mut self,
        step: Step,
        before: Option<FencingToken>,
        now: Moment,
        cx: &mut Context<'_, Member>,
    ) {
        if let Some(mut message) = step.send {
            if let (Message::Accept(accept), true) = (&mut message, self.lies) {
                accept.ttl = accept.ttl.min(TTL);
            }
            for to in 0..self.acceptors {
                cx.send(to, Said::Ask(message));
            }
        }
        let Some(event) = step.event else {
            return;
        };
        let held = self.proposer.held_by();
        let by = self
            .begun
            .iter()
            .flatten()
            .find(|begun| Some(begun.0) == held);
        let by = by.copied();
        self.reports.push(Report::Changed { event, before, by });
        match event {
            Event::Elected(grant) => {
                self.tenure = Some(Tenure::new(self.timing, grant, cx.random()));
                self.starts_at = None;
                let soon = now.after(TTL + below(cx, 2 * TTL));
                match self.departs {
                    Departs::Never => {}
                    Departs::Resigning(most) => self.resigns_at = Some(now.after(below(cx, most))),
                    Departs::Leaving => self.resigns_at = Some(soon),
                    Departs::Crashing => self.crashes_at = Some(soon),
                }
                if let Some(resource) = self.resource {
                    cx.send(resource, Said::Seal(grant.token));
                }
            }
            Event::Renewed(grant) => {
                let tenure = self.tenure.as_mut().unwrap();
                assert!(tenure.renew(grant, now, cx.random()), "{grant:?}");
            }
            Event::Abandoned { retry, why } if self.tenure.is_none() => {
                if let (Abandoned::Taken { .. }, Some((ballot, _))) = (why, self.begun[1]) {
                    self.waits = Some(Waiting {
                        ballot,
                        since: now,
                        told: 0,
                    });
                    for to in 0..self.acceptors {
                        cx.send(to, Said::Wait(Prepare { ballot }));
                    }
                }
                let is_eager = self.duels && hits(cx, 80);
                let wait = if is_eager {
                    below(cx, TTL / 100)
                } else {
                    retry
                };
                self.starts_at = Some(now.after(wait));
            }
            Event::Resigned(_) | Event::Abandoned { .. } => {}
        }
    }

    /// Only while it may; but on its way the write may take as long as it likes.
    fn write(&mut self, before: Option<FencingToken>, now: Moment, cx: &mut Context<'_, Member>) {
        self.writes_at = None;
        if let (Some(token), Some(resource)) = (before, self.resource) {
            cx.send(resource, Said::Write(token));
            self.writes_at = Some(now.after(below(cx, TTL / 5)));
        }
    }
}
