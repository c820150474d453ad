//! All schedules within bounds, over the real core.

mod bounds;
mod parts;
mod pool;
mod search;
mod world;

use bounds::{ANY, Bounds};
use search::Search;

use super::rules::{Rule, Rules};

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn probe() {
    let e = |n: &str, d: u64| u8::try_from(env(n, d)).unwrap();
    let broken: Vec<Rule> = std::env::var("BROKEN").unwrap_or_default().split(',').filter(|s| !s.is_empty()).map(|s| match s {
        "KeepLive" => Rule::KeepLive,
        "OwnerIsIncarnation" => Rule::OwnerIsIncarnation,
        "Guard" => Rule::Guard,
        "TieByOwner" => Rule::TieByOwner,
        "ExactRelease" => Rule::ExactRelease,
        "EarlyDeadline" => Rule::EarlyDeadline,
        "OwnOnlyRenewed" => Rule::OwnOnlyRenewed,
        "VotesAreSets" => Rule::VotesAreSets,
        "TokenFromHigh" => Rule::TokenFromHigh,
        _ => panic!("{s}"),
    }).collect();
    let bounds = Bounds {
        rules: Rules::without(&broken),
        ttl: env("TTL", 2) as u32,
        margin: env("MARGIN", 0) as u32,
        ballots: [env("BP", 1), env("BQ", 1)],
        lives: [e("LP", 1), e("LQ", 1)],
        floors: [env("FP", 0), env("FQ", 0)],
        crashes: e("CRASHES", 0),
        resigns: e("RESIGNS", 0),
        steps: e("STEPS", 255),
        refusals: env("REFUSALS", 0) > 0,
        symmetric: env("SYM", 1) > 0,
        bursts: env("BURSTS", 1) > 0,
    };
    let sought = std::env::var("SEEK").ok();
    let begun = std::time::SystemTime::now();
    let mut search = Search::new(bounds);
    search.most = env("MOST", 1_000_000) as usize;
    let trace = search.run(|i| sought.as_ref().is_none_or(|s| format!("{i:?}") == *s));
    println!("{:?} {:?} {:?}", search.seen, search.met(), begun.elapsed().unwrap());
    if let Some(trace) = trace {
        println!("{:?} after {} steps", trace.invariant, trace.steps.len());
        for (i, s) in trace.steps.iter().enumerate() { println!("{:3} {s}", i + 1); }
    }
}
