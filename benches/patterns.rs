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

/// The store of idempotency keys, with few keys in it and with many.
#[path = "cases"]
mod idempotency {
    use divan::Bencher;
    use keys::Keys;

    #[path = "idempotency.rs"]
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
