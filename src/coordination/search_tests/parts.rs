//! What acceptors and proposers do, by the real core. Each is asked once for each of its states and each
//! thing that can happen to it; a world is then made of the names of such states.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use crate::coordination::acceptor::AcceptorKey;
use crate::coordination::proposer::{Phase, ProposerKey};
use crate::coordination::rules::Rule;
use crate::coordination::{
    Accept, Accepted, Acceptor, AcceptorId, Answer, Ballot, Event, FencingToken, Live, Message,
    Moment, Nack, Promise, Proposer, Reply, Step, TokenRecord,
};

use super::bounds::{ACCEPTORS, Bounds, EPOCH, LIVES, STEP};
use super::pool::{Map, Pool};

/// What is broken when it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invariant {
    /// Two hold the lease at once.
    I1,
    /// A later term has no larger token.
    I2,
    /// A renewal has another token, or an earlier end.
    I3,
    /// Fewer than a majority have granted what is held.
    I4,
    /// An acceptor in quarantine answers.
    I5,
    /// What is durable falls, or is granted without being so.
    I6,
}

/// What a request makes of an acceptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) next: u16,
    pub(super) reply: Option<u16>,
    pub(super) fault: Option<Invariant>,
}

/// What something makes of a proposer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stepped {
    pub(super) next: u16,
    pub(super) sends: Option<u8>,
    pub(super) event: Option<Term>,
    pub(super) fault: Option<Invariant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Begun(FencingToken),
    Renewed(FencingToken),
}

/// What happens to a proposer, besides that time goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Prompt {
    Start,
    Seize,
    Hear { reply: u16, from: u8 },
    Wake,
    Resign,
}

/// What a world wants to know of a proposer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    /// An answer to which attempt, and to what of it, can make a difference.
    pub(super) waits: Option<(Ballot, Phase)>,
    pub(super) holds: Option<(Ballot, FencingToken)>,
    /// Changed by what it learns from refusals.
    pub(super) knows: (u64, Option<FencingToken>),
    /// By place, who is counted for it and who against it.
    pub(super) votes: (u64, u64),
    /// Whether it has counted anything.
    pub(super) hears: bool,
    pub(super) life: u8,
}

/// The most that are ever asked: a world keeps them in as many bits.
const REQUESTS: usize = 128;

pub(super) struct Parts {
    pub(super) bounds: Bounds,
    /// Each with the time of its own when it was met.
    acceptors: Pool<(AcceptorKey, String), (Acceptor, Moment)>,
    proposers: Pool<(ProposerKey, String), (Proposer, Moment)>,
    askers: Vec<Asker>,
    pub(super) requests: Pool<Message, Message>,
    pub(super) replies: Pool<Reply, Reply>,
    /// Sets of replies, sorted.
    pub(super) sets: Pool<Vec<u16>, Vec<u16>>,
    /// By acceptor and request: most of the search is to look here.
    answered: Vec<[Option<Answered>; REQUESTS]>,
    stepped: Map<(u16, Prompt), Stepped>,
    passed: [Map<u16, u16>; 2],
    crashed: Map<u16, u16>,
    renamed: Map<(u16, [usize; ACCEPTORS]), u16>,
    joined: Map<(u16, u16), u16>,
}

impl Parts {
    pub(super) fn new(bounds: Bounds) -> Self {
        let mut parts = Self {
            bounds,
            acceptors: Pool::new(),
            proposers: Pool::new(),
            askers: Vec::new(),
            requests: Pool::new(),
            replies: Pool::new(),
            sets: Pool::new(),
            answered: Vec::new(),
            stepped: Map::default(),
            passed: [Map::default(), Map::default()],
            crashed: Map::default(),
            renamed: Map::default(),
            joined: Map::default(),
        };
        // The empty set is 0.
        parts.sets.id(Vec::new(), Vec::new);
        parts
    }

    /// What tells it from another that only seems the same, where these are not merged.
    fn all_of(&self, state: &impl Debug, now: Moment) -> String {
        if self.bounds.merged {
            return String::new();
        }
        format!("{state:?} at {now:?}")
    }

    /// For each acceptor, and each proposer, the first that has the same key.
    pub(super) fn merged(&self) -> [Vec<u16>; 2] {
        let acceptors = self.acceptors.values.iter();
        let proposers = self.proposers.values.iter();
        [
            firsts(acceptors.map(|(acceptor, now)| acceptor.key(*now))),
            firsts(proposers.map(|(proposer, now)| proposer.key(*now))),
        ]
    }

