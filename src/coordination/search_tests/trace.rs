//! How it came about, in words: proposers `p` and `q`, each later life with a dash more; acceptors `x`, `y`
//! and `z`; `p1` is the ballot of the first attempt of `p`.

use std::fmt;

use crate::coordination::{Ballot, Message, Reply};

use super::bounds::LIVES;
use super::branch::Action;
use super::parts::{Invariant, Parts};

/// The shortest way to what must not be.
pub(super) struct Trace {
    pub(super) invariant: Invariant,
    pub(super) steps: Vec<String>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {} steps", self.invariant, self.steps.len())?;
        let mut steps = self.steps.iter().zip(1..);
        steps.try_for_each(|(step, number)| write!(f, "\n{number:4}. {step}"))
    }
}

pub(super) fn say(action: Action, parts: &Parts) -> String {
    let node = |who: u8| ["p", "q"][usize::from(who)];
    let acceptor = |of: u8| ["x", "y", "z"][usize::from(of)];
    match action {
        Action::Pass => "a step of time".to_owned(),
        Action::Start(who) => format!("{} begins an attempt", node(who)),
        Action::Seize(who) => format!("{} begins an attempt without promises", node(who)),
        Action::Wake(who) => format!("{} wakes and gives up", node(who)),
        Action::Resign(who) => format!("{} resigns", node(who)),
        Action::Die(who) => format!("{} dies and comes back", node(who)),
        Action::Crash(of) => format!("{} crashes and comes back", acceptor(of)),
        Action::Ask { request, of } => {
            let request = match parts.requests.get(u16::from(request)) {
                Message::Prepare(prepare) => format!("prepare {}", named(prepare.ballot)),
                Message::Accept(accept) => {
                    format!("accept {} token {}", named(accept.ballot), accept.token)
                }
                Message::Release(release) => format!("release {}", named(release.ballot)),
            };
            format!("{} gets {request}", acceptor(of))
        }
        Action::Hear { who, what } => {
            let said = what.iter().flatten().map(|&(from, reply)| {
                let reply = match parts.replies.get(reply) {
                    Reply::Promise(promise) => match promise.live {
                        Some(live) => format!("promise, lease {}", named(live.ballot)),
                        None => "promise".to_owned(),
                    },
                    Reply::Accepted(_) => "grant".to_owned(),
                    Reply::Nack(_) => "refusal".to_owned(),
                };
                format!("{}: {reply}", acceptor(from))
            });
            let said: Vec<_> = said.collect();
            format!("{} hears {}", node(who), said.join("; "))
        }
    }
}

fn named(ballot: Ballot) -> String {
    let incarnation = ballot.owner.incarnation.0;
    let node = ["p", "q"][usize::try_from(incarnation & 1).unwrap()];
    let life = usize::from(LIVES) - usize::try_from(incarnation >> 8).unwrap();
    let life = "'".repeat(life);
    format!("{node}{life}{}", ballot.counter)
}
