//! I7: an election in which those who answer are of two minds.

use super::*;

fn given_back(step: Step, ballot: Ballot) -> bool {
    step.send == Some(Message::Release(Release { ballot }))
}

/// The third acceptor is down, and the second has promised another by now.
#[test]
fn i7_who_is_outranked_and_has_no_majority_gives_way_when_it_would_ask_again() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    promised(&mut proposer, ballot, None, 0, at(1));
    assert_eq!(proposer.handle(accepted(ballot, 0), at(2)), Step::NONE);
    assert_eq!(proposer.handle(nack(ballot, 1, 9, 0), at(2)), Step::NONE);

    assert_eq!(
        proposer.tick(at(99), EVEN),
        Step::NONE,
        "one may yet answer"
    );
    let step = proposer.tick(at(100), EVEN);
    assert_eq!(why(step), Abandoned::Refused);
    assert!(given_back(step, ballot), "{step:?}");
}

#[test]
fn i7_also_one_that_has_asked_for_no_more_than_promises() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    assert_eq!(
        proposer.handle(promise(ballot, 0, None, 0), at(2)),
        Step::NONE
    );
    assert_eq!(proposer.handle(nack(ballot, 1, 9, 0), at(2)), Step::NONE);
    let step = proposer.tick(at(100), EVEN);
    assert_eq!((why(step), step.send), (Abandoned::Refused, None));
}

#[test]
fn i7_one_that_is_no_acceptor_outranks_nobody() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    promised(&mut proposer, ballot, None, 0, at(1));
    let _ = proposer.handle(nack(ballot, 77, 9, 0), at(2));
    let step = proposer.tick(at(100), EVEN);
    assert!(matches!(step.send, Some(Message::Accept(_))), "{step:?}");
}

#[test]
fn i7_a_majority_that_comes_until_then_elects_it_all_the_same() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    promised(&mut proposer, ballot, None, 0, at(1));
    let _ = proposer.handle(nack(ballot, 1, 9, 0), at(2));
    let _ = proposer.handle(accepted(ballot, 0), at(2));
    let step = proposer.handle(accepted(ballot, 2), at(99));
    assert!(matches!(step.event, Some(Event::Elected(_))), "{step:?}");
}

/// The other has given way, but its token is taken where it was: this attempt needs that one, and a new token.
#[test]
fn i7_who_asks_for_a_token_that_is_taken_gives_way_too_and_asks_for_the_next() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    promised(&mut proposer, ballot, None, 6, at(1));
    let _ = proposer.handle(accepted(ballot, 0), at(2));
    let _ = proposer.handle(nack(ballot, 1, 0, 7), at(2));
    let step = proposer.tick(at(100), EVEN);
    assert!(given_back(step, ballot), "{step:?}");
    let ballot = ballot_of(proposer.start(at(101), EVEN));
    assert_eq!(promised(&mut proposer, ballot, None, 6, at(102)), 8);
}

/// What it has promised is no more than this attempt: a lease is in the way, which may be given back.
#[test]
fn i7_who_may_yet_say_yes_is_asked_again() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    promised(&mut proposer, ballot, None, 0, at(1));
    let _ = proposer.handle(nack(ballot, 1, 0, 0), at(2));
    let step = proposer.tick(at(100), EVEN);
    assert!(matches!(step.send, Some(Message::Accept(_))), "{step:?}");
    let step = proposer.handle(accepted(ballot, 1), at(101));
    assert_eq!(step, Step::NONE);
    let step = proposer.handle(accepted(ballot, 0), at(101));
    assert!(matches!(step.event, Some(Event::Elected(_))), "{step:?}");
}

/// A leader that is outranked asks on: its lease is what keeps the other out.
#[test]
fn i7_a_renewal_does_not_give_way() {
    let mut proposer = proposer();
    elected(&mut proposer, at(1));
    let ballot = ballot_of(proposer.start(at(300), EVEN));
    let _ = proposer.handle(nack(ballot, 1, 9, 0), at(302));
    let step = proposer.tick(at(400), EVEN);
    assert_eq!(ballot_of(step), ballot);
}
