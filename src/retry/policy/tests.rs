use super::*;
use crate::retry::Jitter;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn exact() -> RetryConfig {
    RetryConfig::default().jitter(Jitter::None)
}

fn course(attempts: u32) -> Course {
    Course::new(attempts, Deadline::NEVER, None)
}

fn fail(course: &mut Course, failure: Failure, repeat: Repeat, now: Instant) -> Next {
    course.fail(&exact(), failure, repeat, now, &Rng::thread())
}

fn once(failure: Failure, repeat: Repeat) -> Next {
    fail(&mut course(3), failure, repeat, time::now())
}

#[test]
fn a_call_has_as_many_attempts_as_it_began_with_i1() {
    for attempts in [1, 2, 3, 10] {
        let mut course = course(attempts);
        let mut sent = 1;
        while let Next::Again(_) =
            fail(&mut course, Failure::transient(), Repeat::Safe, time::now())
        {
            sent += 1;
            assert_eq!(course.attempt().number(), sent);
            assert_eq!(course.attempt().previous(), Some(Failure::transient()));
        }
        assert_eq!(sent, attempts);
        let again = fail(&mut course, Failure::transient(), Repeat::Safe, time::now());
        assert_eq!(again, Next::Stop(Stop::Attempts));
    }
}

#[test]
fn the_last_of_the_most_attempts_does_not_overflow_i1() {
    let mut course = course(u32::MAX);
    for _ in 0..3 {
        let next = fail(&mut course, Failure::transient(), Repeat::Safe, time::now());
        assert!(matches!(next, Next::Again(_)));
    }
}

#[test]
fn only_a_transient_failure_is_repeated_i2() {
    let not_run = Failure::permanent().executed(Executed::No);
    for failure in [Failure::permanent(), not_run] {
        assert_eq!(once(failure, Repeat::Safe), Next::Stop(Stop::NotTransient));
    }
    for failure in [Failure::transient(), Failure::overload()] {
        assert!(matches!(once(failure, Repeat::Safe), Next::Again(_)));
    }
}

#[test]
fn a_service_that_forbids_it_is_not_tried_again_i2() {
    let never = Failure::overload().pushback(Pushback::Never);
    assert_eq!(once(never, Repeat::Safe), Next::Stop(Stop::Pushback));
}

#[test]
fn what_is_not_safe_is_repeated_only_when_it_did_not_run_i3() {
    for executed in [Executed::Unknown, Executed::Yes] {
        let failure = Failure::transient().executed(executed);
        assert_eq!(once(failure, Repeat::Unsafe), Next::Stop(Stop::NotSafe));
    }
    let not_run = Failure::transient().executed(Executed::No);
    assert!(matches!(once(not_run, Repeat::Unsafe), Next::Again(_)));
}

#[test]
fn one_attempt_that_may_have_run_is_enough_and_one_that_did_not_takes_nothing_back_i6() {
    let not_run = Failure::transient().executed(Executed::No);
    let ran = Failure::transient().executed(Executed::Yes);
    for (failures, expected) in [
        ([not_run, not_run], false),
        ([not_run, Failure::transient()], true),
        ([ran, not_run], true),
    ] {
        let mut course = course(9);
        for failure in failures {
            let next = fail(&mut course, failure, Repeat::Safe, time::now());
            assert!(matches!(next, Next::Again(_)));
        }
        assert_eq!(course.may_have_run(), expected, "{failures:?}");
    }
}

#[test]
fn what_cannot_be_sent_again_is_not_even_when_it_did_not_run() {
    let not_run = Failure::transient().executed(Executed::No);
    let next = once(not_run, Repeat::Impossible);
    assert_eq!(next, Next::Stop(Stop::NotReplayable));
}

