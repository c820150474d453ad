//! All that there is at one moment, and what may happen next.

use std::hash::{Hash, Hasher};

use crate::coordination::Reply;
use crate::coordination::proposer::Phase;

use super::bounds::{ACCEPTORS, ANY, NODES};
use super::branch::{Action, Branch, Told};
use super::parts::{Invariant, Parts, Prompt, Stepped, Term};

/// Two that are equal have the same futures.
///
/// The network is what has been said: whatever was asked may come to any acceptor at any time, as often as
/// one likes, or never; and so for what was answered, as long as the asker still waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct World {
    pub(super) proposers: [u16; NODES],
    pub(super) columns: [Column; ACCEPTORS],
    requests: u128,
    /// The token of the last term.
    last: u16,
    steps: u8,
    crashes: u8,
    resigns: u8,
}

/// An acceptor, and what it has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Column {
    pub(super) acceptor: u16,
    /// The set of its replies to each proposer.
    replies: [u16; NODES],
    /// How many steps it must be silent.
    quiet: u8,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.requests);
        for column in &self.columns {
            let [one, other] = column.replies;
            state.write_u64(packed([
                column.acceptor,
                one,
                other,
                u16::from(column.quiet),
            ]));
        }
        let [one, other] = self.proposers;
        let counted = u16::from(self.resigns) << 8 | u16::from(self.crashes);
        state.write_u64(packed([one, other, self.last, counted]));
        state.write_u8(self.steps);
    }
}

const fn packed([a, b, c, d]: [u16; 4]) -> u64 {
    (a as u64) << 48 | (b as u64) << 32 | (c as u64) << 16 | d as u64
}

impl World {
    pub(super) fn first(parts: &mut Parts) -> Self {
        let column = Column {
            acceptor: parts.fresh(),
            replies: [0; NODES],
            quiet: 0,
        };
        Self {
            proposers: std::array::from_fn(|node| parts.born(node, 0)),
            columns: [column; ACCEPTORS],
            requests: 0,
            last: 0,
            steps: 0,
            crashes: 0,
            resigns: 0,
        }
    }

    /// Those who hold the lease.
    pub(super) fn holders(&self, parts: &Parts) -> usize {
        let holds = |&&proposer: &&u16| parts.asker(proposer).holds.is_some();
        self.proposers.iter().filter(holds).count()
    }

    /// Whether a proposer was told what has made no difference yet.
    pub(super) fn is_between(&self, parts: &Parts) -> bool {
        let hears = |&proposer: &u16| parts.asker(proposer).hears;
        self.proposers.iter().any(hears)
    }

    /// The same with the acceptors in order.
    pub(super) fn sorted(&self, parts: &mut Parts) -> Self {
        if !parts.bounds.symmetric {
            return *self;
        }
        let votes = self.proposers.map(|proposer| parts.asker(proposer).votes);
        let [x, y, z] = &self.columns;
        if x <= y && y <= z && votes == [(0, 0); NODES] {
            return *self;
        }
        let rank = |at: usize| {
            let own = votes.map(|(yes, no)| (yes >> at & 1, no >> at & 1));
            (self.columns[at], own)
        };
        let mut order: [usize; ACCEPTORS] = std::array::from_fn(|at| at);
        order.sort_by_key(|&at| rank(at));
        let mut to = [0; ACCEPTORS];
        for (place, &at) in order.iter().enumerate() {
            to[at] = place;
        }
        Self {
            columns: order.map(|at| self.columns[at]),
            proposers: self.proposers.map(|proposer| parts.rename(proposer, to)),
            ..*self
        }
    }

    /// All that may happen next and makes a difference.
    pub(super) fn next(&self, parts: &mut Parts, next: &mut Vec<Branch>) {
        next.clear();
        self.pass(parts, next);
        for who in 0..NODES {
            self.act(who, parts, next);
            let told = Told::nothing(self.proposers[who]);
            self.tell(who, told, &mut Vec::new(), parts, next);
        }
        for of in 0..ACCEPTORS {
            // Of two that are the same in everything, one is enough.
            let is_twin = parts.bounds.symmetric
                && of > 0
                && self.columns[of - 1] == self.columns[of]
                && !self.is_between(parts);
            if !is_twin {
                self.ask(of, parts, next);
                self.crash(of, parts, next);
            }
        }
    }

