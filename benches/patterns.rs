//! Each pattern over a service that answers at once, beside tower's own where it has one.
//!
//! Times and allocations of one run are comparable with each other, not with those of another run
//! or machine: `cargo bench --bench patterns`.

#[path = "cases/mod.rs"]
mod cases;

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
                #[divan::bench(sample_count = 200, sample_size = 2000)]
                fn $case(bencher: Bencher<'_, '_>) {
                    let runtime = cases::runtime();
                    let _entered = runtime.enter();
                    let mut service = cases::$group::$case();
                    bencher.bench_local(|| cases::call(&mut service, 1));
                }
            )+
        }
    )+};
}

rows! {
    floor { service }
    timeout { mainstay, tower }
    timeout_pending { mainstay, tower }
    retry { mainstay, tower, tower_backoff }
    breaker { mainstay_time_window, mainstay_count_window, mainstay_consecutive, mainstay_open }
    bulkhead { mainstay, tower }
    stack { mainstay, tower }
}

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

/// The layer of idempotency keys; and its store, with few keys in it and with many.
#[path = "cases"]
mod idempotency {
    use divan::Bencher;
    use keys::Keys;

    use super::cases;

    #[path = "idempotency_store.rs"]
    mod keys;

    const KEYS: [u64; 2] = [100, 100_000];

    macro_rules! cases {
        ($($case:ident),+ $(,)?) => {$(
            #[divan::bench(sample_count = 200, sample_size = 2000)]
            fn $case(bencher: Bencher<'_, '_>) {
                let runtime = cases::runtime();
                let _entered = runtime.enter();
                let mut service = cases::idempotency::$case();
                let mut next = 0;
                bencher.bench_local(|| {
                    next += 1;
                    cases::call(&mut service, next)
                });
            }
        )+};
    }

    cases! { hit, miss }

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

/// A call of the layer by which only the leader serves.
#[path = "cases"]
mod leader {
    use divan::Bencher;

    use super::cases;

    #[path = "leader.rs"]
    mod layer;

    #[divan::bench(sample_count = 200, sample_size = 2000)]
    fn leads(bencher: Bencher<'_, '_>) {
        let mut service = layer::leads();
        bencher.bench_local(|| cases::call(&mut service, 1));
    }

    #[divan::bench(sample_count = 200, sample_size = 2000)]
    fn follows(bencher: Bencher<'_, '_>) {
        let mut service = layer::follows();
        bencher.bench_local(|| cases::call(&mut service, 1));
    }
}
