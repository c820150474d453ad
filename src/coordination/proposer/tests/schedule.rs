//! What comes when.

use super::*;

#[test]
fn in_the_margin_nothing_is_started_and_after_it_a_new_term_is() {
    let mut proposer = proposer();
    elected(&mut proposer, at(0));
    let retry = 50 * MS;
    let step = proposer.start(at(950), 0);
    assert_eq!(
        step,
        Step::event(Event::Abandoned {
            why: Abandoned::Expiring,
            retry
        })
    );
    let ballot = ballot_of(proposer.start(at(1000), 0));
    assert_eq!(proposer.held_until(), None);
    assert_eq!(promised(&mut proposer, ballot, None, 1, at(1000)), 2);
}

#[test]
fn an_attempt_wakes_to_ask_again_and_at_its_end() {
    let mut proposer = proposer();
    assert_eq!(proposer.wakes(), None);
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, EVEN));
    assert_eq!(proposer.wakes(), Some(at(100)));
    assert_eq!(ballot_of(proposer.tick(at(950), EVEN)), ballot);
    assert_eq!(proposer.wakes(), Some(at(1000)));
    assert_eq!(why(proposer.tick(at(1000), 0)), Abandoned::TimedOut);
    assert_eq!(proposer.wakes(), None);

    elected(&mut proposer, at(0));
    assert_eq!(proposer.wakes(), None);
    let _ = proposer.start(at(850), EVEN);
    assert_eq!(
        proposer.wakes(),
        Some(at(900)),
        "the lease may be used until then"
    );
}

#[test]
fn an_attempt_asks_again_until_its_time_is_over_and_waits_longer_each_time() {
    let mut proposer = proposer();
    let mut longest = Duration::ZERO;
    for failure in 1..40_u32 {
        let begin = at(2000 * failure);
        let ballot = ballot_of(proposer.start(begin, u64::MAX));
        assert_eq!(ballot_of(proposer.tick(begin.after(110 * MS), 0)), ballot);
        let step = proposer.tick(begin.after(1000 * MS), u64::MAX);
        let Some(Event::Abandoned {
            why: Abandoned::TimedOut,
            retry,
        }) = step.event
        else {
            panic!("{step:?}");
        };
        assert!(retry >= longest && retry < 500 * MS, "{retry:?}");
        longest = retry;
    }
    assert!(longest > 499 * MS);
}

#[test]
fn a_hint_of_what_is_left_is_waited_for_but_no_longer_than_any_lease() {
    for (remaining, least) in [(300 * MS, 300), (Duration::MAX, 1000)] {
        let mut proposer = proposer();
        let ballot = ballot_of(proposer.start(Moment::ORIGIN, 0));
        let other = Ballot {
            owner: OTHER,
            ..ballot
        };
        let live = Some(Live {
            ballot: other,
            remaining,
        });
        let _ = proposer.handle(promise(ballot, 0, live, 0), at(0));
        let step = proposer.handle(promise(ballot, 1, live, 0), at(0));
        let Some(Event::Abandoned {
            why: Abandoned::Taken { by: OTHER },
            retry,
        }) = step.event
        else {
            panic!("{step:?}");
        };
        assert!(
            retry >= least * MS && retry <= (least + 2) * MS,
            "{retry:?}"
        );
    }
}

#[test]
fn after_a_success_the_waits_are_short_again() {
    let fail = |proposer: &mut Proposer, begin: Moment| {
        let _ = proposer.start(begin, u64::MAX);
        match proposer.tick(begin.after(1000 * MS), u64::MAX).event {
            Some(Event::Abandoned { retry, .. }) => retry,
            other => panic!("{other:?}"),
        }
    };
    let mut proposer = proposer();
    let first = fail(&mut proposer, at(0));
    for _ in 0..5 {
        assert!(fail(&mut proposer, at(0)) > first);
    }
    elected(&mut proposer, at(0));
    let _ = proposer.resign();
    assert_eq!(fail(&mut proposer, at(0)), first);
}

#[test]
fn who_is_told_that_the_lease_is_free_asks_at_once_above_all_that_it_has_heard() {
    let mut proposer = proposer();
    let ballot = ballot_of(proposer.start(Moment::ORIGIN, u64::MAX));
    let live = Some(Live {
        ballot: Ballot {
            owner: OTHER,
            ..ballot
        },
        remaining: Duration::ZERO,
    });
    for from in [0, 1] {
        let _ = proposer.handle(promise(ballot, from, live, 4), at(0));
    }
    let _ = proposer.handle(nack(ballot, 2, 7, 3), at(5));
    let step = proposer.seize(at(10), 0);
    let Some(Message::Accept(accept)) = step.send else {
        panic!("{step:?}");
    };
    assert_eq!((accept.ballot.counter, accept.token), (8, token(5)));
    let _ = proposer.handle(accepted(accept.ballot, 0), at(20));
    let step = proposer.handle(accepted(accept.ballot, 2), at(20));
    assert!(matches!(step.event, Some(Event::Elected(grant)) if grant.ends == at(1010)));
    // What is held is renewed, under its token.
    let renewal = ballot_of(proposer.seize(at(30), 0));
    assert_eq!(promised(&mut proposer, renewal, None, 0, at(30)), 5);
}

#[test]
fn a_lease_in_the_way_is_no_contest_however_often() {
    let mut proposer = proposer();
    for _ in 0..9 {
        let ballot = ballot_of(proposer.start(Moment::ORIGIN, u64::MAX));
        let live = Some(Live {
            ballot: Ballot {
                owner: OTHER,
                ..ballot
            },
            remaining: Duration::ZERO,
        });
        let _ = proposer.handle(promise(ballot, 0, live, 0), at(0));
        let step = proposer.handle(promise(ballot, 1, live, 0), at(0));
        match step.event {
            Some(Event::Abandoned { retry, .. }) => assert!(retry <= 100 * MS, "{retry:?}"),
            other => panic!("{other:?}"),
        }
    }
}
