//! What an acceptor decides; the numbers are those of its invariants.

use std::time::Duration;

use super::*;
use crate::coordination::{
    Accept, AcceptorId, Ballot, FencingToken, Incarnation, Message, Moment, NodeId, Owner, Prepare,
    Release, Reply, Timing, TimingConfig, TokenRecord,
};

const MS: Duration = Duration::from_millis(1);
const ID: AcceptorId = AcceptorId(0);

fn at(ms: u32) -> Moment {
    Moment::from_origin(MS * ms)
}

fn token(number: u64) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

/// 1 s for holders; 1001 ms and 1 ns here.
fn timing() -> Timing {
    Timing::new(TimingConfig::default().ttl(1000 * MS).drift(0.0)).unwrap()
}

fn ballot(counter: u64, node: u32, life: u128) -> Ballot {
    let owner = Owner {
        node: NodeId(node),
        incarnation: Incarnation(life),
    };
    Ballot { counter, owner }
}

fn prepare(ballot: Ballot) -> Message {
    Message::Prepare(Prepare { ballot })
}

fn accept(ballot: Ballot, number: u64) -> Message {
    let (token, ttl) = (token(number), 1000 * MS);
    Message::Accept(Accept { ballot, token, ttl })
}

fn release(ballot: Ballot) -> Message {
    Message::Release(Release { ballot })
}

/// The reply, and whether the disk was written for it.
fn ask(acceptor: &mut Acceptor, message: Message, now: Moment) -> Option<(Reply, bool)> {
    match acceptor.handle(message, now) {
        Answer::Silence => None,
        Answer::Reply(reply) => Some((reply, false)),
        Answer::Write(write) => Some((write.written(), true)),
    }
}

fn grants(acceptor: &mut Acceptor, ballot: Ballot, number: u64, now: Moment) -> bool {
    let reply = ask(acceptor, accept(ballot, number), now);
    matches!(reply, Some((Reply::Accepted(_), _)))
}

fn fresh() -> Acceptor {
    Acceptor::embedded(ID, &timing(), None)
}

#[test]
fn i1_a_lease_that_lives_is_not_replaced_by_a_higher_ballot() {
    let mut acceptor = fresh();
    assert!(grants(&mut acceptor, ballot(1, 1, 1), 1, at(0)));
    for other in [ballot(9, 2, 2), ballot(9, 1, 3)] {
        let reply = ask(&mut acceptor, accept(other, 99), at(1001));
        let Some((Reply::Nack(nack), false)) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(nack.live.unwrap().ballot, ballot(1, 1, 1));
        assert_eq!(nack.high, Some(token(1)));
    }
    assert!(
        grants(&mut acceptor, ballot(9, 2, 2), 2, at(1002)),
        "it has ended"
    );
}

#[test]
fn i1_its_owner_replaces_it_and_it_lasts_from_then() {
    let mut acceptor = fresh();
    assert!(grants(&mut acceptor, ballot(1, 1, 1), 1, at(0)));
    let reply = ask(&mut acceptor, accept(ballot(2, 1, 1), 1), at(900));
    assert!(
        matches!(reply, Some((Reply::Accepted(_), false))),
        "a renewal writes nothing"
    );
    assert!(!grants(&mut acceptor, ballot(3, 2, 2), 2, at(1900)));
    assert!(grants(&mut acceptor, ballot(3, 2, 2), 2, at(1902)));
}

#[test]
fn a_promise_refuses_lower_ballots_and_no_others() {
    let mut acceptor = fresh();
    let promised = ballot(5, 1, 1);
    let is_promise = |reply| matches!(reply, Some((Reply::Promise(_), false)));
    assert!(is_promise(ask(&mut acceptor, prepare(promised), at(0))));
    assert!(
        is_promise(ask(&mut acceptor, prepare(promised), at(0))),
        "twice"
    );
    for lower in [ballot(4, 9, 9), ballot(5, 0, 9), ballot(5, 1, 0)] {
        for message in [prepare(lower), accept(lower, 1)] {
            let reply = ask(&mut acceptor, message, at(0));
            let Some((Reply::Nack(nack), false)) = reply else {
                panic!("{reply:?}");
            };
            assert_eq!((nack.ballot, nack.promised), (lower, Some(promised)));
        }
    }
    assert!(
        grants(&mut acceptor, ballot(6, 2, 2), 1, at(0)),
        "an accept promises too"
    );
    assert!(!grants(&mut acceptor, promised, 9, at(2000)));
}