    fn acceptor(&mut self, acceptor: Acceptor, now: Moment) -> u16 {
        let key = (acceptor.key(now), self.all_of(&acceptor, now));
        self.acceptors.id(key, || (acceptor, now))
    }

    fn proposer(&mut self, proposer: Proposer, now: Moment) -> u16 {
        let held = proposer.held_until().filter(|until| now < *until);
        let asker = Asker {
            waits: waits(&proposer, now),
            holds: held.and(proposer.holding()),
            knows: proposer.knows(),
            // Votes that are only counted are no one's.
            votes: if self.bounds.rules.keeps(Rule::VotesAreSets) {
                proposer.voters()
            } else {
                (0, 0)
            },
            hears: proposer.voters() != (0, 0),
            life: LIVES - u8::try_from(proposer.owner().incarnation.0 >> 8).unwrap(),
        };
        let usable = proposer.grant(now).map(|grant| grant.usable_until);
        let margin = self.bounds.timing().margin();
        assert!(usable.is_none_or(|until| Some(until.after(margin)) == held));
        let key = (proposer.key(now), self.all_of(&proposer, now));
        let id = self.proposers.id(key, || (proposer, now));
        if self.askers.len() == usize::from(id) {
            self.askers.push(asker);
        }
        id
    }

    pub(super) fn asker(&self, proposer: u16) -> &Asker {
        &self.askers[usize::from(proposer)]
    }

    /// An acceptor that has granted nothing yet.
    pub(super) fn fresh(&mut self) -> u16 {
        let timing = self.bounds.timing();
        let acceptor = Acceptor::embedded(AcceptorId(0), &timing, None);
        self.acceptor(acceptor.breaking(self.bounds.rules), EPOCH)
    }

    pub(super) fn born(&mut self, node: usize, life: u8) -> u16 {
        self.proposer(self.bounds.born(node, life), EPOCH)
    }

    pub(super) fn durable(&self, acceptor: u16) -> Option<TokenRecord> {
        self.acceptors.get(acceptor).0.durable()
    }

    /// A crash, and what comes back at once. That it comes back later makes no difference: in between, it
    /// answers nobody either way.
    pub(super) fn crash(&mut self, acceptor: u16) -> u16 {
        if let Some(&next) = self.crashed.get(&acceptor) {
            return next;
        }
        let (timing, durable) = (self.bounds.timing(), self.durable(acceptor));
        let now = self.acceptors.get(acceptor).1;
        let back = Acceptor::new(AcceptorId(0), &timing, durable, now);
        let next = self.acceptor(back.breaking(self.bounds.rules), now);
        self.crashed.insert(acceptor, next);
        next
    }

    pub(super) fn ask(&mut self, acceptor: u16, request: u8) -> Answered {
        let (row, place) = (usize::from(acceptor), usize::from(request));
        if self.answered.len() <= row {
            self.answered.resize(row + 1, [None; REQUESTS]);
        }
        if let Some(answered) = self.answered[row][place] {
            return answered;
        }
        let message = *self.requests.get(u16::from(request));
        let (mut asked, now) = self.acceptors.get(acceptor).clone();
        let before = asked.durable();
        let reply = match asked.handle(message, now) {
            Answer::Silence => None,
            Answer::Reply(reply) => Some(reply),
            // To fail before the write is a request lost and a crash, after it a reply lost and a crash.
            Answer::Write(write) => Some(write.written()),
        };
        let durable = asked.durable().map(|durable| durable.token);
        let falls = before.map(|before| before.token) > durable;
        let is_early = match (message, reply) {
            (Message::Accept(Accept { token, .. }), Some(Reply::Accepted(_))) => {
                durable < Some(token)
            }
            _ => false,
        };
        let answered = Answered {
            next: self.acceptor(asked, now),
            reply: reply.map(|reply| {
                let reply = unsigned(reply);
                self.replies.id(reply, || reply)
            }),
            fault: (falls || is_early).then_some(Invariant::I6),
        };
        self.answered[row][place] = Some(answered);
        answered
    }

    pub(super) fn prompt(&mut self, proposer: u16, prompt: Prompt) -> Stepped {
        if let Some(&stepped) = self.stepped.get(&(proposer, prompt)) {
            return stepped;
        }
        let (mut prompted, now) = self.proposers.get(proposer).clone();
        let step = match prompt {
            Prompt::Start => prompted.start(now, 0),
            Prompt::Seize => prompted.seize(now, 0),
            Prompt::Hear { reply, from } => {
                let reply = signed(*self.replies.get(reply), AcceptorId(u32::from(from)));
                prompted.handle(reply, now)
            }
            Prompt::Wake => prompted.tick(now, 0),
            Prompt::Resign => prompted.resign(),
        };
        let (event, fault) = self.judge(proposer, step);
        let stepped = Stepped {
            next: self.proposer(prompted, now),
            sends: step.send.map(|message| {
                let id = self.requests.id(message, || message);
                u8::try_from(id)
                    .ok()
                    .filter(|id| usize::from(*id) < REQUESTS)
                    .expect("few requests differ")
            }),
            event,
            fault,
        };
        self.stepped.insert((proposer, prompt), stepped);
        stepped
    }

