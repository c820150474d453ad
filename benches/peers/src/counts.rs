//! What valgrind counts: instructions, locked operations, and reads of the clock.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::cases;
use crate::driver::kept;

/// What 4000 calls cost more than 2000 is due to 2000 calls.
const CALLS: [u64; 2] = [2000, 4000];

/// Of one call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub instructions: f64,
    pub locked: f64,
    pub clock_reads: f64,
}

/// Counts every case whose name holds `only`; where there is no valgrind, none.
pub fn run(only: &str) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("there is no valgrind: no counts");
        return;
    }
    let cases = cases::all();
    let chosen = cases.iter().filter(|case| case.at.is_none());
    let mut counts = read();
    for name in chosen
        .map(cases::Case::name)
        .filter(|name| name.contains(only))
    {
        let [few, many] = CALLS.map(|calls| total(&name, calls));
        let of_one = |figure: fn(&Count) -> f64| {
            (figure(&many) - figure(&few)) / (CALLS[1] - CALLS[0]) as f64
        };
        let count = Count {
            instructions: of_one(|count| count.instructions),
            locked: of_one(|count| count.locked),
            clock_reads: of_one(|count| count.clock_reads),
        };
        eprintln!("{name}: {count:?}");
        counts.insert(name, count);
        write(&counts);
    }
}

fn write(counts: &BTreeMap<String, Count>) {
    let lines = counts.iter().map(|(name, count)| {
        let Count {
            instructions,
            locked,
            clock_reads,
        } = count;
        format!("{name}\t{instructions:.2}\t{locked:.3}\t{clock_reads:.3}\n")
    });
    fs::write(kept("counts.tsv"), lines.collect::<String>()).expect("it can be written");
}

pub fn read() -> BTreeMap<String, Count> {
    let text = fs::read_to_string(kept("counts.tsv")).unwrap_or_default();
    let counts = text.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        let name = parts.next()?.to_owned();
        let mut figure = || parts.next()?.parse().ok();
        Some((
            name,
            Count {
                instructions: figure()?,
                locked: figure()?,
                clock_reads: figure()?,
            },
        ))
    });
    counts.collect()
}

fn total(name: &str, calls: u64) -> Count {
    let found = kept("callgrind.out");
    let program = std::env::current_exe().expect("a program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-bus=yes", "--dump-instr=no"])
        .arg(format!("--callgrind-out-file={}", found.display()))
        .arg(program)
        .args(["calls", name, &calls.to_string()])
        .output()
        .expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {error}");
    parse(&fs::read_to_string(found).expect("valgrind wrote it"))
}

/// Reads a profile of callgrind: the names of its events, their totals, and who calls the clock.
fn parse(profile: &str) -> Count {
    let field = |name: &str| {
        let mut lines = profile.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
    };
    let events = field("events:").split_whitespace();
    let totals = field("totals:").split_whitespace();
    let totals: BTreeMap<&str, f64> = events
        .zip(totals.filter_map(|total| total.parse().ok()))
        .collect();
    let event = |name: &str| totals.get(name).copied().unwrap_or(0.0);
    Count {
        instructions: event("Ir"),
        locked: event("Ge"),
        clock_reads: clock_reads(profile),
    }
}

/// A called function stands as `cfn=(id) name` the first time and as `cfn=(id)` from then on, or was named
/// by an `fn=` before; the line after says how often it is called from there.
fn clock_reads(profile: &str) -> f64 {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut reads = 0.0;
    let mut is_clock = false;
    for line in profile.lines() {
        let (is_called, named) = match (line.strip_prefix("cfn="), line.strip_prefix("fn=")) {
            (Some(named), _) => (true, named),
            (_, Some(named)) => (false, named),
            _ => {
                if let (true, Some(calls)) = (is_clock, line.strip_prefix("calls=")) {
                    let calls = calls.split_whitespace().next();
                    reads += calls.and_then(|calls| calls.parse().ok()).unwrap_or(0.0);
                }
                continue;
            }
        };
        let (id, name) = named.split_once(' ').unwrap_or((named, ""));
        if !name.is_empty() {
            names.insert(id, name);
        }
        let name = names.get(id).copied().unwrap_or_default();
        is_clock = is_called && name.starts_with("clock_gettime");
    }
    reads
}
