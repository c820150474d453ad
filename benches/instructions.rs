//! Instructions for a thousand calls, counted by valgrind: the same for the same binary, whatever
//! else the machine does. The cases are those of `patterns`; making the service is counted too.
//!
//! ```text
//! cargo install gungraun-runner --version 0.20.0
//! cargo bench --bench instructions
//! ```

#![expect(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    reason = "the harness's macros"
)]

#[path = "cases/mod.rs"]
mod cases;

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use tower::Service;

/// A thousand calls of one service.
fn run(mut service: impl Service<u64, Response = u64>) {
    let runtime = cases::runtime();
    let _entered = runtime.enter();
    for request in 0..1000 {
        black_box(cases::call(&mut service, black_box(request)));
    }
}

#[library_benchmark]
#[bench::floor(|| run(cases::floor::service()))]
#[bench::timeout_mainstay(|| run(cases::timeout::mainstay()))]
#[bench::timeout_tower(|| run(cases::timeout::tower()))]
#[bench::timeout_pending_mainstay(|| run(cases::timeout_pending::mainstay()))]
#[bench::timeout_pending_tower(|| run(cases::timeout_pending::tower()))]
#[bench::retry_mainstay(|| run(cases::retry::mainstay()))]
#[bench::retry_tower(|| run(cases::retry::tower()))]
#[bench::breaker_mainstay_time_window(|| run(cases::breaker::mainstay_time_window()))]
#[bench::breaker_mainstay_count_window(|| run(cases::breaker::mainstay_count_window()))]
#[bench::breaker_mainstay_open(|| run(cases::breaker::mainstay_open()))]
#[bench::bulkhead_mainstay(|| run(cases::bulkhead::mainstay()))]
#[bench::bulkhead_tower(|| run(cases::bulkhead::tower()))]
#[bench::stack_mainstay(|| run(cases::stack::mainstay()))]
#[bench::stack_tower(|| run(cases::stack::tower()))]
fn thousand_calls(case: fn()) {
    case();
}

library_benchmark_group!(name = calls, benchmarks = thousand_calls);
main!(library_benchmark_groups = calls);
