//! Writes the page of benchmarks from what was measured.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::driver::Times;

/// A line of a page; a text cannot refuse it.
macro_rules! line {
    ($page:expr $(, $($text:tt)+)?) => {
        writeln!($page $(, $($text)+)?).expect("a text takes it")
    };
}

mod costs;
mod goals;
mod growth;

const BEGIN: &str = "<!-- generated from here on: change benches/peers, not this -->";
const END: &str = "<!-- generated down to here -->";
const HEAD: &str = "# Benchmarks\n\n";
const TAIL: &str = "\n## Why a goal is missed\n\nNot written yet.\n";

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
    costs::add(&mut page, &times);
    goals::add(&mut page, &times, tail);
    growth::add(&mut page, &times);
    growth::memory(&mut page);
    growth::builds(&mut page);
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

/// As many digits as are worth reading.
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
