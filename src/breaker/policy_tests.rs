//! The policy, one behaviour a test.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::Ratio;
use crate::time::{self, Instant};

use super::config::{BreakerConfig, OnPushback};
use super::epoch::Epoch;
use super::gate::Mode;
use super::policy::Policy;
use super::probation::{Probed, Ticket};
use super::ruling::{Bad, Change, Opened, Ticketed, Verdict};
use super::state::{Cause, State};
use super::window::Counts;

const SECOND: Duration = Duration::from_secs(1);
const FAILED: Bad = Bad::Failure { asked: None };

fn asks(wait: Duration) -> Bad {
    Bad::Failure { asked: Some(wait) }
}

/// A policy without jitter, at a time of its own.
struct Fixture {
    policy: Policy,
    now: Instant,
}

impl Fixture {
    fn new(config: BreakerConfig) -> Self {
        Self {
            policy: Policy::new(config.jitter(Ratio::ZERO)),
            now: time::now(),
        }
    }

    fn epoch(&self) -> Epoch {
        self.policy.phase().epoch
    }

    fn judge(&mut self, bad: Bad, seen: Counts) -> Option<Change> {
        let (epoch, now) = (self.epoch(), self.now);
        self.policy.judge(epoch, bad, seen, 0, now, 0)
    }

    fn trip(&mut self) -> Opened {
        opened(self.judge(FAILED, counts(20, 10, 0)))
    }

    fn probe(&mut self) -> Ticket {
        let (verdict, _) = self.policy.admit(self.now);
        let Verdict::Admitted(Ticketed::Probe(ticket)) = verdict else {
            panic!("{verdict:?}");
        };
        ticket
    }

    fn settle(&mut self, bad: Option<Bad>) -> Option<Change> {
        let ticket = self.probe();
        let (epoch, now) = (self.epoch(), self.now);
        self.policy.settle(epoch, ticket, bad, now, 0).1
    }

    /// Lets a probation fail, from open.
    fn fail_probation(&mut self) -> Opened {
        self.now = self.policy.reopens().expect("open for a while");
        self.settle(Some(FAILED));
        self.settle(Some(FAILED));
        opened(self.settle(Some(FAILED)))
    }
}

fn counts(calls: u64, failures: u64, slow: u64) -> Counts {
    Counts {
        calls,
        failures,
        slow,
    }
}

fn opened(change: Option<Change>) -> Opened {
    change.and_then(|change| change.opened).expect("it opened")
}

#[test]
fn it_opens_at_the_ratio_and_at_the_volume_and_not_below_either() {
    for (calls, failures, opens) in [
        (19, 19, false),
        (20, 9, false),
        (20, 10, true),
        (20, 20, true),
        (0, 0, false),
        (u64::MAX, u64::MAX / 2 + 1, true),
    ] {
        let mut fixture = Fixture::new(BreakerConfig::default());
        let change = fixture.judge(FAILED, counts(calls, failures, 0));
        assert_eq!(change.is_some(), opens, "{failures} of {calls}");
    }
}

#[test]
fn slow_calls_open_it_only_when_asked_to() {
    let all_slow = counts(20, 0, 20);
    let mut off = Fixture::new(BreakerConfig::default());
    assert_eq!(off.judge(Bad::Slow, all_slow), None);
    let mut on = Fixture::new(BreakerConfig::default().slow_ratio(Ratio::ONE));
    assert_eq!(on.judge(Bad::Slow, counts(20, 0, 19)), None);
    assert_eq!(
        opened(on.judge(Bad::Slow, all_slow)).cause,
        Cause::SlowRatio
    );
}

#[test]
fn failures_in_a_row_open_it_whatever_the_volume() {
    let config = BreakerConfig::default().consecutive_failures(NonZeroU32::new(3));
    let mut fixture = Fixture::new(config);
    let (epoch, now, seen) = (fixture.epoch(), fixture.now, counts(3, 3, 0));
    assert_eq!(fixture.policy.judge(epoch, FAILED, seen, 2, now, 0), None);
    let change = fixture.policy.judge(epoch, FAILED, seen, 3, now, 0);
    assert_eq!(opened(change).cause, Cause::ConsecutiveFailures);
}

