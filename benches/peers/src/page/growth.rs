//! How cost grows, what is held, and what a build takes.

use std::fmt::Write;
use std::fs;

use super::number;
use crate::driver::{Times, kept};
use crate::goals::CRATES;
use crate::{builds, cases};

pub fn add(page: &mut String, times: &Times) {
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

pub fn memory(page: &mut String) {
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

pub fn builds(page: &mut String) {
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
