//! Random schedules over the real core, in the simulator: a network that drops, doubles, delays, reorders
//! and is cut, crashes that forget, writes that are torn, lost disks, pauses, and clocks that run apart.
//!
//! A failure prints its seed; `MAINSTAY_SEED=<seed>` runs it alone. `MAINSTAY_SEEDS=<count>` runs more of
//! them, on all processors:
//!
//! ```text
//! MAINSTAY_SEEDS=1000000 cargo test --release --lib one_holder_at_a_time -- --nocapture
//! ```

mod candidate;
mod election;
mod figures;
mod granter;
mod member;
mod resource;
mod settings;

use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use crate::test_util::simulator::{Tally, run, shrink};

use super::rules::Rule;
use election::{Election, Seen};
use settings::{Broken, Settings};

const SEEDS: u64 = 2_000;

fn number(name: &str) -> Option<u64> {
    let number = std::env::var(name).ok()?;
    Some(number.parse().expect("a number"))
}

fn seeds() -> Range<u64> {
    match number("MAINSTAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MAINSTAY_SEEDS").unwrap_or(SEEDS),
    }
}

/// All of them, in as many threads as there are processors.
fn all(seeds: Range<u64>) -> (Tally, Seen) {
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let part = |thread| {
        let seeds = seeds.clone();
        let (mut tally, mut seen) = (Tally::default(), Seen::default());
        for seed in seeds.filter(|seed| seed % threads == thread) {
            let options = Settings::options(seed, Broken::Nothing);
            let settings = Settings::drawn(seed, Broken::Nothing);
            let election = |options: &_| Election::with(settings, options);
            match run(&options, election(&options)) {
                Ok(ended) => {
                    tally += ended.tally;
                    seen += ended.cluster.seen;
                }
                Err(failure) => panic!("MAINSTAY_SEED={seed}: {}", shrink(failure, election)),
            }
        }
        (tally, seen)
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || part(thread)))
            .collect();
        let mut sum = (Tally::default(), Seen::default());
        for part in parts {
            let (tally, seen) = part.join().unwrap_or_else(|panic| resume_unwind(panic));
            sum.0 += tally;
            sum.1 += seen;
        }
        sum
    })
}

#[test]
fn one_holder_at_a_time_and_a_larger_token_for_each() {
    let seeds = seeds();
    let count = seeds.end - seeds.start;
    let (tally, seen) = all(seeds);
    println!("{tally:?}\n{seen:?}");
    if count >= SEEDS {
        // Schedules in which nothing happens prove nothing.
        for often in [seen.terms, seen.renewals, tally.crashes(), tally.pauses()] {
            assert!(often > count);
        }
        for some in [seen.resigned, seen.seals, seen.settled, tally.cuts()] {
            assert!(some > count / 3);
        }
        for few in [
            seen.late,
            seen.refused,
            tally.torn_writes(),
            tally.disks_lost(),
        ] {
            assert!(few > count / 50);
        }
    }
}

/// How many seeds it takes to see that it is broken.
fn seeds_until_seen(broken: Broken, invariant: &str) {
    let found = (0..2 * SEEDS).find_map(|seed| {
        let options = Settings::options(seed, broken);
        let settings = Settings::drawn(seed, broken);
        let failure = run(&options, Election::with(settings, &options)).err()?;
        failure
            .what()
            .starts_with(invariant)
            .then_some((seed, failure))
    });
    let (seed, failure) = found.unwrap_or_else(|| panic!("{broken:?} is not seen"));
    let settings = Settings::drawn(seed, broken);
    let least = shrink(failure.clone(), |options| Election::with(settings, options));
    let (what, faults) = (failure.what(), least.faults());
    println!("{broken:?} is seen with seed {seed}: {what}; it takes {faults:?}");
}

#[test]
fn a_token_that_is_not_durable_is_given_twice() {
    seeds_until_seen(Broken::VolatileHigh, "I2");
    seeds_until_seen(Broken::VolatileUnguarded, "I2");
}

#[test]
fn without_quarantine_two_hold_it() {
    seeds_until_seen(Broken::NoQuarantine, "I1");
}

#[test]
fn a_token_from_the_ballot_falls() {
    seeds_until_seen(Broken::Core(&[Rule::TokenFromHigh, Rule::Guard]), "I2");
}

#[test]
fn an_acceptor_that_comes_back_without_its_disk_lets_a_token_be_given_twice() {
    seeds_until_seen(Broken::Rejoins, "I2");
}

#[test]
fn without_a_margin_for_drift_two_hold_it() {
    seeds_until_seen(Broken::NoDriftMargin, "I1");
}

#[test]
fn a_clock_that_stops_lets_two_hold_it() {
    seeds_until_seen(Broken::ClockStops, "I1");
}

#[test]
fn votes_that_are_counted_by_message_are_too_few() {
    seeds_until_seen(Broken::Core(&[Rule::VotesAreSets]), "I4");
}

#[test]
fn a_release_that_names_only_its_owner_lets_two_hold_it() {
    seeds_until_seen(Broken::Core(&[Rule::ExactRelease]), "I1");
}

#[test]
fn an_acceptor_that_replaces_a_living_lease_lets_two_hold_it() {
    seeds_until_seen(Broken::Core(&[Rule::KeepLive]), "I1");
}

#[test]
fn without_the_guard_a_token_is_given_twice() {
    seeds_until_seen(Broken::Core(&[Rule::Guard]), "I2");
}

#[test]
fn a_guard_that_takes_a_tie_from_anybody_lets_a_token_be_given_twice() {
    seeds_until_seen(Broken::Core(&[Rule::TieByOwner]), "I2");
}

#[test]
fn owners_that_are_compared_by_node_let_a_token_be_given_twice() {
    seeds_until_seen(Broken::Core(&[Rule::OwnerIsIncarnation]), "I2");
}

#[test]
fn a_deadline_that_begins_late_is_later_than_what_was_asked_for() {
    seeds_until_seen(Broken::Core(&[Rule::EarlyDeadline]), "I8");
}

#[test]
fn a_ttl_above_that_of_the_acceptors_lets_two_hold_it() {
    seeds_until_seen(Broken::AnyTtl, "I1");
}

#[test]
fn without_a_gate_the_past_writes() {
    seeds_until_seen(Broken::NoGate, "I7");
}

#[test]
fn a_seal_that_does_not_wait_lets_the_past_write() {
    seeds_until_seen(Broken::NoDrain, "I7");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let once = || {
        let options = Settings::options(7, Broken::Nothing);
        let settings = Settings::drawn(7, Broken::Nothing);
        run(&options, Election::with(settings, &options))
            .unwrap()
            .tally
    };
    assert_eq!(once(), once());
}
