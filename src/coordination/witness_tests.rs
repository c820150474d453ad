//! Scripts over the real core, one for each rule that random schedules do not miss in reasonable time.
//! Each passes with all rules kept, and ends in a violation with one broken.
//!
//! The schedules after those of `PaxosLease` Revisited begin with a holder whose floor was raised: with the
//! guard on tokens in place, what is stale must carry a high token to do any harm.

use std::time::Duration;

use super::rules::Rule::{self, *};
use super::rules::Rules;
use super::*;

const TTL: Duration = Duration::from_secs(10);

/// Three acceptors, some proposers, one exact clock. Nothing is delivered but by the script.
struct World {
    now: Moment,
    rules: Rules,
    timing: Timing,
    members: Members,
    acceptors: Vec<Acceptor>,
    proposers: Vec<Proposer>,
    /// Terms in the order in which they began.
    terms: Vec<(Owner, FencingToken)>,
    violations: Vec<String>,
}

const X: u32 = 0;
const Y: u32 = 1;
const Z: u32 = 2;

impl World {
    fn new(rules: Rules) -> Self {
        let config = TimingConfig::default();
        let config = config.ttl(TTL).drift(0.0).margin(Duration::ZERO);
        let timing = Timing::new(config).unwrap();
        let ids = [X, Y, Z].map(AcceptorId);
        let fresh = |id| Acceptor::embedded(id, &timing, None).breaking(rules);
        Self {
            now: Moment::ORIGIN,
            rules,
            timing,
            members: Members::new(MembersConfig::new(ids)).unwrap(),
            acceptors: ids.into_iter().map(fresh).collect(),
            proposers: Vec::new(),
            terms: Vec::new(),
            violations: Vec::new(),
        }
    }

    fn proposer(&mut self, node: u32, floor: u64) -> usize {
        let incarnation = Incarnation(self.proposers.len() as u128);
        let node = NodeId(node);
        let me = Owner { node, incarnation };
        let mut proposer = Proposer::new(me, self.members.clone(), self.timing);
        if let Some(floor) = FencingToken::from_number(floor) {
            proposer.raise_floor(floor);
        }
        self.proposers.push(proposer.breaking(self.rules));
        self.proposers.len() - 1
    }

    fn pass(&mut self, wait: Duration) {
        self.now = self.now.after(wait);
    }

    fn pass_quarantine(&mut self) {
        self.pass(self.timing.quarantine());
    }

    fn crash(&mut self, at: u32) {
        let id = AcceptorId(at);
        let durable = self.acceptors[at as usize].durable();
        self.acceptors[at as usize] =
            Acceptor::new(id, &self.timing, durable, self.now).breaking(self.rules);
    }

    fn start(&mut self, p: usize) -> Message {
        let step = self.proposers[p].start(self.now, 0);
        step.send.expect("an attempt begins")
    }

    fn deliver(&mut self, at: u32, message: Message) -> Option<Reply> {
        match self.acceptors[at as usize].handle(message, self.now) {
            Answer::Silence => None,
            Answer::Reply(reply) => Some(reply),
            Answer::Write(write) => Some(write.written()),
        }
    }

    fn reply(&mut self, p: usize, reply: Option<Reply>) -> Option<Message> {
        let step = self.proposers[p].handle(reply?, self.now);
        if let Some(Event::Elected(grant)) = step.event {
            let owner = self.proposers[p].owner();
            if let Some(last) = self.terms.last().filter(|last| last.1 >= grant.token) {
                self.violations
                    .push(format!("I2: {} after {}", grant.token, last.1));
            }
            self.terms.push((owner, grant.token));
        }
        let holders = self.holders();
        if holders.len() > 1 {
            self.violations.push(format!("I1: {holders:?} at once"));
        }
        step.send
    }

    fn holders(&self) -> Vec<usize> {
        let holds = |p: &usize| {
            let until = self.proposers[*p].held_until();
            until.is_some_and(|until| self.now < until)
        };
        (0..self.proposers.len()).filter(holds).collect()
    }

    /// Asks all of `at` and brings back their answers; what the proposer sends next.
    fn ask(&mut self, p: usize, message: Message, at: &[u32]) -> Option<Message> {
        let mut next = None;
        for &at in at {
            let reply = self.deliver(at, message);
            next = self.reply(p, reply).or(next);
        }
        next
    }

