//! Each transition from each state.

use std::time::Duration;

use bytes::Bytes;

use super::policy::{Entry, Holding};
use super::{Claim, Claimed, Fenced, Fingerprint, OnLapse, Owner, StoreKey, Stored, Tombstone};
use crate::time::{self, Instant};

const SECOND: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(10);
const RETENTION: Duration = Duration::from_secs(100);

fn by(owner: u128) -> Claim {
    Claim {
        key: StoreKey::from_bytes([7; 32]),
        fingerprint: Fingerprint::from_bytes([1; 32]),
        owner: Owner::from_number(owner),
        lease: LEASE,
        retention: RETENTION,
        on_lapse: OnLapse::Indeterminate,
    }
}

fn taking_over(owner: u128) -> Claim {
    Claim {
        on_lapse: OnLapse::TakeOver,
        ..by(owner)
    }
}

fn record(text: &'static str) -> Stored {
    Stored::Record(Bytes::from_static(text.as_bytes()))
}

const fn acquired(attempt: u64) -> Claimed {
    Claimed::Acquired { attempt }
}

/// Every state that is known, with the instant at which it is so; owner 1 was the first in each.
fn states() -> Vec<(&'static str, Entry, Instant)> {
    let now = time::now();
    let pending = || {
        let mut entry = Entry::default();
        assert_eq!(entry.claim(&by(1), now), acquired(1));
        entry
    };
    let mut unknown = pending();
    assert_eq!(unknown.claim(&taking_over(2), now + LEASE), acquired(2));
    assert_eq!(unknown.release(&by(2), now + LEASE), Fenced::Applied);
    let mut done = pending();
    assert_eq!(done.finish(&by(1), record("one"), now), Fenced::Applied);
    let mut demoted = pending();
    assert_eq!(demoted.finish(&by(1), record("one"), now), Fenced::Applied);
    assert_eq!(demoted.demote(), 3);
    vec![
        ("pending", pending(), now),
        ("lapsed", pending(), now + LEASE),
        ("unknown", unknown, now + LEASE),
        ("done", done, now),
        ("demoted", demoted, now),
    ]
}

#[test]
fn what_is_replayed_at_a_glance_is_what_a_claim_is_told_and_only_of_what_is_done() {
    let other = Claim {
        fingerprint: Fingerprint::from_bytes([2; 32]),
        ..by(9)
    };
    for (name, mut entry, now) in states() {
        let expires = entry.expires().unwrap();
        let is_done = matches!(entry.holding(), Holding::Record(_) | Holding::Tombstone);
        for claim in [by(9), by(1), taking_over(9), other] {
            assert_eq!(entry.replay(&claim, expires), None, "{name}, expired"); // I7
            let replay = entry.replay(&claim, now);
            assert_eq!(replay.is_some(), is_done, "{name}");
            if let Some(replay) = replay {
                assert_eq!(entry.claim(&claim, now), replay, "{name}"); // I1
            }
        }
    }
    assert_eq!(Entry::default().replay(&by(1), time::now()), None);
}

#[test]
fn another_fingerprint_is_told_before_anything_else_i1() {
    for (state, mut entry, now) in states() {
        for claim in [by(1), by(3), taking_over(3)] {
            let fingerprint = Fingerprint::from_bytes([2; 32]);
            let other = Claim {
                fingerprint,
                ..claim
            };
            assert_eq!(entry.claim(&other, now), Claimed::Mismatch, "{state}");
        }
    }
}

#[test]
fn who_does_not_own_a_key_changes_nothing_i2() {
    for (state, mut entry, now) in states() {
        let before = format!("{entry:?}");
        let held = match state {
            "unknown" => Fenced::Gone,
            _ => Fenced::Superseded,
        };
        assert_eq!(entry.renew(&by(3), now), held, "{state}");
        assert_eq!(entry.release(&by(3), now), held, "{state}");
        if state != "unknown" {
            let finished = entry.finish(&by(3), record("three"), now);
            assert_eq!(finished, Fenced::Superseded, "{state}");
        }
        assert_eq!(format!("{entry:?}"), before, "{state}");
    }
}

#[test]
fn an_owner_that_asks_again_is_told_the_same_i3() {
    let now = time::now();
    let mut entry = Entry::default();
    assert_eq!(entry.claim(&by(1), now), acquired(1));
    assert_eq!(entry.claim(&by(1), now + SECOND), acquired(1));
    // After its lease too; and each time the lease begins anew.
    assert_eq!(entry.claim(&by(1), now + 2 * LEASE), acquired(1));
    assert_eq!(entry.lease_left(now + 2 * LEASE), Some(LEASE));
    assert_eq!(entry.finish(&by(1), record("one"), now), Fenced::Applied);
    assert_eq!(entry.finish(&by(1), record("two"), now), Fenced::Applied);
    assert_eq!(entry.claim(&by(1), now), Claimed::Done(record("one")));
}