    fn pass(&self, parts: &mut Parts, next: &mut Vec<Branch>) {
        let most = parts.bounds.steps;
        if self.steps == most && most != ANY {
            return;
        }
        let columns = self.columns.map(|column| Column {
            acceptor: parts.pass_acceptor(column.acceptor),
            quiet: column.quiet.saturating_sub(1),
            ..column
        });
        let mut world = Self {
            proposers: self.proposers.map(|proposer| parts.pass_proposer(proposer)),
            columns,
            steps: spent(self.steps, most),
            ..*self
        };
        for who in 0..NODES {
            if parts.asker(world.proposers[who]).waits.is_none() {
                world.silence(who);
            }
        }
        next.push(Branch {
            action: Action::Pass,
            world,
            event: None,
            fault: None,
        });
    }

    /// What a proposer does by itself.
    fn act(&self, who: usize, parts: &mut Parts, next: &mut Vec<Branch>) {
        let (is, name) = (self.proposers[who], u8::try_from(who).unwrap());
        let asker = *parts.asker(is);
        if asker.knows.0 < parts.bounds.ballots[who] {
            let stepped = parts.prompt(is, Prompt::Start);
            next.push(self.after(who, stepped, Action::Start(name), parts));
            if parts.bounds.seizes {
                let stepped = parts.prompt(is, Prompt::Seize);
                next.push(self.after(who, stepped, Action::Seize(name), parts));
            }
        }
        // What it gives up by itself and says nothing of makes nothing possible.
        let stepped = parts.prompt(is, Prompt::Wake);
        if self.is_said(stepped.sends) {
            next.push(self.after(who, stepped, Action::Wake(name), parts));
        }
        let stepped = parts.prompt(is, Prompt::Resign);
        let most = parts.bounds.resigns;
        if stepped.sends.is_some() && (self.resigns < most || most == ANY) {
            let mut branch = self.after(who, stepped, Action::Resign(name), parts);
            branch.world.resigns = spent(self.resigns, most);
            next.push(branch);
        }
        let life = asker.life + 1;
        if life < parts.bounds.lives[who] && asker.knows.0 > 0 {
            let mut world = *self;
            world.proposers[who] = parts.born(who, life);
            world.silence(who);
            next.push(Branch {
                action: Action::Die(name),
                world,
                event: None,
                fault: None,
            });
        }
    }

    /// Whether it says something that was not said before.
    fn is_said(&self, sends: Option<u8>) -> bool {
        sends.is_some_and(|sends| self.requests >> sends & 1 == 0)
    }

    /// Tells a proposer some of what was answered, all at once, until it makes a difference.
    fn tell(
        &self,
        who: usize,
        told: Told,
        met: &mut Vec<u16>,
        parts: &mut Parts,
        next: &mut Vec<Branch>,
    ) {
        met.push(told.is);
        let bursts = parts.bounds.bursts;
        let before = *parts.asker(told.is);
        for (at, column) in self.columns.iter().enumerate() {
            let from = u8::try_from(at).unwrap();
            for place in 0..parts.sets.get(column.replies[who]).len() {
                let reply = parts.sets.get(column.replies[who])[place];
                let stepped = parts.prompt(told.is, Prompt::Hear { reply, from });
                let after = *parts.asker(stepped.next);
                let waits_on = after.waits == before.waits;
                let is_learnt = waits_on && after.knows != before.knows;
                let is_silent = stepped.sends.is_none() && stepped.event.is_none();
                if met.contains(&stepped.next)
                    // It gives up, and says nothing of it: it may as well not have heard.
                    || (after.waits.is_none() && is_silent)
                    // It could have learnt that first.
                    || (bursts && is_learnt && told.so_far > 0)
                {
                    continue;
                }
                let told = told.and(stepped.next, (from, reply));
                if bursts && waits_on && !is_learnt {
                    self.tell(who, told, met, parts, next);
                } else {
                    let action = Action::Hear {
                        who: u8::try_from(who).unwrap(),
                        what: told.what,
                    };
                    next.push(self.after(who, stepped, action, parts));
                }
            }
        }
    }