#[test]
fn a_promise_says_what_lives_and_the_highest_token() {
    let mut acceptor = fresh();
    assert!(grants(&mut acceptor, ballot(1, 1, 1), 7, at(0)));
    for (now, live) in [(1, true), (1001, true), (1002, false)] {
        let reply = ask(&mut acceptor, prepare(ballot(2, 2, 2)), at(now));
        let Some((Reply::Promise(promise), false)) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(
            (promise.live.is_some(), promise.high),
            (live, Some(token(7)))
        );
        assert_eq!(promise.from, ID);
    }
}

#[test]
fn a_ttl_above_its_own_is_refused() {
    let mut acceptor = fresh();
    for (ttl, is_granted) in [
        (1000 * MS + Duration::from_nanos(1), false),
        (Duration::MAX, false),
        (1000 * MS, true),
        (Duration::ZERO, true),
    ] {
        let ballot = ballot(1, 1, 1);
        let message = Message::Accept(Accept {
            ballot,
            token: token(1),
            ttl,
        });
        let reply = ask(&mut acceptor, message, at(0));
        let granted = matches!(reply, Some((Reply::Accepted(_), _)));
        assert_eq!(granted, is_granted, "{ttl:?}");
    }
}

#[test]
fn i2_the_token_never_falls_and_a_tie_is_its_owners() {
    let durable = |owner| {
        Some(TokenRecord {
            token: token(5),
            owner,
        })
    };
    let mine = ballot(1, 1, 1);
    for (number, owner, is_granted) in [
        (4, Some(mine.owner()), false),
        (5, Some(mine.owner()), true),
        (5, Some(ballot(1, 1, 2).owner()), false),
        (5, Some(ballot(1, 2, 1).owner()), false),
        (5, None, false),
        (6, None, true),
        (6, Some(ballot(1, 2, 2).owner()), true),
        (u64::MAX, None, true),
    ] {
        let mut acceptor = Acceptor::embedded(ID, &timing(), durable(owner));
        assert_eq!(
            grants(&mut acceptor, mine, number, at(0)),
            is_granted,
            "{number} {owner:?}"
        );
        assert!(acceptor.durable().unwrap().token >= token(5));
    }
}

#[test]
fn i3_nothing_is_granted_before_it_is_written_and_a_failed_write_ends_it() {
    let mut acceptor = fresh();
    let Answer::Write(write) = acceptor.handle(accept(ballot(1, 1, 1), 1), at(0)) else {
        panic!("a first token is written");
    };
    let owner = Some(ballot(1, 1, 1).owner());
    assert_eq!(
        write.record(),
        TokenRecord {
            token: token(1),
            owner
        }
    );
    drop(write);
    assert!(acceptor.has_failed());
    for message in [
        prepare(ballot(2, 1, 1)),
        accept(ballot(2, 1, 1), 9),
        release(ballot(1, 1, 1)),
    ] {
        assert!(ask(&mut acceptor, message, at(9999)).is_none());
    }
    assert_eq!(acceptor.durable(), None);
}