#[test]
fn a_lease_runs_to_its_instant_and_its_end_takes_nothing_i4() {
    let now = time::now();
    let pending = || {
        let mut entry = Entry::default();
        let _ = entry.claim(&by(1), now);
        entry
    };
    let lease_left = Duration::from_nanos(1);
    let just_before = now + LEASE - lease_left;
    for claim in [by(2), taking_over(2)] {
        let in_flight = Claimed::InFlight { lease_left };
        assert_eq!(pending().claim(&claim, just_before), in_flight);
    }
    let mut entry = pending();
    let unknown = Claimed::OutcomeUnknown { attempt: 1 };
    assert_eq!(entry.claim(&by(2), now + LEASE), unknown);
    assert_eq!(entry.lease_left(now + LEASE), None);
    // Somebody was told, and the owner comes all the same.
    assert_eq!(entry.renew(&by(1), now + LEASE), Fenced::Applied);
    assert_eq!(entry.lease_left(now + LEASE), Some(LEASE));
    assert_eq!(entry.claim(&by(2), now + 2 * LEASE), unknown);
    let finished = entry.finish(&by(1), record("late"), now + 2 * LEASE);
    assert_eq!(finished, Fenced::Applied);
    let done = Claimed::Done(record("late"));
    assert_eq!(entry.claim(&by(2), now + 2 * LEASE), done);

    let mut entry = pending();
    assert_eq!(entry.release(&by(1), now + LEASE), Fenced::Applied);
    assert_eq!(entry.claim(&by(2), now + LEASE), acquired(1));

    // Two who disagree about lapsed claims: each is answered as it asked.
    let mut entry = pending();
    assert_eq!(entry.claim(&by(2), now + LEASE), unknown);
    assert_eq!(entry.claim(&taking_over(3), now + LEASE), acquired(2));
}

#[test]
fn what_is_done_stays_done_until_its_retention_ends_i5() {
    let now = time::now();
    let mut entry = Entry::default();
    let _ = entry.claim(&by(1), now);
    // The retention of a finish begins with it.
    let finished = now + LEASE;
    assert_eq!(
        entry.finish(&by(1), record("one"), finished),
        Fenced::Applied
    );
    let last = finished + RETENTION - Duration::from_nanos(1);
    assert_eq!(entry.release(&by(1), last), Fenced::Superseded);
    assert_eq!(entry.renew(&by(1), last), Fenced::Applied);
    assert_eq!(entry.claim(&by(1), last), Claimed::Done(record("one")));
    let done = Claimed::Done(record("one"));
    assert_eq!(entry.claim(&taking_over(2), last), done);
    assert_eq!(entry.demote(), 3);
    assert_eq!(entry.demote(), 0);
    let demoted = Claimed::Done(Stored::Tombstone(Tombstone::Demoted));
    assert_eq!(entry.claim(&by(2), last), demoted);
    assert_eq!(entry.finish(&by(1), record("one"), last), Fenced::Applied);
    assert_eq!(entry.claim(&by(2), last), demoted);
    assert_eq!(entry.claim(&by(2), finished + RETENTION), acquired(1));
}

#[test]
fn other_reasons_of_tombstones_are_not_demoted() {
    let now = time::now();
    let mut entry = Entry::default();
    let large = Stored::Tombstone(Tombstone::TooLarge);
    let _ = entry.finish(&by(1), large.clone(), now);
    assert_eq!(entry.demote(), 0);
    assert_eq!(entry.claim(&by(2), now), Claimed::Done(large));
    assert_eq!(Entry::default().demote(), 0);
}

#[test]
fn attempts_rise_with_every_owner_and_the_earlier_are_superseded_i6() {
    let mut now = time::now();
    let mut entry = Entry::default();
    for owner in 1..50 {
        let attempt = u64::try_from(owner).unwrap();
        assert_eq!(entry.claim(&taking_over(owner), now), acquired(attempt));
        for earlier in 1..owner {
            assert_eq!(entry.renew(&by(earlier), now), Fenced::Superseded);
            assert_eq!(entry.release(&by(earlier), now), Fenced::Superseded);
            let late = entry.finish(&by(earlier), record("late"), now);
            assert_eq!(late, Fenced::Superseded);
        }
        now += LEASE;
    }
}

