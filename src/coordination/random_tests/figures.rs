//! How long it takes until somebody else leads, without other faults.

use std::time::Duration;

use crate::coordination::FencingToken;
use crate::test_util::simulator::{Options, run};

use super::election::Election;
use super::settings::{Broken, Departs, Settings, TTL, percent};

const DELAY: Duration = Duration::from_millis(5);

/// From when the first leader left until the next was elected, for each seed, in order.
fn waits(departs: Departs, seeds: u64) -> Vec<Duration> {
    let of = |seed| {
        let settings = Settings {
            broken: Broken::Nothing,
            acceptors: [1, 3, 5][usize::try_from(seed % 3).unwrap()],
            proposers: 3,
            drift: percent(1),
            mixed: false,
            duels: false,
            departs,
            has_gate: false,
        };
        let options = Options::calm_sea(seed)
            .drift(percent(1))
            .delay(DELAY / 10, DELAY);
        let options = options
            .length(Duration::ZERO)
            .calm(8 * TTL)
            .down_max(8 * TTL);
        let ended = run(&options, Election::with(settings, &options));
        let seen = ended
            .unwrap_or_else(|failure| panic!("{failure}"))
            .cluster
            .seen;
        assert!(
            seen.last >= FencingToken::FIRST.next(),
            "seed {seed}: {seen:?}"
        );
        seen.vacant
            .unwrap_or_else(|| panic!("seed {seed}: {seen:?}"))
    };
    let mut waits: Vec<_> = (0..seeds).map(of).collect();
    waits.sort_unstable();
    waits
}

fn told(what: &str, waits: &[Duration]) -> [f64; 3] {
    let last = waits.len() - 1;
    let figures = [last / 2, last * 99 / 100, last];
    let figures = figures.map(|at| waits[at].as_secs_f64() / TTL.as_secs_f64());
    let [p50, p99, max] = figures;
    println!("{what}: p50 {p50:.3} ttl, p99 {p99:.3} ttl, max {max:.3} ttl");
    figures
}

#[test]
fn after_a_crash_somebody_else_leads_within_one_and_a_half_ttl() {
    let waits = waits(Departs::Crashing, 3_000);
    let [p50, _, max] = told("crash", &waits);
    assert!(p50 <= 1.0 && max <= 1.5);
}