#[test]
fn a_wait_asked_for_is_kept_to_the_nanosecond_up_to_the_bound_i4() {
    let now = time::now();
    let config = RetryConfig::default(); // with jitter
    for wait in [Duration::ZERO, Duration::from_nanos(1), config.delay_max] {
        let failure = Failure::transient().pushback(Pushback::After(wait));
        let next = course(2).fail(&config, failure, Repeat::Safe, now, &Rng::thread());
        assert_eq!(next, Next::Again(now + wait));
    }
    for wait in [config.delay_max + Duration::from_nanos(1), Duration::MAX] {
        let failure = Failure::transient().pushback(Pushback::After(wait));
        assert_eq!(once(failure, Repeat::Safe), Next::Stop(Stop::Pushback));
    }
}

#[test]
fn a_wait_asked_for_leaves_the_back_off_as_it_was() {
    let now = time::now();
    let config = exact().jitter(Jitter::Decorrelated);
    let mut course = course(9);
    let long = Failure::transient().pushback(Pushback::After(19 * SECOND));
    let next = course.fail(&config, long, Repeat::Safe, now, &Rng::thread());
    assert_eq!(next, Next::Again(now + 19 * SECOND));
    let next = course.fail(
        &config,
        Failure::transient(),
        Repeat::Safe,
        now,
        &Rng::thread(),
    );
    let Next::Again(at) = next else {
        panic!("{next:?}")
    };
    assert!(
        at - now <= 150 * MS,
        "three times the base, not the pushback"
    );
}

#[test]
fn no_wait_is_begun_that_ends_at_the_deadline_or_past_it_i5() {
    let now = time::now();
    let wait = 50 * MS; // the base
    for (deadline, expected) in [
        (wait + Duration::from_nanos(1), Next::Again(now + wait)),
        (wait, Next::Stop(Stop::Deadline)),
        (Duration::ZERO, Next::Stop(Stop::Deadline)),
    ] {
        let mut course = Course::new(3, Deadline::at(now + deadline), None);
        let next = fail(&mut course, Failure::transient(), Repeat::Safe, now);
        assert_eq!(next, expected, "deadline in {deadline:?}");
    }
}

#[test]
fn no_wait_is_begun_that_ends_with_the_elapsed_time_or_past_it_i5() {
    let now = time::now();
    let after = Failure::transient().pushback(Pushback::After(SECOND));
    for (ends, expected) in [
        (SECOND + Duration::from_nanos(1), Next::Again(now + SECOND)),
        (SECOND, Next::Stop(Stop::Elapsed)),
        (Duration::ZERO, Next::Stop(Stop::Elapsed)),
    ] {
        let mut course = Course::new(3, Deadline::NEVER, Some(now + ends));
        assert_eq!(fail(&mut course, after, Repeat::Safe, now), expected);
    }
    let mut both = Course::new(3, Deadline::at(now), Some(now));
    let next = fail(&mut both, after, Repeat::Safe, now);
    assert_eq!(next, Next::Stop(Stop::Deadline), "the caller is gone");
}

#[test]
fn a_wait_without_an_end_is_never_begun_i5() {
    let now = time::now();
    let endless = exact().delay_max(Duration::MAX);
    let after = Failure::transient().pushback(Pushback::After(Duration::MAX));
    for (deadline, stop) in [
        (Deadline::NEVER, Stop::Elapsed),
        (Deadline::at(now + SECOND), Stop::Deadline),
    ] {
        let mut course = Course::new(3, deadline, None);
        let next = course.fail(&endless, after, Repeat::Safe, now, &Rng::thread());
        assert_eq!(next, Next::Stop(stop));
    }
}

#[test]
fn readiness_is_waited_for_until_the_soonest_bound_i5() {
    let now = time::now();
    let at = |wait| Some(now + wait);
    let by = |deadline, ends, ready_max| Course::new(3, deadline, ends).ready_by(ready_max, now);
    let soon = Deadline::at(now + MS);
    assert_eq!(by(Deadline::NEVER, None, SECOND), at(SECOND));
    assert_eq!(by(Deadline::NEVER, at(2 * MS), SECOND), at(2 * MS));
    assert_eq!(by(soon, at(2 * MS), SECOND), at(MS));
    assert_eq!(by(soon, None, Duration::ZERO), at(Duration::ZERO));
    assert_eq!(by(Deadline::NEVER, None, Duration::MAX), None);
}
