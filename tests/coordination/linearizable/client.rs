//! A client that campaigns, and adds while it leads.

use std::time::Duration;

use mainstay::coordination::{
    Due, Event, FencingToken, Incarnation, Members, Moment, NodeId, Owner, Proposer, Step, Tenure,
    Timing,
};
use mainstay::test_util::simulator::Context;

use super::world::{ACCEPTORS, Node, REGISTER, Said, TTL};

/// What an addition has come to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Report {
    /// It begins to be visible: a write leaves.
    Called,
    Answered(u64),
}

/// An addition under way.
#[derive(Clone, Copy)]
struct Adding {
    token: FencingToken,
    number: u64,
    /// What is to be written, once it was read.
    value: Option<u64>,
    given_up: Moment,
}

pub(super) struct Client {
    proposer: Proposer,
    timing: Timing,
    tenure: Option<Tenure>,
    adding: Option<Adding>,
    number: u64,
    starts_at: Option<Moment>,
    adds_at: Option<Moment>,
    /// Until when a seal is waited for.
    sealed_by: Option<Moment>,
    pub(super) reports: Vec<Report>,
}

impl Client {
    pub(super) fn new(
        node: usize,
        random: u64,
        members: Members,
        timing: Timing,
        now: Duration,
    ) -> Self {
        let me = Owner {
            node: NodeId(u32::try_from(node).unwrap()),
            incarnation: Incarnation(random.into()),
        };
        let wait = Duration::from_nanos(random % 300_000_000);
        Self {
            proposer: Proposer::new(me, members, timing),
            timing,
            tenure: None,
            adding: None,
            number: 0,
            starts_at: Some(Moment::from_origin(now).after(wait)),
            adds_at: None,
            sealed_by: None,
            reports: Vec::new(),
        }
    }

    pub(super) fn wakes(&self) -> Option<Duration> {
        let tenure = self.tenure.as_ref().and_then(Tenure::wakes);
        let gives_up = self.adding.map(|adding| adding.given_up);
        let own = [self.starts_at, self.adds_at, self.sealed_by, gives_up];
        let all = own.into_iter().chain([self.proposer.wakes(), tenure]);
        Some(all.flatten().min()?.since(Moment::ORIGIN))
    }

    fn leads(&self, now: Moment) -> Option<FencingToken> {
        self.tenure.as_ref()?;
        self.proposer.grant(now).map(|grant| grant.token)
    }

    pub(super) fn hear(&mut self, said: Said, cx: &mut Context<'_, Node>) {
        self.reports.clear();
        let now = Moment::from_origin(cx.now());
        match said {
            Said::Answer(reply) => {
                let step = self.proposer.handle(reply, now);
                self.follow(step, now, cx);
            }
            Said::Sealed(token) if self.sealed_by.is_some() && self.leads(now) == Some(token) => {
                self.sealed_by = None;
                self.adds_at = Some(now);
            }
            Said::Value {
                token,
                number,
                value,
            } => {
                let Some(adding) = self.adding.as_mut() else {
                    return;
                };
                let is_meant = (adding.token, adding.number, adding.value) == (token, number, None);
                if is_meant
                    && self
                        .proposer
                        .grant(now)
                        .is_some_and(|grant| grant.token == token)
                {
                    let value = value + 1;
                    adding.value = Some(value);
                    self.reports.push(Report::Called);
                    cx.send(
                        REGISTER,
                        Said::Write {
                            token,
                            number,
                            value,
                        },
                    );
                }
            }
            Said::Written { token, number } => {
                let is_meant = |adding: &Adding| (adding.token, adding.number) == (token, number);
                if let Some(Adding {
                    value: Some(value), ..
                }) = self.adding.filter(is_meant)
                {
                    self.reports.push(Report::Answered(value));
                    self.adding = None;
                    let wait = Duration::from_nanos(cx.random() % 100_000_000);
                    self.adds_at = Some(now.after(wait));
                }
            }
            Said::Stale(token) if self.leads(now) == Some(token) => self.leave(now, cx),
            _ => {}
        }
    }

    pub(super) fn wake(&mut self, cx: &mut Context<'_, Node>) {
        self.reports.clear();
        let now = Moment::from_origin(cx.now());
        let is_due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        if is_due(self.adding.map(|adding| adding.given_up)) || is_due(self.sealed_by) {
            // What became of it is not known, so nothing more is done in this term.
            return self.leave(now, cx);
        }
        if is_due(self.starts_at) {
            self.starts_at = None;
            let step = self.proposer.start(now, cx.random());
            return self.follow(step, now, cx);
        }
        if is_due(self.adds_at) {
            self.adds_at = None;
            self.add(now, cx);
        }
        let jitter = cx.random();
        match self
            .tenure
            .as_mut()
            .and_then(|tenure| tenure.due(now, jitter))
        {
            Some(Due::Renew) => {
                let step = self.proposer.start(now, jitter);
                self.follow(step, now, cx);
            }
            Some(Due::Expiring) => self.leave(now, cx),
            Some(_) => {}
            None => {
                let step = self.proposer.tick(now, jitter);
                self.follow(step, now, cx);
            }
        }
    }

    fn add(&mut self, now: Moment, cx: &mut Context<'_, Node>) {
        let Some(token) = self.leads(now) else {
            return;
        };
        self.number += 1;
        let number = self.number;
        self.adding = Some(Adding {
            token,
            number,
            value: None,
            given_up: now.after(TTL / 2),
        });
        cx.send(REGISTER, Said::Read { token, number });
    }

    fn leave(&mut self, now: Moment, cx: &mut Context<'_, Node>) {
        self.tenure = None;
        self.adding = None;
        self.adds_at = None;
        self.sealed_by = None;
        let wait = Duration::from_nanos(cx.random() % 200_000_000);
        self.starts_at = Some(now.after(wait));
        let step = self.proposer.resign();
        self.follow(step, now, cx);
    }

    fn follow(&mut self, step: Step, now: Moment, cx: &mut Context<'_, Node>) {
        if let Some(message) = step.send {
            for to in 0..ACCEPTORS {
                cx.send(to, Said::Ask(message));
            }
        }
        match step.event {
            Some(Event::Elected(grant)) => {
                self.tenure = Some(Tenure::new(self.timing, grant, cx.random()));
                self.starts_at = None;
                self.sealed_by = Some(now.after(TTL / 2));
                cx.send(REGISTER, Said::Seal(grant.token));
            }
            Some(Event::Renewed(grant)) => {
                if let Some(tenure) = &mut self.tenure {
                    tenure.renew(grant, now, cx.random());
                }
            }
            Some(Event::Abandoned { retry, .. }) if self.tenure.is_none() => {
                self.starts_at = Some(now.after(retry));
            }
            _ => {}
        }
    }
}