#[test]
fn i5_in_quarantine_nobody_is_answered_and_nothing_remembered() {
    let durable = Some(TokenRecord {
        token: token(3),
        owner: None,
    });
    let mut acceptor = Acceptor::new(ID, &timing(), durable, at(50));
    for now in [0, 50, 1051] {
        assert!(ask(&mut acceptor, prepare(ballot(99, 9, 9)), at(now)).is_none());
        assert!(ask(&mut acceptor, accept(ballot(99, 9, 9), 99), at(now)).is_none());
        assert!(ask(&mut acceptor, release(ballot(99, 9, 9)), at(now)).is_none());
    }
    let reply = ask(&mut acceptor, prepare(ballot(1, 1, 1)), at(1052));
    let Some((Reply::Promise(promise), false)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!((promise.live, promise.high), (None, Some(token(3))));
}

#[test]
fn what_was_given_back_is_not_granted_when_it_is_asked_for_late() {
    let mut acceptor = fresh();
    let (gone, next) = (ballot(5, 1, 1), ballot(6, 1, 1));
    assert!(ask(&mut acceptor, release(gone), at(0)).is_none());
    assert!(!grants(&mut acceptor, gone, 1, at(0)));
    assert!(
        grants(&mut acceptor, ballot(5, 2, 1), 1, at(0)),
        "another's"
    );
    assert!(ask(&mut acceptor, release(ballot(5, 2, 1)), at(0)).is_none());
    assert!(
        grants(&mut acceptor, next, 2, at(0)),
        "a later one of its own"
    );
}

#[test]
fn only_a_release_by_its_owner_of_that_attempt_or_a_later_one_ends_a_lease() {
    let mut acceptor = fresh();
    let held = ballot(5, 1, 1);
    assert!(grants(&mut acceptor, held, 1, at(0)));
    for other in [
        ballot(4, 1, 1),
        ballot(5, 1, 2),
        ballot(6, 1, 2),
        ballot(5, 2, 1),
        ballot(6, 2, 1),
    ] {
        assert!(ask(&mut acceptor, release(other), at(0)).is_none());
        assert!(
            !grants(&mut acceptor, ballot(9, 2, 2), 2, at(0)),
            "{other:?}"
        );
    }
    assert!(ask(&mut acceptor, release(held), at(0)).is_none());
    assert!(ask(&mut acceptor, release(held), at(0)).is_none(), "twice");
    assert!(
        !grants(&mut acceptor, ballot(4, 2, 2), 2, at(0)),
        "what was promised stays"
    );
    assert!(
        !grants(&mut acceptor, ballot(9, 2, 2), 1, at(0)),
        "and so does the token"
    );
    assert!(grants(&mut acceptor, ballot(9, 2, 2), 2, at(0)));
    assert!(ask(&mut acceptor, release(ballot(10, 2, 2)), at(0)).is_none());
    assert!(grants(&mut acceptor, ballot(11, 1, 1), 3, at(0)));
}

#[test]
fn at_the_end_of_time_a_lease_is_over_and_nothing_overflows() {
    let end = Moment::from_origin(Duration::MAX);
    let mut acceptor = fresh();
    assert!(grants(
        &mut acceptor,
        ballot(u64::MAX, u32::MAX, u128::MAX),
        u64::MAX,
        end
    ));
    let _ = ask(&mut acceptor, prepare(ballot(0, 0, 0)), end);
}

#[test]
fn a_lease_ends_at_its_end_and_not_before() {
    let end = at(0).after(timing().held());
    let mut acceptor = fresh();
    assert!(grants(&mut acceptor, ballot(1, 1, 1), 1, at(0)));
    let before = end.before(Duration::from_nanos(1));
    assert!(!grants(&mut acceptor, ballot(2, 2, 2), 2, before));
    assert!(grants(&mut acceptor, ballot(2, 2, 2), 2, end));
}

#[test]
fn i6_what_takes_a_write_has_not_happened_when_it_is_handled_without_one() {
    let mut acceptor = Acceptor::embedded(ID, &timing(), None);
    let (one, other) = (ballot(1, 1, 1), ballot(2, 2, 2));
    let free = |promised| Standing::Free { promised };
    assert_eq!(acceptor.standing(at(0)), free(None));
    assert!(acceptor.handle_unwritten(accept(one, 1), at(0)).is_none());
    assert!(!acceptor.has_failed());
    assert_eq!(acceptor.standing(at(0)), free(None));
    assert!(grants(&mut acceptor, one, 1, at(0)));
    // The same token again, and what is refused, takes none.
    for message in [accept(one, 1), accept(other, 9), prepare(other)] {
        let answer = acceptor.handle_unwritten(message, at(0));
        assert!(matches!(answer, Some(Answer::Reply(_))), "{answer:?}");
    }
    let held = timing().held();
    let remaining = held.saturating_sub(400 * MS);
    assert_eq!(acceptor.standing(at(400)), Standing::Held { remaining });
    let end = at(0).after(held);
    assert_eq!(acceptor.standing(end), free(Some(other)));
    let silent = acceptor.handle_unwritten(release(one), at(400));
    assert!(matches!(silent, Some(Answer::Silence)));
    assert_eq!(acceptor.standing(at(400)), free(Some(other)));
}

#[test]
fn i5_in_quarantine_and_after_a_failure_nothing_is_known_of_the_lease() {
    let mut acceptor = Acceptor::new(ID, &timing(), None, at(0));
    let end = at(0).after(timing().quarantine());
    let before = end.before(Duration::from_nanos(1));
    assert_eq!(acceptor.standing(before), Standing::Unknown);
    let free = Standing::Free { promised: None };
    assert_eq!(acceptor.standing(end), free);
    drop(acceptor.handle(accept(ballot(1, 1, 1), 1), end));
    assert!(acceptor.has_failed());
    assert_eq!(acceptor.standing(end), Standing::Unknown);
}
