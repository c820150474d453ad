//! One schedule, and what is watched in it.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::coordination::{
    Acceptor, AcceptorId, Answer, Ballot, Due as Duty, Event, FencingToken, Incarnation, Members,
    MembersConfig, Message, Moment, NodeId, Owner, Proposer, Reply, Step, Tenure,
};
use crate::rng::Rng;

use super::world::{
    AcceptorSlot, Broken, Clock, Dice, Due, END, Happening, Options, ProposerSlot, TTL,
};

pub(super) struct Run {
    pub(super) violations: Vec<String>,
    pub(super) terms: u64,
    pub(super) renewals: u64,
    pub(super) crashes: u64,
    options: Options,
    members: Members,
    dice: Dice,
    now: u64,
    due: BinaryHeap<Due>,
    order: u64,
    lives: u128,
    acceptors: Vec<AcceptorSlot>,
    proposers: Vec<ProposerSlot>,
    last: Option<FencingToken>,
    /// Who granted what: for I4.
    grants: BTreeMap<Ballot, BTreeSet<AcceptorId>>,
}

fn nanos(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_nanos()).unwrap()
}

impl Run {
    pub(super) fn of(options: Options) -> Self {
        let ids = (0..options.acceptors).map(AcceptorId);
        let mut run = Self {
            violations: Vec::new(),
            terms: 0,
            renewals: 0,
            crashes: 0,
            options,
            members: Members::new(MembersConfig::new(ids.clone())).unwrap(),
            dice: Dice(Rng::seeded(options.seed ^ 0x9e37_79b9_7f4a_7c15)),
            now: 0,
            due: BinaryHeap::new(),
            order: 0,
            lives: 0,
            acceptors: Vec::new(),
            proposers: Vec::new(),
            last: None,
            grants: BTreeMap::new(),
        };
        for (of, id) in ids.enumerate() {
            let clock = Clock::drawn(&run.dice, options.drift_ppm);
            let timing = options.acceptor_timing();
            run.acceptors.push(AcceptorSlot {
                acceptor: Some(Acceptor::embedded(id, &timing, None).breaking(options.rules())),
                disk: None,
                clock,
                quiet_until: Moment::ORIGIN,
                life: 0,
            });
            run.after_calm(Happening::AcceptorFault { of });
        }
        for (of, node) in (0..options.proposers).map(NodeId).enumerate() {
            let clock = Clock::drawn(&run.dice, options.drift_ppm);
            let proposer = run.born(node);
            run.proposers.push(ProposerSlot {
                proposer,
                tenure: None,
                clock,
                paused_until: 0,
                turn: 0,
            });
            run.plan(nanos(TTL) / 2, Happening::Start { to: of });
            run.after_calm(Happening::ProposerFault { of });
        }
        while let Some(due) = run.due.pop().filter(|due| due.at < END) {
            run.now = due.at;
            run.happen(due.what);
            if !run.violations.is_empty() {
                break;
            }
        }
        run
    }

    fn born(&mut self, node: NodeId) -> Proposer {
        self.lives += 1;
        let me = Owner {
            node,
            incarnation: Incarnation(self.lives),
        };
        let timing = self.options.timing();
        Proposer::new(me, self.members.clone(), timing).breaking(self.options.rules())
    }

    /// Within `most` from now.
    fn plan(&mut self, most: u64, what: Happening) {
        let wait = self.dice.below(most) + 1;
        self.plan_at(self.now + wait, what);
    }

    fn after_calm(&mut self, what: Happening) {
        self.plan(2 * self.options.calm, what);
    }

    fn plan_at(&mut self, at: u64, what: Happening) {
        self.order += 1;
        let order = self.order;
        self.due.push(Due { at, order, what });
    }