#[test]
fn a_late_failure_from_an_earlier_state_is_ignored_b1() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    let early = fixture.epoch();
    let _ = fixture.policy.reset();
    let (now, all) = (fixture.now, counts(20, 20, 0));
    assert_eq!(
        fixture.policy.judge(early, asks(SECOND), all, 99, now, 0),
        None
    );
}

#[test]
fn an_open_circuit_admits_nothing_before_its_time_and_then_a_probe_b2() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    assert_eq!(fixture.trip().time, Some(5 * SECOND));
    let until = fixture.now + 5 * SECOND;
    fixture.now = until - Duration::from_nanos(1);
    assert_eq!(
        fixture.policy.admit(fixture.now).0,
        Verdict::Refused(Some(until))
    );
    assert_eq!(fixture.policy.would_admit(fixture.now), Err(Some(until)));
    fixture.now = until;
    assert_eq!(fixture.policy.would_admit(until), Ok(()));
    fixture.probe();
    assert_eq!(fixture.policy.phase().mode, Mode::HalfOpen);
}

#[test]
fn the_open_time_doubles_with_each_failed_probation_up_to_the_cap_b3() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    let first = fixture.trip().time;
    let later = [(); 7].map(|()| fixture.fail_probation().time);
    let seconds = later.map(|time| time.unwrap().as_secs());
    assert_eq!(first, Some(5 * SECOND));
    assert_eq!(seconds, [10, 20, 40, 80, 160, 300, 300]);
}

#[test]
fn closing_forgets_the_doubling_b3() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    fixture.trip();
    fixture.fail_probation();
    fixture.now = fixture.policy.reopens().unwrap();
    assert!(fixture.settle(None).is_none() && fixture.settle(None).is_none());
    assert_eq!(fixture.settle(None).unwrap().to, State::Closed);
    assert_eq!(fixture.trip().time, Some(5 * SECOND));
}

#[test]
fn a_hung_probation_has_been_lost_since_its_leases_ended_b4() {
    let config = BreakerConfig::default().probes(1).probe_successes(1);
    let mut fixture = Fixture::new(config);
    fixture.trip();
    fixture.now = fixture.policy.reopens().unwrap();
    let ticket = fixture.probe();
    let (epoch, began) = (fixture.epoch(), fixture.now);
    let noticed = began + 3600 * SECOND;
    assert!(fixture.policy.expire(noticed, 0).is_some());
    assert_eq!(fixture.policy.reopens(), Some(began + 40 * SECOND));
    let (probed, change) = fixture.policy.settle(epoch, ticket, None, noticed, 0);
    assert_eq!((probed, change), (Probed::Late, None));
    fixture.now = noticed;
    fixture.probe();
}

#[test]
fn pushback_opens_it_at_once_for_as_long_as_it_asks_at_most_the_cap() {
    let none = counts(1, 1, 0);
    for (wait, open) in [
        (SECOND, SECOND),
        (7 * SECOND, 7 * SECOND),
        (300 * SECOND, 300 * SECOND),
        (301 * SECOND, 300 * SECOND),
        (Duration::MAX, 300 * SECOND),
    ] {
        let mut fixture = Fixture::new(BreakerConfig::default());
        let opened = opened(fixture.judge(asks(wait), none));
        assert_eq!((opened.cause, opened.time), (Cause::Pushback, Some(open)));
    }
    let mut fixture = Fixture::new(BreakerConfig::default());
    assert_eq!(fixture.judge(asks(Duration::ZERO), none), None);
}

