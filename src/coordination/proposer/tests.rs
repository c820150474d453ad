//! What a proposer decides; the numbers are those of its invariants.

mod release;
mod schedule;
mod split;

use std::time::Duration;

use super::{state::FARTHEST, *};
use crate::coordination::rules::{Rule, Rules};
use crate::coordination::{
    Accept, Accepted, AcceptorId, Ballot, FencingToken, Incarnation, Live, Members, MembersConfig,
    Message, Moment, Nack, NodeId, Owner, Prepare, Promise, Release, Reply, Timing, TimingConfig,
};

impl Proposer {
    pub(in crate::coordination) const fn breaking(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The attempt by which it holds what it holds.
    pub(in crate::coordination) fn held_by(&self) -> Option<Ballot> {
        self.held.map(|held| held.ballot)
    }
}

const MS: Duration = Duration::from_millis(1);
/// In the middle: what is jittered is exact with it.
const EVEN: u64 = 1 << 63;

fn at(ms: u32) -> Moment {
    Moment::from_origin(MS * ms)
}

fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

const ME: Owner = Owner {
    node: NodeId(1),
    incarnation: Incarnation(1),
};
const OTHER: Owner = Owner {
    node: NodeId(2),
    incarnation: Incarnation(2),
};

/// Three acceptors, 0 to 2; 1 s, of which the last 100 ms are the margin.
fn proposer() -> Proposer {
    let config = TimingConfig::default().ttl(1000 * MS).margin(100 * MS);
    let timing = Timing::new(config.drift(0.0)).unwrap();
    let members = Members::new(MembersConfig::new([0, 1, 2].map(AcceptorId))).unwrap();
    Proposer::new(ME, members, timing)
}

fn ballot_of(step: Step) -> Ballot {
    match step.send {
        Some(Message::Prepare(Prepare { ballot })) => ballot,
        other => panic!("{other:?} is no prepare"),
    }
}

fn promise(ballot: Ballot, from: u32, live: Option<Live>, high: u64) -> Reply {
    let (from, high) = (AcceptorId(from), FencingToken::from_number(high));
    Reply::Promise(Promise {
        ballot,
        from,
        live,
        high,
    })
}

fn accepted(ballot: Ballot, from: u32) -> Reply {
    let from = AcceptorId(from);
    Reply::Accepted(Accepted { ballot, from })
}

fn nack(ballot: Ballot, from: u32, promised: u64, high: u64) -> Reply {
    let promised = Ballot {
        counter: promised,
        owner: OTHER,
    };
    Reply::Nack(Nack {
        ballot,
        from: AcceptorId(from),
        promised: Some(promised),
        live: None,
        high: FencingToken::from_number(high),
    })
}

/// The token that is asked for, once 0 and 1 have promised.
fn promised(
    proposer: &mut Proposer,
    ballot: Ballot,
    live: Option<Live>,
    high: u64,
    now: Moment,
) -> u64 {
    assert_eq!(
        proposer.handle(promise(ballot, 0, live, high), now),
        Step::NONE
    );
    match proposer.handle(promise(ballot, 1, live, 0), now).send {
        Some(Message::Accept(Accept { token, ttl, .. })) => {
            assert_eq!(ttl, 1000 * MS);
            token.number()
        }
        other => panic!("{other:?} is no accept"),
    }
}

/// Elected by an attempt that began at the origin and ended at `now`.
fn elected(proposer: &mut Proposer, now: Moment) -> Ballot {
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    promised(proposer, ballot, None, 0, now);
    assert_eq!(proposer.handle(accepted(ballot, 0), now), Step::NONE);
    let step = proposer.handle(accepted(ballot, 1), now);
    assert!(matches!(step.event, Some(Event::Elected(_))), "{step:?}");
    ballot
}

fn why(step: Step) -> Abandoned {
    match step.event {
        Some(Event::Abandoned { why, .. }) => why,
        other => panic!("{other:?} is no end of an attempt"),
    }
}

#[test]
fn i1_the_lease_is_counted_from_before_it_was_asked_for() {
    let mut proposer = proposer();
    elected(&mut proposer, at(300));
    let grant = proposer.grant(at(300)).unwrap();
    assert_eq!(
        (grant.token, grant.usable_until, grant.ends),
        (token(1), at(900), at(1000))
    );
    assert!(proposer.grant(at(899)).is_some());
    assert!(
        proposer.grant(at(900)).is_none(),
        "the margin is not for use"
    );
    assert_eq!(proposer.held_until(), Some(at(1000)));
}

#[test]
fn i1_a_majority_that_comes_too_late_is_none() {
    for late in [900, 999, 1000, u32::MAX] {
        let mut proposer = proposer();
        let ballot = ballot_of(proposer.start(Moment::ORIGIN, 0));
        promised(&mut proposer, ballot, None, 0, at(899));
        let _ = proposer.handle(accepted(ballot, 0), at(899));
        let step = proposer.handle(accepted(ballot, 1), at(late));
        assert_eq!(why(step), Abandoned::TimedOut, "{late}");
        assert!(proposer.held_until().is_none());
    }
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, 0));
    let step = proposer.handle(promise(ballot, 0, None, 0), at(1000));
    assert_eq!(why(step), Abandoned::TimedOut);
}