    fn judge(&self, before: u16, step: Step) -> (Option<Term>, Option<Invariant>) {
        match step.event {
            Some(Event::Elected(grant)) => (Some(Term::Begun(grant.token)), None),
            Some(Event::Renewed(grant)) => {
                let (held, now) = self.proposers.get(before);
                let goes_on = held
                    .grant(*now)
                    .is_some_and(|last| last.token == grant.token && last.ends <= grant.ends);
                let fault = (!goes_on).then_some(Invariant::I3);
                (Some(Term::Renewed(grant.token)), fault)
            }
            _ => (None, None),
        }
    }

    pub(super) fn pass_acceptor(&mut self, acceptor: u16) -> u16 {
        if let Some(&next) = self.passed[0].get(&acceptor) {
            return next;
        }
        let (same, now) = self.acceptors.get(acceptor).clone();
        let next = self.acceptor(same, now.after(STEP));
        self.passed[0].insert(acceptor, next);
        next
    }

    pub(super) fn pass_proposer(&mut self, proposer: u16) -> u16 {
        if let Some(&next) = self.passed[1].get(&proposer) {
            return next;
        }
        let (same, now) = self.proposers.get(proposer).clone();
        let next = self.proposer(same, now.after(STEP));
        self.passed[1].insert(proposer, next);
        next
    }

    pub(super) fn rename(&mut self, proposer: u16, to: [usize; ACCEPTORS]) -> u16 {
        if self.asker(proposer).votes == (0, 0) {
            return proposer;
        }
        if let Some(&next) = self.renamed.get(&(proposer, to)) {
            return next;
        }
        let (same, now) = self.proposers.get(proposer).clone();
        let next = self.proposer(same.renamed(&to), now);
        self.renamed.insert((proposer, to), next);
        next
    }

    /// The set with one reply more.
    pub(super) fn join(&mut self, set: u16, reply: u16) -> u16 {
        if let Some(&joined) = self.joined.get(&(set, reply)) {
            return joined;
        }
        let mut replies = self.sets.get(set).clone();
        if let Err(place) = replies.binary_search(&reply) {
            replies.insert(place, reply);
        }
        let joined = self.sets.id(replies.clone(), || replies);
        self.joined.insert((set, reply), joined);
        joined
    }
}

fn firsts<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> Vec<u16> {
    let mut firsts = Map::default();
    keys.zip(0..)
        .map(|(key, id)| *firsts.entry(key).or_insert(id))
        .collect()
}

/// What it waits for, unless that came too late by now, whatever it is.
fn waits(proposer: &Proposer, now: Moment) -> Option<(Ballot, Phase)> {
    let (ballot, phase) = proposer.waits()?;
    let mut woken = proposer.clone();
    let given_up = woken.tick(now, 0);
    if woken.waits().is_some() {
        return Some((ballot, phase));
    }
    let from = AcceptorId(0);
    let mut told = proposer.clone();
    let step = told.handle(Reply::Accepted(Accepted { ballot, from }), now);
    assert!(step.send == given_up.send && told.key(now) == woken.key(now));
    None
}

/// Without who says it, which is whose it is; and without how long a lease lasts, by which nobody decides
/// anything but when to ask again.
fn unsigned(reply: Reply) -> Reply {
    let unmeasured = |live: Option<Live>| {
        live.map(|live| Live {
            remaining: Duration::ZERO,
            ..live
        })
    };
    let reply = match reply {
        Reply::Promise(promise) => Reply::Promise(Promise {
            live: unmeasured(promise.live),
            ..promise
        }),
        Reply::Nack(nack) => Reply::Nack(Nack {
            live: unmeasured(nack.live),
            ..nack
        }),
        Reply::Accepted(_) => reply,
    };
    signed(reply, AcceptorId(0))
}

fn signed(reply: Reply, from: AcceptorId) -> Reply {
    match reply {
        Reply::Promise(promise) => Reply::Promise(Promise { from, ..promise }),
        Reply::Accepted(accepted) => Reply::Accepted(Accepted { from, ..accepted }),
        Reply::Nack(nack) => Reply::Nack(Nack { from, ..nack }),
    }
}