    /// A whole attempt with all of `at`; the accept that it sent, if it came so far.
    fn acquire(&mut self, p: usize, at: &[u32]) -> Option<Message> {
        let prepare = self.start(p);
        let accept = self.ask(p, prepare, at)?;
        self.ask(p, accept, at);
        Some(accept)
    }
}

fn check(script: fn(&mut World), sound: &[&[Rule]], broken: &[Rule], invariant: &str) {
    for kept in sound {
        let mut world = World::new(Rules::without(kept));
        script(&mut world);
        assert_eq!(world.violations, Vec::<String>::new(), "{kept:?}");
    }
    let mut world = World::new(Rules::without(broken));
    script(&mut world);
    let seen = &world.violations;
    assert!(
        seen.iter()
            .any(|violation| violation.starts_with(invariant)),
        "{broken:?} is not seen: {seen:?}",
    );
}

/// An acceptor forgets a promise; what was taken from another under that promise is renewed past the
/// quarantine, and the other's accept completes its majority.
fn a_renewal_over_a_taken_lease(w: &mut World) {
    let (low, high) = (w.proposer(1, 0), w.proposer(2, 5));
    let high_prepare = w.start(high);
    w.ask(high, high_prepare, &[Z]);
    w.pass(TTL / 100);
    w.crash(Z);
    w.pass(TTL / 100);
    let low_prepare = w.start(low);
    let low_accept = w.ask(low, low_prepare, &[X, Y]).unwrap();
    w.ask(low, low_accept, &[X]);
    let Some(high_accept) = w.ask(high, high_prepare, &[Y]) else {
        return;
    };
    w.ask(high, high_accept, &[X, Y]);
    w.pass(TTL / 2);
    w.acquire(high, &[X, Y]);
    // Z leaves its quarantine just before the attempt of the lower ballot ends.
    w.pass(TTL * 99 / 200);
    w.ask(low, low_accept, &[Z]);
}

#[test]
fn an_acceptor_that_replaces_a_living_lease_lets_two_hold_it() {
    check(a_renewal_over_a_taken_lease, &[&[]], &[KeepLive], "I1");
}

/// Promises stay on their way while those who gave them forget them and sit out the quarantine.
fn late_promises(w: &mut World) {
    let (one, two) = (w.proposer(1, 0), w.proposer(2, 5));
    let promises = [one, two].map(|p| {
        let prepare = w.start(p);
        [X, Y].map(|at| (p, w.deliver(at, prepare)))
    });
    w.crash(X);
    w.crash(Y);
    w.pass_quarantine();
    for (p, promise) in promises.into_iter().flatten() {
        if let Some(accept) = w.reply(p, promise) {
            w.ask(p, accept, &[X, Y]);
        }
    }
}

#[test]
fn a_deadline_that_begins_with_the_promises_lets_two_hold_it() {
    let sound: &[&[Rule]] = &[&[], &[KeepLive], &[EarlyDeadline]];
    check(late_promises, sound, &[KeepLive, EarlyDeadline], "I1");
}

/// Accepts of an attempt that was given up arrive over another's lease, and are read back as one's own.
fn a_stale_accept_of_ones_own(w: &mut World) {
    let (one, two) = (w.proposer(1, 0), w.proposer(2, 5));
    let prepare = w.start(two);
    let stale = w.ask(two, prepare, &[X, Y]).unwrap();
    w.crash(X);
    w.crash(Y);
    w.pass_quarantine();
    w.acquire(one, &[X, Y]);
    assert_eq!(w.holders(), [one]);
    w.deliver(X, stale);
    w.deliver(Y, stale);
    w.acquire(two, &[X, Y]);
}

#[test]
fn a_lease_of_ones_own_that_one_does_not_renew_is_not_open() {
    let sound: &[&[Rule]] = &[&[], &[KeepLive], &[OwnOnlyRenewed]];
    check(
        a_stale_accept_of_ones_own,
        sound,
        &[KeepLive, OwnOnlyRenewed],
        "I1",
    );
}

