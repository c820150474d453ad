//! What is given back.

use super::*;

#[test]
fn i5_what_is_resigned_is_not_held_and_cannot_come_back() {
    let mut proposer = proposer();
    assert_eq!(proposer.resign(), Step::NONE);
    let held = elected(&mut proposer, at(0));
    let renewal = ballot_of(proposer.start(at(334), EVEN));
    promised(&mut proposer, renewal, None, 0, at(340));
    let _ = proposer.handle(accepted(renewal, 0), at(340));
    let step = proposer.resign();
    assert!(renewal > held, "some may have granted it already");
    let release = Message::Release(Release { ballot: renewal });
    assert_eq!(step.send, Some(release));
    assert_eq!(step.event, Some(Event::Resigned(token(1))));
    assert_eq!(proposer.handle(accepted(renewal, 1), at(340)), Step::NONE);
    assert_eq!((proposer.held_until(), proposer.wakes()), (None, None));
}

#[test]
fn i5_a_release_covers_a_renewal_that_was_given_up_and_that_some_have_granted() {
    let mut holder = proposer();
    let held = elected(&mut holder, at(0));
    let renewal = ballot_of(holder.start(at(334), EVEN));
    promised(&mut holder, renewal, None, 0, at(340));
    let _ = holder.handle(accepted(renewal, 0), at(340));
    let _ = holder.handle(nack(renewal, 1, 1, 0), at(340));
    let _ = holder.handle(nack(renewal, 2, 1, 0), at(340));
    let Some(Message::Release(Release { ballot })) = holder.resign().send else {
        panic!("nothing is released");
    };
    assert!(held < renewal && ballot >= renewal && ballot.owner() == holder.owner());
    let next = ballot_of(holder.start(at(350), EVEN));
    assert!(next > ballot, "what comes after it is not covered");
}

#[test]
fn i5_what_an_attempt_leaves_behind_is_given_back_unless_a_lease_is_held() {
    let mut one = proposer();
    let ballot = ballot_of(one.start(Moment::ORIGIN, 0));
    promised(&mut one, ballot, None, 0, at(0));
    let release = Message::Release(Release { ballot });
    let step = one.clone().resign();
    assert_eq!((step.send, step.event), (Some(release), None));
    let step = one.tick(at(1000), 0);
    assert_eq!((step.send, why(step)), (Some(release), Abandoned::TimedOut));

    let mut unasked = proposer();
    let _ = unasked.start(Moment::ORIGIN, 0);
    assert_eq!(unasked.tick(at(1000), 0).send, None, "nothing was granted");

    let mut holder = proposer();
    elected(&mut holder, at(0));
    let renewal = ballot_of(holder.start(at(334), EVEN));
    promised(&mut holder, renewal, None, 0, at(340));
    let _ = holder.handle(accepted(renewal, 0), at(340));
    let _ = holder.handle(nack(renewal, 1, 9, 0), at(340));
    let step = holder.handle(nack(renewal, 2, 9, 0), at(340));
    assert_eq!((step.send, why(step)), (None, Abandoned::Refused));
}
