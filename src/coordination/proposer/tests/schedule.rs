//! What comes when.

use super::*;

#[test]
fn what_is_due_comes_at_its_time_and_once() {
    let mut proposer = proposer();
    elected(&mut proposer, at(0));
    let mut seen = Vec::new();
    while let Some(wakes) = proposer.wakes() {
        assert_eq!(
            proposer.tick(wakes.before(Duration::from_nanos(1)), EVEN),
            Step::NONE
        );
        let step = proposer.tick(wakes, EVEN);
        assert_ne!(step, Step::NONE, "{wakes:?}");
        let since = wakes.since(Moment::ORIGIN).as_millis();
        let event = match step.event {
            None => "",
            Some(Event::AtRisk(_)) => "at risk",
            Some(Event::Expiring(_)) => "expiring",
            Some(Event::Lost(_)) => "lost",
            Some(other) => panic!("{other:?}"),
        };
        seen.push((since, step.send.is_some(), event));
    }
    let expected = [
        (333, true, ""),
        (433, true, ""),
        (500, false, "at risk"),
        (533, true, ""),
        (633, true, ""),
        (733, true, ""),
        (833, true, ""),
        (900, false, "expiring"),
        (1000, false, "lost"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_clock_that_leaps_brings_the_last_news_only() {
    let mut proposer = proposer();
    elected(&mut proposer, at(0));
    assert_eq!(
        proposer.tick(at(5000), 0),
        Step::event(Event::Lost(token(1)))
    );
    assert_eq!(proposer.tick(at(5000), 0), Step::NONE);
}

#[test]
fn in_the_margin_nothing_is_started() {
    let mut proposer = proposer();
    elected(&mut proposer, at(0));
    assert_eq!(
        proposer.start(at(950), 0),
        Step::event(Event::Expiring(token(1)))
    );
    let retry = 50 * MS;
    let step = proposer.start(at(950), 0);
    assert_eq!(
        step,
        Step::event(Event::Abandoned {
            why: Abandoned::Expiring,
            retry
        })
    );
    assert_eq!(
        proposer.start(at(1000), 0),
        Step::event(Event::Lost(token(1)))
    );
    assert!(proposer.start(at(1000), 0).send.is_some());
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
            why: Abandoned::Taken,
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