/// The first life of a node resigns while its accept and its release are on their way to one acceptor,
/// where they meet the lease of the second life, whose ballot is lower.
fn a_stale_accept_of_an_earlier_life(w: &mut World) {
    let old = w.proposer(1, 0);
    w.start(old);
    let stale = w.acquire(old, &[X, Y]).unwrap();
    let release = w.proposers[old].resign().send.unwrap();
    w.deliver(X, release);
    w.deliver(Y, release);
    w.crash(Y);
    w.pass_quarantine();
    let (new, other) = (w.proposer(1, 0), w.proposer(2, 0));
    w.acquire(new, &[Y, Z]);
    assert_eq!(w.holders(), [new]);
    w.deliver(Z, stale);
    w.deliver(Z, release);
    for _ in 0..3 {
        w.start(other);
    }
    w.acquire(other, &[X, Z]);
}

#[test]
fn owners_that_are_compared_by_node_let_two_hold_it() {
    let sound: &[&[Rule]] = &[&[], &[OwnerIsIncarnation], &[Guard]];
    check(
        a_stale_accept_of_an_earlier_life,
        sound,
        &[OwnerIsIncarnation, Guard],
        "I1",
    );
}

/// Promises are forgotten, a term begins with the acceptor that has not, and another with those that
/// have: neither majority of promises tells of the other's token. One acceptor saw both.
fn two_terms_after_forgotten_promises(w: &mut World, nodes: [u32; 2]) {
    let (low, high) = (w.proposer(nodes[0], 0), w.proposer(nodes[1], 0));
    w.start(high);
    let prepare = w.start(high);
    let accept = w.ask(high, prepare, &[Y, Z]).unwrap();
    w.ask(high, accept, &[Y]);
    w.crash(Y);
    w.crash(Z);
    w.pass(TTL / 2);
    let low_prepare = w.start(low);
    w.ask(low, low_prepare, &[X]);
    w.ask(high, accept, &[X]);
    assert_eq!(w.holders(), [high]);
    w.pass(w.timing.quarantine().saturating_sub(TTL / 2));
    assert!(w.holders().is_empty());
    let low_accept = w.ask(low, low_prepare, &[Z]).unwrap();
    w.ask(low, low_accept, &[Z, Y]);
}

fn two_terms_of_two_nodes(w: &mut World) {
    two_terms_after_forgotten_promises(w, [1, 2]);
}

fn two_terms_of_one_node(w: &mut World) {
    two_terms_after_forgotten_promises(w, [1, 1]);
}

#[test]
fn without_the_guard_two_terms_have_one_token() {
    check(two_terms_of_two_nodes, &[&[]], &[Guard], "I2");
}

#[test]
fn a_guard_that_takes_a_tie_from_anybody_lets_two_terms_have_one_token() {
    check(two_terms_of_two_nodes, &[&[]], &[TieByOwner], "I2");
}

#[test]
fn a_guard_that_knows_only_nodes_lets_two_lives_have_one_token() {
    let sound: &[&[Rule]] = &[&[]];
    check(two_terms_of_one_node, sound, &[OwnerIsIncarnation], "I2");
    check(
        two_terms_of_two_nodes,
        &[&[OwnerIsIncarnation]],
        &[Guard],
        "I2",
    );
}

/// One acceptor's answers come twice.
fn answers_that_come_twice(w: &mut World) {
    let (one, two) = (w.proposer(1, 0), w.proposer(2, 5));
    w.acquire(two, &[Y, Z]);
    let prepare = w.start(one);
    if let Some(accept) = w.ask(one, prepare, &[X, X]) {
        w.ask(one, accept, &[X, X]);
    }
}

#[test]
fn votes_that_are_counted_by_message_let_two_hold_it() {
    check(answers_that_come_twice, &[&[]], &[VotesAreSets], "I1");
}

/// A release comes again when its sender has been elected anew.
fn a_release_that_comes_late(w: &mut World) {
    let (one, two) = (w.proposer(1, 0), w.proposer(2, 0));
    w.acquire(one, &[X, Y]);
    let release = w.proposers[one].resign().send.unwrap();
    w.deliver(X, release);
    w.acquire(one, &[X, Z]);
    assert_eq!(w.holders(), [one]);
    w.deliver(X, release);
    w.deliver(Y, release);
    w.start(two);
    w.start(two);
    w.acquire(two, &[X, Y]);
}

#[test]
fn a_release_that_names_only_its_owner_lets_two_hold_it() {
    check(a_release_that_comes_late, &[&[]], &[ExactRelease], "I1");
}