    /// Over the network.
    fn post(&mut self, what: Happening) {
        for _ in 0..=u8::from(self.dice.percent(self.options.doubled)) {
            if self.dice.percent(self.options.dropped) {
                continue;
            }
            let is_late = self.dice.percent(self.options.delayed);
            let most = if is_late { 3 * nanos(TTL) } else { 5_000_000 };
            self.plan(most, what);
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Ask { to, from, message } => self.ask(to, from, message),
            Happening::AcceptorFault { of } => {
                self.crash(of);
                self.after_calm(what);
            }
            Happening::AcceptorBack { of, life } => self.restart(of, life),
            Happening::ProposerFault { of } => {
                self.fault(of);
                self.after_calm(what);
            }
            Happening::Answer { to, .. }
            | Happening::Wake { to, .. }
            | Happening::Start { to }
            | Happening::Resign { to } => self.turn(to, what),
        }
    }

    fn ask(&mut self, to: usize, from: usize, message: Message) {
        let torn = self.dice.percent(self.options.torn);
        let is_written = self.dice.percent(50);
        let slot = &mut self.acceptors[to];
        let now = slot.clock.at(self.now);
        let Some(acceptor) = &mut slot.acceptor else {
            return;
        };
        let reply = match acceptor.handle(message, now) {
            Answer::Silence => return,
            Answer::Reply(reply) => reply,
            Answer::Write(write) => {
                let record = write.record();
                if slot.disk.is_some_and(|disk| disk.token > record.token) {
                    self.violations.push("I6: what is durable falls".to_owned());
                }
                if !torn || is_written {
                    slot.disk = Some(record);
                }
                if torn {
                    drop(write);
                    assert!(acceptor.has_failed());
                    self.crash(to);
                    return;
                }
                write.written()
            }
        };
        if now < slot.quiet_until && !matches!(self.options.broken, Broken::NoQuarantine) {
            self.violations
                .push("I5: an answer in quarantine".to_owned());
        }
        if let Reply::Accepted(accepted) = reply {
            let grants = self.grants.entry(accepted.ballot).or_default();
            grants.insert(accepted.from);
        }
        self.post(Happening::Answer { to: from, reply });
    }

    fn crash(&mut self, of: usize) {
        self.crashes += 1;
        let slot = &mut self.acceptors[of];
        slot.acceptor = None;
        slot.life += 1;
        let life = slot.life;
        self.plan(nanos(TTL) / 2, Happening::AcceptorBack { of, life });
    }

    fn restart(&mut self, of: usize, life: u64) {
        let timing = self.options.acceptor_timing();
        let slot = &mut self.acceptors[of];
        if life != slot.life {
            return;
        }
        if matches!(self.options.broken, Broken::VolatileHigh) {
            slot.disk = None;
        }
        let id = AcceptorId(u32::try_from(of).unwrap());
        let now = slot.clock.at(self.now);
        slot.quiet_until = now.after(timing.quarantine());
        let acceptor = match self.options.broken {
            Broken::NoQuarantine => Acceptor::embedded(id, &timing, slot.disk),
            _ => Acceptor::new(id, &timing, slot.disk, now),
        };
        slot.acceptor = Some(acceptor.breaking(self.options.rules()));
    }

    fn fault(&mut self, of: usize) {
        let length = self.dice.below(2 * nanos(TTL));
        if self.dice.percent(60) {
            let slot = &mut self.proposers[of];
            slot.paused_until = slot.paused_until.max(self.now + length);
            if matches!(self.options.broken, Broken::ClockStops) {
                slot.clock.stop(self.now, length);
            }
            return;
        }
        if self.dice.percent(50) {
            self.plan(1, Happening::Resign { to: of });
            return;
        }
        self.crashes += 1;
        let node = self.proposers[of].proposer.owner().node;
        self.proposers[of].proposer = self.born(node);
        self.proposers[of].tenure = None;
        self.plan(length, Happening::Start { to: of });
    }

