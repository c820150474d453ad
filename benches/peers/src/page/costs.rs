//! What each call costs, row by row.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{number, of_two};
use crate::cases::{self, Case, OURS};
use crate::counts::{self, Count};
use crate::driver::Times;
use crate::measure::Sample;

const ROWS: &[(&str, &str)] = &[
    ("floor", "Floors: what every call here costs besides"),
    (
        "timeout",
        "Timeout of 30 s, over a service that answers at once",
    ),
    (
        "timeout-pends",
        "Timeout of 30 s, over a service that pends once",
    ),
    (
        "retry",
        "Retry, three attempts, exponential from 10 ms with jitter; the first succeeds",
    ),
    (
        "breaker-calls",
        "Breaker, closed, half of the last 100 calls",
    ),
    ("breaker-row", "Breaker, closed, five failures in a row"),
    ("breaker-time", "Breaker, closed, half of the calls of 10 s"),
    ("breaker-open", "Breaker, open: a refusal"),
    ("bulkhead", "Bulkhead of 1000"),
    (
        "idempotency-hit",
        "Idempotency, a layer: a repeat of one of 1024 requests",
    ),
    (
        "idempotency-miss",
        "Idempotency, a layer: a request that is new, and runs",
    ),
    (
        "store-hit",
        "Idempotency, a store: a repeat of one of 1024 requests",
    ),
    (
        "store-miss",
        "Idempotency, a store: a request that is new, done, and forgotten",
    ),
    (
        "trace",
        "Trace: taken up from a request, and passed on with a new span id",
    ),
    ("deadline-server", "Deadline: read from a request"),
    (
        "deadline-both",
        "Deadline: read from a request, and written for the next hop",
    ),
    ("stack4", "Bulkhead, retry, breaker of 100 calls, timeout"),
    (
        "stack5",
        "Trace, bulkhead, retry, breaker of 100 calls, timeout",
    ),
];

pub fn add(page: &mut String, times: &Times) {
    line!(page, "## Cost of a call\n");
    line!(
        page,
        "Nanoseconds a call: the median of the rounds' medians, and the least of all; on two threads, the time"
    );
    line!(
        page,
        "that passes by the calls of one. *× ours* is a peer's median by that of `mainstay` in the same round:"
    );
    line!(
        page,
        "below 1 **the peer is faster**. Instructions, locked operations and clock reads are valgrind's, which sees"
    );
    line!(
        page,
        "more instructions in a clock read than there are. Bytes of a future are those of one call."
    );
    let counts = counts::read();
    let all = cases::all();
    for (row, title) in ROWS {
        line!(page, "\n### {title}\n");
        line!(
            page,
            "| `{row}` | ns | least | 2 threads | least | × ours | × ours, 2 | instructions | locked | clock | allocations | bytes | future |"
        );
        line!(
            page,
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        );
        for case in all.iter().filter(|case| case.row == *row) {
            cost(page, times, &counts, case);
        }
    }
}

fn cost(page: &mut String, times: &Times, counts: &BTreeMap<String, Count>, case: &Case) {
    let name = case.name();
    let median = |figure: fn(&Sample) -> f64| times.median(&name, figure);
    let count = counts.get(&name);
    let is_ours = case.who.starts_with(OURS[0]);
    let ours = format!("{}/{}", case.row, OURS[0]);
    let times_ours = |figure: fn(&Sample) -> f64| {
        let ratio = times.ratio(&name, &ours, None, figure);
        match ratio.filter(|ratio| ratio.is_finite() && *ratio > 0.0) {
            Some(ratio) if ratio < 0.995 && !is_ours => format!("**{ratio:.2}, faster**"),
            Some(ratio) => format!("{ratio:.2}"),
            None => "—".to_owned(),
        }
    };
    let cells = [
        case.who.to_owned(),
        number(median(|sample| sample.median)),
        number(times.minimum(&name, |sample| sample.minimum)),
        of_two(median(|sample| sample.median_of_two)),
        of_two(times.minimum(&name, |sample| sample.minimum_of_two)),
        times_ours(|sample| sample.median),
        times_ours(|sample| sample.median_of_two),
        number(count.map(|count| count.instructions)),
        number(count.map(|count| count.locked)),
        number(count.map(|count| count.clock_reads)),
        number(median(|sample| sample.allocations)),
        number(median(|sample| sample.bytes)),
        number(median(|sample| sample.future))
            .trim_end_matches(".0")
            .to_owned(),
    ];
    line!(page, "| {} |", cells.join(" | "));
}
