//! Writes the page of benchmarks from what was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::builds;
use crate::cases::{self, Case, OURS};
use crate::counts::{self, Count};
use crate::driver::{Times, kept};
use crate::goals::{ALLOCATIONS, CRATES, FLAT, FUTURE, GOALS};
use crate::measure::Sample;

const BEGIN: &str = "<!-- generated from here on: change benches/peers, not this -->";
const END: &str = "<!-- generated down to here -->";
const HEAD: &str = "# Benchmarks\n\n";
const TAIL: &str = "\n## Why a goal is missed\n\nNot written yet.\n";

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

pub fn write() {
    let path = root().join("docs/benchmarks.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let (head, tail) = match (old.split_once(BEGIN), old.split_once(END)) {
        (Some((head, _)), Some((_, tail))) => (head, tail),
        _ => (HEAD, TAIL),
    };
    let times = Times::read();
    let mut page = String::new();
    about(&mut page, &times);
    costs(&mut page, &times);
    goals(&mut page, &times, tail);
    growth(&mut page, &times);
    memory(&mut page);
    compile(&mut page);
    fs::write(&path, format!("{head}{BEGIN}\n{page}\n{END}{tail}")).expect("it can be written");
    eprintln!("wrote {}", path.display());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn said(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command)
        .args(arguments)
        .current_dir(root())
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// A line of a page; a text cannot refuse it.
macro_rules! line {
    ($page:expr $(, $($text:tt)+)?) => {
        writeln!($page $(, $($text)+)?).expect("a text takes it")
    };
}

fn about(page: &mut String, times: &Times) {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let cpu = cpu.map_or("an unknown processor", |cpu| {
        cpu.trim_start_matches([':', ' ', '\t'])
    });
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    line!(
        page,
        "\nThe same work by this crate and by others, in one program. A fresh process runs each case in each"
    );
    line!(
        page,
        "round, and the rounds of all cases take turns. A process takes 25 samples of about 4 ms on one thread,"
    );
    line!(
        page,
        "then 25 of two threads, each with a clone of the service and as many calls; of every batch the sum of"
    );
    line!(
        page,
        "the outputs and the numbers of answers and errors are checked. That each service does what its row says"
    );
    line!(page, "is checked before.\n");
    line!(
        page,
        "```sh\ncd benches/peers && cargo run --release -- all --rounds {}\n```\n",
        times.rounds()
    );
    line!(
        page,
        "- When: {}, of commit {}",
        said("date", &["-u", "+%F"]),
        said("git", &["rev-parse", "--short", "HEAD"])
    );
    line!(
        page,
        "- Where: {threads} threads of {cpu}, Linux {}",
        said("uname", &["-r"])
    );
    line!(
        page,
        "- With: {}; release, fat LTO, one codegen unit",
        said("rustc", &["-V"])
    );
    line!(page, "- Rounds: {}", times.rounds());
    line!(page, "- Versions: {}\n", versions());
    line!(
        page,
        "`mainstay` is built with its default features, and with `idempotency` where that is measured;"
    );
    line!(
        page,
        "`mainstay-full` with all of them, without a subscriber of events; `+recorder` with a recorder of metrics"
    );
    line!(
        page,
        "that keeps an atomic for each. The others are built without metrics and events. Services of tower are"
    );
    line!(
        page,
        "polled by hand, with a waker that does nothing, and the runtime is there for its timers only; but"
    );
    line!(
        page,
        "`idempotency-miss` of this crate spawns a task for each call, and runs on a runtime of one thread.\n"
    );
}

fn versions() -> String {
    let lock = fs::read_to_string(root().join("benches/peers/Cargo.lock")).unwrap_or_default();
    let named = [
        "tower",
        "tower-resilience",
        "seatbelt",
        "layered",
        "tick",
        "failsafe",
        "recloser",
        "moka",
        "quick_cache",
        "opentelemetry",
        "opentelemetry_sdk",
        "opentelemetry-http",
        "tower-otel",
        "tracing-opentelemetry",
        "tokio",
        "http",
        "metrics",
    ];
    let mut found = Vec::new();
    for name in named {
        let mut packages = lock.split("[[package]]");
        let package = packages.find(|text| text.contains(&format!("name = \"{name}\"\n")));
        let version = package.and_then(|text| text.split("version = \"").nth(1)?.split('"').next());
        found.push(format!("{name} {}", version.unwrap_or("?")));
    }
    found.join(", ")
}

fn number(value: Option<f64>) -> String {
    match value {
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{:.1}", value + 0.0),
        None => "—".to_owned(),
    }
}

fn of_two(value: Option<f64>) -> String {
    number(value.filter(|value| *value > 0.0))
}

fn costs(page: &mut String, times: &Times) {
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
        match ratio.filter(|ratio| ratio.is_finite()) {
            Some(ratio) if ratio < 1.0 && !is_ours => format!("**{ratio:.2}, faster**"),
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

fn verdict(is_met: bool, name: &str, tail: &str) -> &'static str {
    if is_met {
        return "met";
    }
    if !tail.contains(name) {
        eprintln!("missed, and without a reason on the page: {name}");
    }
    "**missed**"
}

fn goals(page: &mut String, times: &Times, tail: &str) {
    line!(page, "\n## Goals\n");
    line!(
        page,
        "The ratio of our median to the other's, the median of the rounds' ratios. A goal is met when all four are"
    );
    line!(
        page,
        "within it. *Over the floor* means that what the HTTP request itself costs was taken off from both.\n"
    );
    line!(page, "| Goal | at most | {} | |", OURS.join(" | "));
    line!(page, "|---|--:|--:|--:|--:|--:|---|");
    for goal in GOALS {
        let Some(ratios) = goal.ratios(times) else {
            line!(
                page,
                "| {} | {:.2} | — | — | — | — | not measured |",
                goal.name(),
                goal.most
            );
            continue;
        };
        let is_met = ratios.iter().all(|ratio| *ratio <= goal.most);
        let cells = ratios.map(|ratio| format!("{ratio:.2}")).join(" | ");
        let verdict = verdict(is_met, &goal.name(), tail);
        line!(
            page,
            "| {} | {:.2} | {cells} | {verdict} |",
            goal.name(),
            goal.most
        );
    }
    let row = |page: &mut String, name: &str, most: f64, figure: &dyn Fn(&str) -> Option<f64>| {
        let figures = OURS.map(figure);
        if figures.iter().any(Option::is_none) {
            line!(page, "| {name} | {most} | — | — | — | — | not measured |");
            return;
        }
        let figures = figures.map(Option::unwrap_or_default);
        let cells = figures.map(|figure| number(Some(figure))).join(" | ");
        let is_met = figures.iter().all(|figure| *figure <= most);
        line!(
            page,
            "| {name} | {most} | {cells} | {} |",
            verdict(is_met, name, tail)
        );
    };
    let (flat, most) = FLAT;
    row(
        page,
        &format!("{flat}, 2 threads by 1 thread"),
        most,
        &|who| {
            let name = format!("{flat}/{who}");
            let two = times.median(&name, |sample| sample.median_of_two)?;
            Some(two / times.median(&name, |sample| sample.median)?)
        },
    );
    for (what, floor, most) in ALLOCATIONS {
        row(page, &format!("{what}, allocations"), *most, &|who| {
            let count = |name: &str| times.median(name, |sample| sample.allocations);
            let floor = floor.map_or(Some(0.0), count)?;
            Some(count(&format!("{what}/{who}"))? - floor)
        });
    }
    let (what, most) = FUTURE;
    row(page, &format!("{what}, bytes of a future"), most, &|who| {
        times.median(&format!("{what}/{who}"), |sample| sample.future)
    });
}

fn growth(page: &mut String, times: &Times) {
    line!(page, "\n## How cost grows\n");
    line!(
        page,
        "Nanoseconds of one call, on one thread, beside more and more of what the row names. The cost of a layer"
    );
    line!(
        page,
        "should not grow; what little does is the processor's caches."
    );
    let all = cases::all();
    let mut last = ("", Vec::new());
    for case in all.iter().filter(|case| case.at.is_some()) {
        let same = all
            .iter()
            .filter(|other| other.row == case.row && other.who == case.who);
        let at: Vec<u64> = same.clone().filter_map(|other| other.at).collect();
        if case.at != at.first().copied() {
            continue;
        }
        if last != (case.row, at.clone()) {
            let heads: Vec<_> = at.iter().map(u64::to_string).collect();
            line!(
                page,
                "\n| {} | {} |",
                case.row.trim_start_matches("grow: "),
                heads.join(" | ")
            );
            line!(page, "|---|{}", "--:|".repeat(at.len()));
        }
        let cells = same.map(|case| number(times.median(&case.name(), |sample| sample.median)));
        line!(
            page,
            "| {} | {} |",
            case.who,
            cells.collect::<Vec<_>>().join(" | ")
        );
        last = (case.row, at);
    }
}

fn memory(page: &mut String) {
    line!(page, "\n## Memory\n");
    line!(
        page,
        "Bytes: on the heap for a layer and its first service; of a service itself, which is what a clone takes at"
    );
    line!(
        page,
        "least; and of one more call in flight, its boxed future and all that it holds. Each layer is around a service"
    );
    line!(page, "that never answers.\n");
    line!(page, "| What | of | a layer | a service | one more |");
    line!(page, "|---|---|--:|--:|--:|");
    let text = fs::read_to_string(kept("memory.tsv")).unwrap_or_default();
    for entry in text.lines() {
        line!(page, "| {} |", entry.replace('\t', " | "));
    }
}

fn compile(page: &mut String) {
    line!(page, "\n## Cost of a build\n");
    line!(
        page,
        "Crates that a clean build compiles on this machine, those of build scripts and macros among them, and its"
    );
    line!(
        page,
        "seconds (`cargo build --release`, dependencies fetched before, one run).\n"
    );
    line!(page, "| Build | crates | s |");
    line!(page, "|---|--:|--:|");
    let builds = builds::read();
    for build in &builds {
        line!(
            page,
            "| {} | {} | {:.1} |",
            build.what,
            build.crates,
            build.seconds
        );
    }
    line!(page);
    for (what, most) in CRATES {
        let found = builds.iter().find(|build| build.what == what);
        let crates = found.map_or("not measured".to_owned(), |build| {
            let is_met = if build.crates <= most {
                "met"
            } else {
                "**missed**"
            };
            format!("{}, {is_met}", build.crates)
        });
        line!(page, "- Goal: {what}, at most {most} crates: {crates}.");
    }
    let seconds = |what: &str| {
        builds
            .iter()
            .find(|build| build.what == what)
            .map(|build| build.seconds)
    };
    if let (Some(ours), Some(theirs)) =
        (seconds("mainstay, full"), seconds("tower-resilience, full"))
    {
        let ratio = ours / theirs;
        let is_met = if ratio <= 0.4 { "met" } else { "**missed**" };
        line!(
            page,
            "- Goal: mainstay, full, at most 0.40 of the seconds of tower-resilience, full: {ratio:.2}, {is_met}."
        );
    }
}
