//! Each pattern over a service that answers at once and over one that pends once, beside tower's own where it
//! has one.
//!
//! Times and allocations of one run are comparable with each other, not with those of another run
//! or machine: `cargo bench --bench patterns`.

#[path = "cases/mod.rs"]
mod cases;

use cases::{Answer, AnswerLater, Inner};
use divan::{AllocProfiler, Bencher};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A row for each case: one call of a service that has served others before.
macro_rules! rows {
    ($($group:ident { $($case:ident),+ $(,)? })+) => {$(
        mod $group {
            use super::*;
            $(
                #[divan::bench(types = [Answer, AnswerLater], sample_count = 200, sample_size = 2000)]
                fn $case<I: Inner + Default>(bencher: Bencher<'_, '_>) {
                    let runtime = cases::runtime();
                    let _entered = runtime.enter();
                    let mut service = cases::$group::$case(I::default());
                    bencher.bench_local(|| cases::call(&mut service, 1));
                }
            )+
        }
    )+};
}

cases::all!(rows);

/// The lease of three acceptors in this process.
#[path = "cases"]
mod coordination {
    use divan::Bencher;
    use quorum::Held;

    mod quorum;

    #[divan::bench(sample_count = 200, sample_size = 2000)]
    fn renew(bencher: Bencher<'_, '_>) {
        let runtime = super::cases::runtime();
        let _entered = runtime.enter();
        let mut held = Held::new(&runtime);
        bencher.bench_local(|| held.renew());
    }
}

/// The store of idempotency keys, with few keys in it and with many.
#[path = "cases"]
mod store {
    use divan::Bencher;
    use keys::Keys;

    #[path = "idempotency_store.rs"]
    mod keys;

    const KEYS: [u64; 2] = [100, 100_000];

    #[divan::bench(args = KEYS, sample_count = 200, sample_size = 2000)]
    fn claim_finish_and_purge(bencher: Bencher<'_, '_>, keys: u64) {
        let mut all = Keys::done(keys);
        bencher.bench_local(|| all.claim_finish_and_purge());
    }

    #[divan::bench(args = KEYS, sample_count = 200, sample_size = 2000)]
    fn replay(bencher: Bencher<'_, '_>, keys: u64) {
        let mut all = Keys::done(keys);
        bencher.bench_local(|| all.replay(keys));
    }
}

/// What it costs a leader to look whether it leads, beside a reading of the clock alone.
#[path = "cases"]
mod election {
    use std::hint::black_box;

    use divan::Bencher;
    use mainstay::coordination::{BootClock, Clock};

    use super::cases;

    #[path = "election.rs"]
    mod term;

    #[divan::bench(sample_count = 200, sample_size = 2000)]
    fn clock_alone(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| black_box(BootClock).now());
    }

    #[divan::bench(sample_count = 200, sample_size = 2000)]
    fn is_valid(bencher: Bencher<'_, '_>) {
        let runtime = cases::runtime();
        let guard = term::leader(&runtime);
        let _entered = runtime.enter();
        bencher.bench_local(|| black_box(&guard).is_valid());
    }

    #[divan::bench(sample_count = 200, sample_size = 2000)]
    fn run_ready(bencher: Bencher<'_, '_>) {
        use futures::FutureExt as _;
        let runtime = cases::runtime();
        let guard = term::leader(&runtime);
        let _entered = runtime.enter();
        bencher.bench_local(|| black_box(&guard).run(async { 7_u32 }).now_or_never());
    }
}
