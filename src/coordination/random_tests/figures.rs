//! How long it takes until somebody else leads, without other faults.

use std::time::Duration;

use crate::test_util::simulator::{Options, run};

use super::election::{Election, Seen};
use super::settings::{Broken, Departs, Settings, TTL, percent};

const DELAY: Duration = Duration::from_millis(5);

/// From when the first leader left until the next was elected, for each seed, in order.
fn waits(
    settings: Settings,
    delay_min: Duration,
    seeds: u64,
    counts: fn(&Seen) -> bool,
) -> Vec<Duration> {
    let of = |seed| {
        let acceptors = [1, 3, 5][usize::try_from(seed % 3).unwrap()];
        let settings = Settings {
            acceptors,
            ..settings
        };
        let options = Options::calm_sea(seed).length(Duration::ZERO).calm(8 * TTL);
        let options = options.drift(settings.drift).down_max(8 * TTL);
        let options = options.delay(delay_min, DELAY);
        let ended = run(&options, Election::with(settings, &options));
        let seen = ended
            .unwrap_or_else(|failure| panic!("{failure}"))
            .cluster
            .seen;
        let vacant = seen.vacant;
        let vacant = vacant.unwrap_or_else(|| panic!("seed {seed}: {seen:?}"));
        counts(&seen).then_some(vacant)
    };
    let mut waits: Vec<_> = (0..seeds).filter_map(of).collect();
    waits.sort_unstable();
    waits
}

const QUIET: Settings = Settings {
    broken: Broken::Nothing,
    acceptors: 3,
    proposers: 3,
    drift: percent(1),
    mixed: false,
    duels: false,
    departs: Departs::Never,
    seizes: false,
    has_gate: false,
};

/// The median, the 99th percentile and the largest, as multiples of `unit`.
fn told(what: &str, waits: &[Duration], unit: Duration) -> [f64; 3] {
    let last = waits.len() - 1;
    let figures = [last / 2, last * 99 / 100, last];
    let figures = figures.map(|at| waits[at].as_secs_f64() / unit.as_secs_f64());
    let [p50, p99, max] = figures;
    let count = waits.len();
    println!("{what}: of {count} p50 {p50:.3}, p99 {p99:.3}, max {max:.3}");
    figures
}

#[test]
fn after_a_crash_somebody_else_leads_within_one_and_a_half_ttl() {
    let settings = Settings {
        departs: Departs::Crashing,
        ..QUIET
    };
    let waits = waits(settings, DELAY / 10, 3_000, |_| true);
    let [p50, _, max] = told("crash, in ttl", &waits, TTL);
    assert!(p50 <= 1.0 && max <= 1.5);
}

/// The release, the word that it came, and the round trips of who was waiting.
#[test]
fn who_is_told_of_a_resignation_leads_after_one_round_trip() {
    for (seizes, round_trips) in [(false, 2.0), (true, 1.0)] {
        for (proposers, delay_min) in [(2, DELAY), (3, DELAY), (2, DELAY / 10), (3, DELAY / 10)] {
            let settings = Settings {
                departs: Departs::Leaving,
                seizes,
                proposers,
                ..QUIET
            };
            let waits = waits(settings, delay_min, 1_000, |seen| seen.awaited);
            let what = format!(
                "resigned, {proposers} nodes, {round_trips} round trips, in messages of {delay_min:?} to {DELAY:?}"
            );
            let [_, p99, max] = told(&what, &waits, DELAY);
            let most = 2.0 + 2.0 * round_trips + 0.001;
            // Where messages overtake each other, or two were told, the one or other is refused once.
            let is_plain = proposers == 2 && delay_min == DELAY;
            assert!(max <= most || !is_plain && p99 <= most);
            assert!(waits.len() > 900);
        }
    }
}