#[test]
fn refused_claims_do_not_keep_a_key_alive_i7() {
    for (state, mut entry, now) in states() {
        let expires = entry.expires();
        for other in [by(3), by(4)] {
            let _ = entry.claim(&other, now + SECOND);
            assert_eq!(entry.expires(), expires, "{state}");
        }
        assert!(!entry.expire(now), "{state}");
        let end = expires.unwrap();
        assert_eq!(entry.claim(&by(3), end), acquired(1), "{state}");
    }
}

#[test]
fn what_was_finished_is_kept_though_the_key_was_forgotten_i8() {
    let now = time::now();
    let mut entry = Entry::default();
    assert_eq!(entry.finish(&by(1), record("one"), now), Fenced::Applied);
    assert_eq!(entry.claim(&by(2), now), Claimed::Done(record("one")));
    assert_eq!(entry.holding(), Holding::Record(3));
    let mut absent = Entry::default();
    assert_eq!(absent.renew(&by(1), now), Fenced::Gone);
    assert_eq!(absent.release(&by(1), now), Fenced::Gone);
    assert_eq!(absent.holding(), Holding::Nothing);
}

#[test]
fn a_key_is_known_while_its_lease_runs_i9() {
    let now = time::now();
    let short = Claim {
        retention: SECOND,
        ..by(1)
    };
    let mut entry = Entry::default();
    let _ = entry.claim(&short, now);
    assert_eq!(entry.renew(&short, now + SECOND), Fenced::Applied);
    assert!(!entry.expire(now + LEASE));
    assert!(entry.expire(now + SECOND + LEASE));
    // An execution that renews outlives its retention.
    let mut entry = Entry::default();
    let _ = entry.claim(&by(1), now);
    for renewals in 1..30 {
        let later = now + renewals * (LEASE / 2);
        assert_eq!(entry.renew(&by(1), later), Fenced::Applied);
    }
    let in_flight = Claimed::InFlight { lease_left: LEASE };
    assert_eq!(entry.claim(&by(2), now + 29 * (LEASE / 2)), in_flight);
}

#[test]
fn a_release_after_a_takeover_leaves_what_the_earlier_may_have_done_i10() {
    let unknown = || {
        let (_, entry, now) = states().swap_remove(2);
        (entry, now)
    };
    let (mut entry, now) = unknown();
    assert_eq!(entry.holding(), Holding::Claim);
    assert_eq!(entry.lease_left(now), None);
    let answer = entry.claim(&by(2), now);
    assert_eq!(answer, Claimed::OutcomeUnknown { attempt: 2 });
    // To those who act on a claim it is as absent.
    assert_eq!(entry.release(&by(2), now), Fenced::Gone);
    assert_eq!(entry.renew(&by(1), now), Fenced::Gone);
    // The attempts go on.
    assert_eq!(entry.claim(&taking_over(3), now), acquired(3));

    // The first comes to its end after all; nobody has the key.
    let (mut entry, now) = unknown();
    assert_eq!(entry.finish(&by(1), record("first"), now), Fenced::Applied);
    assert_eq!(entry.claim(&by(3), now), Claimed::Done(record("first")));
    // One of another request does not.
    let (mut entry, now) = unknown();
    let other = Claim {
        fingerprint: Fingerprint::from_bytes([2; 32]),
        ..by(4)
    };
    let finished = entry.finish(&other, record("other"), now);
    assert_eq!(finished, Fenced::Superseded);
}

#[test]
fn durations_of_nothing_and_without_end_are_what_they_say() {
    let now = time::now();
    let endless = Claim {
        lease: Duration::MAX,
        retention: Duration::MAX,
        ..by(1)
    };
    let mut entry = Entry::default();
    let _ = entry.claim(&endless, now);
    let lease_left = Duration::MAX;
    let far = now + Duration::from_secs(1 << 32);
    let answer = entry.claim(&taking_over(2), far);
    assert_eq!(answer, Claimed::InFlight { lease_left });
    assert_eq!(entry.expires(), None);
    let nothing = Claim {
        lease: Duration::ZERO,
        retention: Duration::ZERO,
        ..by(1)
    };
    let mut entry = Entry::default();
    assert_eq!(entry.claim(&nothing, now), acquired(1));
    assert_eq!(entry.claim(&by(2), now), acquired(1));
    assert_eq!(
        entry.finish(&nothing, record("one"), now),
        Fenced::Superseded
    );
    assert_eq!(
        Entry::default().finish(&nothing, record("one"), now),
        Fenced::Applied
    );
}
