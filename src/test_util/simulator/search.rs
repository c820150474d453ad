//! Many runs, until one fails; and the least that it takes for it to fail.

use std::ops::AddAssign;

use super::cluster::Cluster;
use super::failure::{Failure, Trace};
use super::options::{KINDS, Options};
use super::run::{Run, run};
use super::tally::Tally;

/// With how many other seeds it is tried whether a kind of fault can be left out.
const OTHER_SEEDS: u64 = 20;
/// How many lines are told of what happened.
const LINES: usize = 60;

/// Runs a cluster once for each seed, until one of the runs fails: that one is told with the
/// [fewest](shrink) faults. What happened in all of them, when none does.
///
/// # Errors
/// When a run does.
pub fn search<C: Cluster>(
    seeds: impl IntoIterator<Item = u64>,
    options: impl Fn(u64) -> Options,
    cluster: impl Fn(&Options) -> C,
) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for seed in seeds {
        let options = options(seed);
        match run(&options, cluster(&options)) {
            Ok(ended) => tally.add_assign(ended.tally),
            Err(failure) => return Err(shrink(failure, cluster)),
        }
    }
    Ok(tally)
}

/// Leaves out one kind of fault after another as long as the run fails without it, with this or with
/// another seed; and says what happened before it did. It may fail in another way than before.
pub fn shrink<C: Cluster>(failure: Failure, cluster: impl Fn(&Options) -> C) -> Failure {
    let fails = |options: &Options| run(options, cluster(options)).err();
    let mut smallest = failure;
    for kind in KINDS {
        let without = smallest.options.without(*kind);
        if without == *smallest.options {
            continue;
        }
        let seed = without.seed();
        let seeds = (0..=OTHER_SEEDS).map(|other| seed.wrapping_add(other));
        let mut others = seeds.map(|seed| without.clone().with_seed(seed));
        if let Some(smaller) = others.find_map(|options| fails(&options)) {
            smallest = smaller;
        }
    }
    let options = (*smallest.options).clone();
    let told = Run::new(&options, cluster(&options), Trace::of(LINES)).finish();
    told.err().unwrap_or(smallest)
}