    fn ask(&self, of: usize, parts: &mut Parts, next: &mut Vec<Branch>) {
        let column = self.columns[of];
        let mut left = self.requests;
        while left != 0 {
            let request = u8::try_from(left.trailing_zeros()).unwrap();
            left &= left - 1;
            let answered = parts.ask(column.acceptor, request);
            let mut fault = answered.fault;
            if column.quiet > 0 && answered.reply.is_some() {
                fault = Some(Invariant::I5);
            }
            let mut world = *self;
            world.columns[of].acceptor = answered.next;
            if let Some(reply) = answered.reply {
                self.post(reply, of, &mut world, parts);
            }
            if world != *self || fault.is_some() {
                next.push(Branch {
                    action: Action::Ask {
                        request,
                        of: u8::try_from(of).unwrap(),
                    },
                    world,
                    event: None,
                    fault,
                });
            }
        }
    }

    /// A reply is on its way, when anybody waits for it.
    fn post(&self, reply: u16, of: usize, world: &mut Self, parts: &mut Parts) {
        let (ballot, phase) = match parts.replies.get(reply) {
            Reply::Promise(promise) => (promise.ballot, Some(Phase::Promises)),
            Reply::Accepted(accepted) => (accepted.ballot, Some(Phase::Grants)),
            Reply::Nack(nack) if parts.bounds.refusals => (nack.ballot, None),
            Reply::Nack(_) => return,
        };
        for who in 0..NODES {
            let waits = parts.asker(self.proposers[who]).waits;
            if waits.is_some_and(|(own, waits)| own == ballot && phase.is_none_or(|of| of == waits))
            {
                let replies = &mut world.columns[of].replies[who];
                *replies = parts.join(*replies, reply);
            }
        }
    }

    fn crash(&self, of: usize, parts: &mut Parts, next: &mut Vec<Branch>) {
        let most = parts.bounds.crashes;
        if self.crashes == most && most != ANY {
            return;
        }
        let mut world = *self;
        world.crashes = spent(self.crashes, most);
        let column = &mut world.columns[of];
        column.acceptor = parts.crash(column.acceptor);
        column.quiet = u8::try_from(parts.bounds.ttl).unwrap();
        let action = Action::Crash(u8::try_from(of).unwrap());
        next.push(Branch {
            action,
            world,
            event: None,
            fault: None,
        });
    }

    /// Nothing that was answered to it matters any more.
    fn silence(&mut self, who: usize) {
        for column in &mut self.columns {
            column.replies[who] = 0;
        }
    }

    /// What becomes of it when a proposer has done something.
    fn after(&self, who: usize, stepped: Stepped, action: Action, parts: &Parts) -> Branch {
        let mut world = *self;
        let before = *parts.asker(self.proposers[who]);
        world.proposers[who] = stepped.next;
        if let Some(request) = stepped.sends {
            world.requests |= 1 << request;
        }
        if parts.asker(stepped.next).waits != before.waits {
            world.silence(who);
        }
        let mut fault = stepped.fault;
        if let Some(Term::Begun(token)) = stepped.event {
            let token = u16::try_from(token.number()).unwrap();
            if token <= self.last {
                fault = fault.or(Some(Invariant::I2));
            }
            world.last = token;
        }
        if stepped.event.is_some() && self.grants(who, parts) < ACCEPTORS / 2 + 1 {
            fault = fault.or(Some(Invariant::I4));
        }
        Branch {
            action,
            world,
            event: stepped.event,
            fault,
        }
    }

    /// How many have granted what a proposer asks for.
    fn grants(&self, who: usize, parts: &Parts) -> usize {
        let is_grant = |&reply: &u16| matches!(parts.replies.get(reply), Reply::Accepted(_));
        let sets = self.columns.iter().map(|column| column.replies[who]);
        sets.filter(|&set| parts.sets.get(set).iter().any(is_grant))
            .count()
    }
}

/// One more, where it is counted.
fn spent(so_far: u8, most: u8) -> u8 {
    if most == ANY { 0 } else { so_far + 1 }
}
