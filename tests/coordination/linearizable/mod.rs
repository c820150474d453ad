//! A counter that is guarded by a lease and a gate counts every addition once, whatever the network, the
//! clocks and the nodes do; and the same histories show what is lost without the gate.

mod checker;
mod client;
mod register;
mod world;

use mainstay::Ratio;
use mainstay::test_util::simulator::{Options, run, shrink};
use std::time::Duration;

use world::{Guard, World};

/// Every other with the faults that let the past arrive late, so that many are seen.
fn options(seed: u64) -> Options {
    let percent = |percent| Ratio::percent(percent).unwrap();
    let second = Duration::from_secs(1);
    let options = if seed % 2 == 0 {
        Options::drawn(seed)
    } else {
        Options::calm_sea(seed)
            .dropped(percent(1))
            .doubled(percent(5))
            .late(percent(3))
            .late_max(2 * second)
            .pause_every(3 * second)
            .pause_max(2 * second)
            .crash_every(20 * second)
            .torn(percent(2))
            .cut_every(5 * second)
    };
    options.length(10 * second).calm(second).drift(percent(1))
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("MAINSTAY_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("a number");
            seed..seed + 1
        }
        Err(_) => 0..400,
    }
}

#[test]
fn with_the_gate_each_addition_counts_once() {
    let (mut added, mut refused, mut unknown) = (0, 0, 0);
    let world = |_: &Options| World::new(Guard::Sealed);
    for seed in seeds() {
        match run(&options(seed), world(&options(seed))) {
            Ok(ended) => {
                let seen = ended.cluster.seen;
                added += seen.added;
                refused += seen.refused;
                unknown += seen.unknown;
            }
            Err(failure) => panic!("MAINSTAY_SEED={seed}: {}", shrink(failure, world)),
        }
    }
    println!("{added} additions, {unknown} of which nobody knows, {refused} refused");
    if seeds().end > 1 + seeds().start {
        // Histories in which nothing happens prove nothing.
        assert!(added > 10_000 && refused > 100 && unknown > 100);
    }
}

/// What is found without a part of the guard, the same histories otherwise.
fn is_found_out(guard: Guard) {
    let failures = (0..400).filter_map(|seed| run(&options(seed), World::new(guard)).err());
    let found: Vec<_> = failures.map(|failure| failure.options().seed()).collect();
    println!(
        "{guard:?}: {} of 400 seeds, first {:?}",
        found.len(),
        found.first()
    );
    assert!(!found.is_empty());
}

#[test]
fn without_the_gate_additions_are_lost() {
    is_found_out(Guard::Nothing);
}

#[test]
fn with_a_gate_that_nobody_seals_additions_are_lost() {
    is_found_out(Guard::Unsealed);
}