#[test]
fn i2_a_new_term_is_above_all_that_is_known() {
    let ask = |proposer: &mut Proposer, high| {
        let ballot = ballot_of(proposer.start(Moment::ORIGIN, 0));
        promised(proposer, ballot, None, high, Moment::ORIGIN)
    };
    let mut one = proposer();
    assert_eq!(ask(&mut one, 0), 1);
    assert_eq!(ask(&mut one, 0), 2, "asked for, whatever became of it");
    assert_eq!(ask(&mut one, 7), 8);
    one.raise_floor(token(40));
    one.raise_floor(token(30));
    assert_eq!(ask(&mut one, 7), 41);
    let ballot = ballot_of(one.start(Moment::ORIGIN, 0));
    let _ = one.handle(nack(ballot, 2, 0, 50), Moment::ORIGIN);
    assert_eq!(ask(&mut one, 7), 51);

    let mut broken = proposer().breaking(Rules::without(&[Rule::TokenFromHigh]));
    assert_eq!(ask(&mut broken, 7), 1, "the ballot's number is no token");
}

#[test]
fn after_the_last_token_and_the_last_ballot_nothing_is_asked() {
    let mut one = proposer();
    let ballot = ballot_of(one.start(Moment::ORIGIN, 0));
    let _ = one.handle(promise(ballot, 0, None, u64::MAX - 1), Moment::ORIGIN);
    let step = one.handle(promise(ballot, 1, None, u64::MAX), Moment::ORIGIN);
    assert_eq!((step.send, why(step)), (None, Abandoned::Exhausted));

    let mut two = proposer();
    elected(&mut two, at(0));
    two.counter = u64::MAX;
    let step = two.start(at(1), 0);
    assert_eq!((step.send, why(step)), (None, Abandoned::Exhausted));
    assert!(two.grant(at(1)).is_some());
}

#[test]
fn a_ballot_that_nobody_can_have_counted_to_ends_nothing() {
    for wrong in [FARTHEST + 1, u64::MAX] {
        let mut proposer = proposer();
        let ballot = elected(&mut proposer, at(0));
        let _ = proposer.handle(nack(ballot, 0, wrong, 0), at(0));
        proposer.outrank(Ballot {
            counter: wrong,
            owner: OTHER,
        });
        let next = ballot_of(proposer.start(at(1), 0));
        assert_eq!(next.counter, ballot.counter + 1);
        let _ = proposer.handle(nack(next, 0, FARTHEST, 0), at(1));
        assert_eq!(ballot_of(proposer.start(at(2), 0)).counter, FARTHEST + 1);
    }
}

#[test]
fn i3_a_renewal_keeps_the_token_and_its_own_lease_is_no_obstacle() {
    let mut proposer = proposer();
    let held = elected(&mut proposer, at(0));
    let renewal = ballot_of(proposer.start(at(334), EVEN));
    assert!(renewal > held);
    let live = Some(Live {
        ballot: held,
        remaining: 600 * MS,
    });
    assert_eq!(promised(&mut proposer, renewal, live, 9, at(340)), 1);
    let _ = proposer.handle(accepted(renewal, 0), at(340));
    assert_eq!(proposer.grant(at(340)).unwrap().ends, at(1000), "not yet");
    let step = proposer.handle(accepted(renewal, 2), at(350));
    let Some(Event::Renewed(grant)) = step.event else {
        panic!("{step:?}");
    };
    assert_eq!((grant.token, grant.ends), (token(1), at(1334)));
}

#[test]
fn i3_a_renewal_that_comes_when_the_lease_has_ended_is_none() {
    for late in [900, 999, 1000, 1333, 1334, u32::MAX] {
        let mut proposer = proposer();
        elected(&mut proposer, at(0));
        let renewal = ballot_of(proposer.start(at(334), EVEN));
        promised(&mut proposer, renewal, None, 0, at(340));
        let _ = proposer.handle(accepted(renewal, 0), at(340));
        let mut by_time = proposer.clone();
        let step = proposer.handle(accepted(renewal, 1), at(late));
        assert_eq!(why(step), Abandoned::Expiring, "{late}");
        assert_eq!(proposer.handle(accepted(renewal, 1), at(late)), Step::NONE);
        assert!(proposer.grant(at(late)).is_none());
        assert_eq!(why(by_time.tick(at(late), 0)), Abandoned::Expiring);
    }
}

