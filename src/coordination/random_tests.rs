//! Random schedules over the real core: a network that drops, doubles, delays and reorders, crashes that
//! forget, writes that fail, pauses, and clocks that run apart. A failure prints its seed;
//! `MAINSTAY_SEED=<seed>` runs it alone.

mod run;
mod world;

use run::Run;
use world::{Broken, Options};

use super::rules::Rule;

const SEEDS: u64 = 2_000;

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("MAINSTAY_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("MAINSTAY_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..SEEDS,
    }
}

#[test]
fn one_holder_at_a_time_and_a_larger_token_for_each() {
    let (mut terms, mut renewals, mut crashes) = (0, 0, 0);
    for seed in seeds() {
        let options = Options::drawn(seed, Broken::Nothing);
        let run = Run::of(options);
        assert_eq!(
            run.violations,
            Vec::<String>::new(),
            "MAINSTAY_SEED={seed}: {options:?}"
        );
        terms += run.terms;
        renewals += run.renewals;
        crashes += run.crashes;
    }
    println!("{terms} terms, {renewals} renewals, {crashes} crashes");
    if std::env::var("MAINSTAY_SEED").is_err() {
        // Schedules in which nothing happens prove nothing.
        assert!(terms > SEEDS && renewals > SEEDS && crashes > SEEDS);
    }
}

/// How many seeds it takes to see that it is broken.
fn seeds_until_seen(broken: Broken, invariant: &str) {
    let is_seen = |seed: &u64| {
        let run = Run::of(Options::drawn(*seed, broken));
        let mut violations = run.violations.iter();
        violations.any(|violation| violation.starts_with(invariant))
    };
    let seen = (0..2 * SEEDS).find(is_seen);
    println!("{broken:?} is seen with seed {seen:?}");
    assert!(seen.is_some(), "{broken:?} is not seen");
}

#[test]
fn a_token_that_is_not_durable_is_given_twice() {
    seeds_until_seen(Broken::VolatileHigh, "I2");
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
