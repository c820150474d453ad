//! Three acceptors, three clients and a register, seen from without.

use std::time::Duration;

use mainstay::coordination::{
    Acceptor, AcceptorId, Answer, FencingToken, Members, MembersConfig, Message, Moment, Reply,
    Timing, TimingConfig, TokenRecord,
};
use mainstay::test_util::simulator::{Birth, Cluster, Context, Input, Machine, Store, View};

use super::checker::{Operation, is_linearizable};
use super::client::{Client, Report};
use super::register::Register;

pub(super) const TTL: Duration = Duration::from_secs(1);
pub(super) const ACCEPTORS: usize = 3;
const CLIENTS: usize = 3;
pub(super) const REGISTER: usize = ACCEPTORS + CLIENTS;

/// What stands before the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// A gate that each new leader seals before it reads.
    Sealed,
    /// A gate that lets in what is of the highest term.
    Unsealed,
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Ask(Message),
    Answer(Reply),
    Seal(FencingToken),
    Sealed(FencingToken),
    Read {
        token: FencingToken,
        number: u64,
    },
    Value {
        token: FencingToken,
        number: u64,
        value: u64,
    },
    Write {
        token: FencingToken,
        number: u64,
        value: u64,
    },
    Written {
        token: FencingToken,
        number: u64,
    },
    Stale(FencingToken),
}

/// What any node has on its disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    pub(super) lease: Option<TokenRecord>,
    pub(super) value: u64,
    pub(super) high: Option<FencingToken>,
    pub(super) last: Option<(FencingToken, u64)>,
}

#[expect(clippy::large_enum_variant, reason = "there are seven of them")]
pub(super) enum Node {
    Acceptor(Acceptor),
    Client(Client),
    Register(Register),
}

impl Machine for Node {
    type Message = Said;
    type Record = Record;

    fn handle(&mut self, input: Input<Said>, cx: &mut Context<'_, Self>) {
        match (self, input) {
            (
                Self::Acceptor(acceptor),
                Input::Message {
                    from,
                    message: Said::Ask(message),
                },
            ) => {
                let reply = match acceptor.handle(message, Moment::from_origin(cx.now())) {
                    Answer::Silence => return,
                    Answer::Reply(reply) => reply,
                    Answer::Write(write) => {
                        cx.write(Record {
                            lease: Some(write.record()),
                            ..Record::default()
                        });
                        write.written()
                    }
                };
                cx.send(from, Said::Answer(reply));
            }
            (Self::Client(client), Input::Message { message, .. }) => client.hear(message, cx),
            (Self::Client(client), Input::Wake) => client.wake(cx),
            (Self::Register(register), Input::Message { from, message }) => {
                register.hear(from, message, cx);
            }
            (Self::Register(register), Input::Wake) => register.wake(cx),
            (Self::Acceptor(_), other) => unreachable!("{other:?} is not for an acceptor"),
        }
    }

    fn wakes(&self) -> Option<Duration> {
        match self {
            Self::Acceptor(_) => None,
            Self::Client(client) => client.wakes(),
            Self::Register(register) => register.wakes(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) added: u64,
    pub(super) unknown: u64,
    pub(super) refused: u64,
}

enum What {
    Add,
    Read,
}

pub(super) struct World {
    guard: Guard,
    members: Members,
    timing: Timing,
    history: Vec<Operation<What, u64>>,
    /// What each client has under way.
    under_way: [Option<usize>; CLIENTS],
    pub(super) seen: Seen,
}

impl World {
    pub(super) fn new(guard: Guard) -> Self {
        let ids = (0..3).map(AcceptorId);
        let config = TimingConfig::default().ttl(TTL).margin(TTL / 20);
        Self {
            guard,
            members: Members::new(MembersConfig::new(ids)).unwrap(),
            timing: Timing::new(config).unwrap(),
            history: Vec::new(),
            under_way: [None; CLIENTS],
            seen: Seen::default(),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

impl Cluster for World {
    type Machine = Node;

    fn size(&self) -> usize {
        REGISTER + 1
    }

    fn boot(&mut self, birth: Birth<Record>) -> Node {
        let (node, now) = (birth.node(), birth.now());
        let kept = match *birth.store() {
            Store::Kept(kept) => kept,
            Store::Lost => unreachable!("no disk is lost"),
        };
        if node == REGISTER {
            return Node::Register(Register::new(self.guard, kept));
        }
        if node >= ACCEPTORS {
            self.under_way[node - ACCEPTORS] = None;
            let members = self.members.clone();
            return Node::Client(Client::new(node, birth.random(), members, self.timing, now));
        }
        let id = AcceptorId(u32::try_from(node).unwrap());
        let lease = kept.and_then(|kept| kept.lease);
        Node::Acceptor(if birth.life() == 0 {
            Acceptor::embedded(id, &self.timing, lease)
        } else {
            Acceptor::new(id, &self.timing, lease, Moment::from_origin(now))
        })
    }

    fn check(&mut self, view: &View<'_, Node>) -> Result<(), String> {
        let Some(of) = view.acted() else {
            return Ok(());
        };
        let Some(Node::Client(client)) = view.machine(of) else {
            return Ok(());
        };
        let now = nanos(view.now());
        for report in &client.reports {
            match *report {
                Report::Called => {
                    self.under_way[of - ACCEPTORS] = Some(self.history.len());
                    self.history.push(Operation {
                        called: now,
                        answered: None,
                        what: What::Add,
                    });
                }
                Report::Answered(value) => {
                    let at = self.under_way[of - ACCEPTORS].take().unwrap();
                    self.history[at].answered = Some((now, value));
                }
            }
        }
        Ok(())
    }

    fn settled(&mut self, view: &View<'_, Node>) -> Result<(), String> {
        let known = self.history.iter().filter(|add| add.answered.is_some());
        self.seen.added = known.count() as u64;
        self.seen.unknown = self.history.len() as u64 - self.seen.added;
        if let Some(Node::Register(register)) = view.machine(REGISTER) {
            self.seen.refused = register.refused;
            let now = nanos(view.now());
            self.history.push(Operation {
                called: now,
                answered: Some((now, register.value())),
                what: What::Read,
            });
        }
        let step = |count: &u64, what: &What| match what {
            What::Add => (count + 1, count + 1),
            What::Read => (*count, *count),
        };
        if is_linearizable(&self.history, 0, step) {
            return Ok(());
        }
        let told: Vec<_> = self
            .history
            .iter()
            .map(|add| (add.called, add.answered))
            .collect();
        Err(format!("no order explains {told:?}"))
    }
}