    /// A proposer's turn.
    fn turn(&mut self, of: usize, what: Happening) {
        let jitter = self.dice.0.bits();
        let slot = &mut self.proposers[of];
        if self.now < slot.paused_until {
            let until = slot.paused_until;
            self.plan_at(until, what);
            return;
        }
        let now = slot.clock.at(self.now);
        let before = slot.proposer.grant(now);
        let step = match what {
            Happening::Answer { reply, .. } => slot.proposer.handle(reply, now),
            Happening::Wake { turn, .. } if turn == slot.turn => {
                match slot
                    .tenure
                    .as_mut()
                    .and_then(|tenure| tenure.due(now, jitter))
                {
                    None | Some(Duty::AtRisk) => slot.proposer.tick(now, jitter),
                    Some(Duty::Renew) => slot.proposer.start(now, jitter),
                    Some(duty) => {
                        self.stop(of, duty);
                        return;
                    }
                }
            }
            Happening::Start { .. } if slot.proposer.wakes().is_none() && slot.tenure.is_none() => {
                slot.proposer.start(now, jitter)
            }
            Happening::Resign { .. } => {
                slot.tenure = None;
                slot.proposer.resign()
            }
            _ => return,
        };
        match (step.event, &mut slot.tenure) {
            (Some(Event::Elected(grant)), tenure) => {
                *tenure = Some(Tenure::new(self.options.timing(), grant, jitter));
            }
            (Some(Event::Renewed(grant)), Some(tenure)) => {
                assert!(tenure.renew(grant, now, jitter), "{grant:?}");
            }
            _ => {}
        }
        self.wake(of);
        self.watch(of, before.map(|grant| grant.token), step);
        self.follow(of, step);
    }

    fn wake(&mut self, of: usize) {
        let slot = &mut self.proposers[of];
        slot.turn += 1;
        let turn = slot.turn;
        let now = slot.clock.at(self.now);
        let tenure = slot.tenure.as_ref().and_then(Tenure::wakes);
        let wakes = [slot.proposer.wakes(), tenure].into_iter().flatten().min();
        if let Some(wakes) = wakes {
            let wait = slot.clock.wait(wakes.since(now));
            self.plan_at(self.now + wait, Happening::Wake { to: of, turn });
        }
    }

    /// What ends a term by time.
    fn stop(&mut self, of: usize, duty: Duty) {
        if duty == Duty::Ended {
            self.proposers[of].tenure = None;
            self.plan(nanos(TTL) / 4, Happening::Start { to: of });
        } else if self.dice.percent(50) {
            self.plan(nanos(TTL) / 20, Happening::Resign { to: of });
        }
        self.wake(of);
    }

    fn follow(&mut self, of: usize, step: Step) {
        if let Some(message) = step.send {
            for to in 0..self.acceptors.len() {
                self.post(Happening::Ask {
                    to,
                    from: of,
                    message,
                });
            }
        }
        match step.event {
            Some(Event::Abandoned { retry, .. }) => {
                let wait = self.proposers[of].clock.wait(retry);
                self.plan_at(self.now + wait, Happening::Start { to: of });
            }
            Some(Event::Resigned(_)) => {
                self.plan(nanos(TTL) / 4, Happening::Start { to: of });
            }
            _ => {}
        }
    }

    fn watch(&mut self, of: usize, before: Option<FencingToken>, step: Step) {
        let grant = match step.event {
            Some(Event::Elected(grant)) => {
                if self.last >= Some(grant.token) {
                    let what = format!("I2: {} after {:?}", grant.token, self.last);
                    self.violations.push(what);
                }
                self.last = Some(grant.token);
                self.terms += 1;
                grant
            }
            Some(Event::Renewed(grant)) => {
                if before != Some(grant.token) {
                    let what = format!("I3: {} renews {before:?}", grant.token);
                    self.violations.push(what);
                }
                self.renewals += 1;
                grant
            }
            _ => return,
        };
        let ballot = self.proposers[of].proposer.held_by().unwrap();
        let votes = self.grants.get(&ballot).map_or(0, BTreeSet::len);
        if votes < self.members.quorum() {
            let what = format!("I4: {votes} grant {}", grant.token);
            self.violations.push(what);
        }
        let others = self.proposers.iter().enumerate().filter(|(other, slot)| {
            let now = slot.clock.at(self.now);
            *other != of && slot.proposer.held_until().is_some_and(|until| now < until)
        });
        let others: Vec<_> = others.map(|(other, _)| other).collect();
        if !others.is_empty() {
            self.violations.push(format!("I1: {of} besides {others:?}"));
        }
    }
}