#[test]
fn pushback_does_not_shorten_the_open_time_after_a_failed_probation() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    fixture.trip();
    for (wait, open) in [(SECOND, 10), (SECOND, 20), (70 * SECOND, 70), (SECOND, 80)] {
        fixture.now = fixture.policy.reopens().unwrap();
        let opened = opened(fixture.settle(Some(asks(wait))));
        assert_eq!(
            (opened.cause, opened.time),
            (Cause::Pushback, Some(open * SECOND))
        );
    }
}

#[test]
fn pushback_that_extends_waits_for_a_trip_and_never_shortens_it() {
    for (wait, open) in [(SECOND, 5), (60 * SECOND, 60), (Duration::MAX, 300)] {
        let config = BreakerConfig::default().pushback(OnPushback::Extend);
        let mut fixture = Fixture::new(config);
        assert_eq!(fixture.judge(asks(wait), counts(1, 1, 0)), None);
        let opened = opened(fixture.judge(asks(wait), counts(20, 20, 0)));
        assert_eq!(opened.cause, Cause::FailureRatio);
        assert_eq!(opened.time, Some(open * SECOND));
    }
}

#[test]
fn pushback_that_is_ignored_is_a_failure_like_others() {
    let config = BreakerConfig::default().pushback(OnPushback::Ignore);
    let mut fixture = Fixture::new(config);
    assert_eq!(fixture.judge(asks(60 * SECOND), counts(1, 1, 0)), None);
    let opened = opened(fixture.judge(asks(60 * SECOND), counts(20, 20, 0)));
    assert_eq!(opened.time, Some(5 * SECOND));
}

#[test]
fn a_probe_that_is_pushed_back_opens_the_circuit_without_waiting_for_the_others() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    fixture.trip();
    fixture.now = fixture.policy.reopens().unwrap();
    let opened = opened(fixture.settle(Some(asks(42 * SECOND))));
    assert_eq!(opened.time, Some(42 * SECOND));
    assert_eq!(fixture.policy.failed_probations(), 1);
}

#[test]
fn a_reset_closes_it_from_every_state_and_forgets_the_doubling() {
    let steer: [fn(&mut Policy, Instant) -> Change; 4] = [
        |policy, _| policy.force_open(),
        |policy, _| policy.disable(),
        |policy, now| policy.open_for(Duration::MAX, now),
        |policy, _| policy.reset(),
    ];
    for steer in steer {
        let mut fixture = Fixture::new(BreakerConfig::default());
        fixture.trip();
        fixture.fail_probation();
        let _ = steer(&mut fixture.policy, fixture.now);
        let before = fixture.epoch();
        assert_eq!(fixture.policy.reset().to, State::Closed);
        assert!(fixture.epoch().is_after(before));
        assert_eq!(fixture.trip().time, Some(5 * SECOND));
    }
}

#[test]
fn open_for_the_longest_time_is_until_someone_says_otherwise() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    let change = fixture.policy.open_for(Duration::MAX, fixture.now);
    assert_eq!(change.opened.map(|opened| opened.time), Some(None));
    let ages = fixture.now + 1_000_000_000 * SECOND;
    assert_eq!(fixture.policy.admit(ages).0, Verdict::Refused(None));
    let _ = fixture.policy.open_for(Duration::ZERO, fixture.now);
    fixture.probe();
}

#[test]
fn what_has_begun_ends_by_the_settings_it_began_with() {
    let mut fixture = Fixture::new(BreakerConfig::default());
    fixture.trip();
    let until = fixture.policy.reopens();
    let one = BreakerConfig::default().probes(1).probe_successes(1);
    fixture.policy.reconfigure(one.clone().open_base(SECOND));
    assert_eq!(fixture.policy.reopens(), until);

    let mut fixture = Fixture::new(BreakerConfig::default());
    fixture.trip();
    fixture.now = fixture.policy.reopens().unwrap();
    fixture.probe();
    fixture.policy.reconfigure(one);
    assert!(fixture.settle(None).is_none() && fixture.settle(None).is_none());
    assert_eq!(fixture.settle(None).unwrap().to, State::Closed);
}