#[test]
fn an_own_lease_that_is_not_renewed_is_in_the_way() {
    let mut proposer = proposer();
    let old = ballot_of(proposer.start(Moment::ORIGIN, 0));
    let ballot = ballot_of(proposer.start(at(1), 0));
    let live = Some(Live {
        ballot: old,
        remaining: 500 * MS,
    });
    assert_eq!(
        proposer.handle(promise(ballot, 0, live, 0), at(1)),
        Step::NONE
    );
    let step = proposer.handle(promise(ballot, 1, live, 0), at(1));
    let retry = 500 * MS;
    assert_eq!(
        step,
        Step::event(Event::Abandoned {
            why: Abandoned::Taken { by: ME },
            retry
        })
    );
}

/// One acceptor missed the last renewal, and another granted one that came to nothing.
#[test]
fn while_it_renews_no_lease_of_its_own_is_in_the_way() {
    let mut proposer = proposer();
    let held = elected(&mut proposer, at(0));
    let failed = ballot_of(proposer.start(at(334), EVEN));
    let renewal = ballot_of(proposer.start(at(434), EVEN));
    let live = |ballot| {
        Some(Live {
            ballot,
            remaining: 600 * MS,
        })
    };
    let _ = proposer.handle(promise(renewal, 0, live(held), 1), at(440));
    let step = proposer.handle(promise(renewal, 1, live(failed), 1), at(440));
    assert!(matches!(step.send, Some(Message::Accept(_))), "{step:?}");
}

#[test]
fn i4_strangers_and_who_says_it_twice_do_not_count() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, 0));
    for from in [0, 0, 3, u32::MAX] {
        assert_eq!(
            proposer.handle(promise(ballot, from, None, 0), at(0)),
            Step::NONE
        );
    }
    assert!(
        proposer
            .handle(promise(ballot, 1, None, 0), at(0))
            .send
            .is_some()
    );
    assert_eq!(
        proposer.handle(promise(ballot, 2, None, 0), at(0)),
        Step::NONE,
        "late"
    );
    for from in [2, 2, 7] {
        assert_eq!(proposer.handle(accepted(ballot, from), at(0)), Step::NONE);
    }
    assert!(proposer.handle(accepted(ballot, 0), at(0)).event.is_some());
    assert_eq!(
        proposer.handle(accepted(ballot, 1), at(0)),
        Step::NONE,
        "late"
    );
}

#[test]
fn what_belongs_to_an_earlier_attempt_or_to_another_is_ignored() {
    let mut proposer = proposer();
    let old = ballot_of(proposer.start(Moment::ORIGIN, 0));
    let ballot = ballot_of(proposer.start(at(1), 0));
    let other = Ballot {
        owner: OTHER,
        ..ballot
    };
    for wrong in [old, other] {
        for from in 0..3 {
            assert_eq!(
                proposer.handle(promise(wrong, from, None, 0), at(1)),
                Step::NONE
            );
            assert_eq!(proposer.handle(accepted(wrong, from), at(1)), Step::NONE);
            assert_eq!(proposer.handle(nack(wrong, from, 0, 0), at(1)), Step::NONE);
        }
    }
    promised(&mut proposer, ballot, None, 0, at(1));
}

#[test]
fn i6_a_refusal_makes_the_next_ballot_higher_and_takes_nothing_away() {
    let mut proposer = proposer();
    elected(&mut proposer, at(0));
    let renewal = ballot_of(proposer.start(at(334), EVEN));
    assert_eq!(proposer.handle(nack(renewal, 0, 9, 0), at(340)), Step::NONE);
    assert_eq!(
        proposer.handle(nack(renewal, 0, 9, 0), at(340)),
        Step::NONE,
        "twice"
    );
    assert_eq!(
        why(proposer.handle(nack(renewal, 1, 20, 0), at(340))),
        Abandoned::Refused
    );
    assert!(proposer.grant(at(340)).is_some());
    assert_eq!(ballot_of(proposer.start(at(434), EVEN)).counter, 21);

    let _ = proposer.handle(nack(renewal, 9, 99, 99), at(440));
    assert_eq!(proposer.counter, 21, "strangers teach nothing");
}

#[test]
fn who_has_refused_may_still_promise_and_a_phase_begins_without_refusals() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, 0));
    let other = Ballot {
        owner: OTHER,
        ..ballot
    };
    let live = Some(Live {
        ballot: other,
        remaining: MS,
    });
    assert_eq!(
        proposer.handle(promise(ballot, 0, live, 0), at(0)),
        Step::NONE
    );
    assert_eq!(
        proposer.handle(promise(ballot, 0, None, 0), at(2)),
        Step::NONE
    );
    assert_eq!(proposer.handle(nack(ballot, 2, 0, 0), at(2)), Step::NONE);
    let step = proposer.handle(promise(ballot, 1, None, 0), at(2));
    assert!(step.send.is_some(), "two of three");
    assert_eq!(proposer.handle(nack(ballot, 0, 0, 0), at(3)), Step::NONE);
    let step = proposer.handle(nack(ballot, 1, 0, 0), at(3));
    assert_eq!(why(step), Abandoned::Taken { by: OTHER });
}
