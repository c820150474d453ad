//! What it costs to compile: crates in the tree, and the seconds of a clean release build.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::driver::kept;

/// What is built, and its line under `[dependencies]`.
const BUILDS: &[(&str, &str)] = &[
    (
        "mainstay, no default features",
        "mainstay = { path = ROOT, default-features = false }",
    ),
    (
        "mainstay, one layer (timeout)",
        "mainstay = { path = ROOT, default-features = false, features = [\"timeout\"] }",
    ),
    ("mainstay, default", "mainstay = { path = ROOT }"),
    (
        "mainstay, full",
        "mainstay = { path = ROOT, features = [\"full\"] }",
    ),
    (
        "tower-resilience, default (no layer)",
        "tower-resilience = \"0.13\"",
    ),
    (
        "tower-resilience, one layer (timelimiter)",
        "tower-resilience = { version = \"0.13\", features = [\"timelimiter\"] }",
    ),
    (
        "tower-resilience, timelimiter, retry, breaker, bulkhead, cache, metrics",
        "tower-resilience = { version = \"0.13\", features = [\"timelimiter\", \"retry\", \
         \"circuitbreaker\", \"bulkhead\", \"cache\", \"metrics\"] }",
    ),
    (
        "tower-resilience, full",
        "tower-resilience = { version = \"0.13\", features = [\"full\"] }",
    ),
    (
        "tower, timeout, retry, limit, load-shed",
        "tower = { version = \"0.5\", features = [\"timeout\", \"retry\", \"limit\", \"load-shed\"] }",
    ),
    (
        "seatbelt, timeout, retry, breaker, with tick",
        "seatbelt = { version = \"0.11\", features = [\"timeout\", \"retry\", \"breaker\", \
         \"tower-service\"] }\ntick = { version = \"0.8\", features = [\"tokio\"] }",
    ),
];

/// Of one build.
#[derive(Clone, Debug)]
pub struct Build {
    pub what: String,
    pub crates: u32,
    pub seconds: f64,
}

pub fn run() {
    let folder = kept("builds");
    let mut lines = String::new();
    for (what, dependency) in BUILDS {
        let build = build(&folder, what, dependency);
        eprintln!("{build:?}");
        lines += &format!("{}\t{}\t{:.1}\n", build.what, build.crates, build.seconds);
    }
    fs::write(kept("builds.tsv"), lines).expect("it can be written");
}

pub fn read() -> Vec<Build> {
    let text = fs::read_to_string(kept("builds.tsv")).unwrap_or_default();
    let builds = text.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        Some(Build {
            what: parts.next()?.to_owned(),
            crates: parts.next()?.parse().ok()?,
            seconds: parts.next()?.parse().ok()?,
        })
    });
    builds.collect()
}

fn build(folder: &Path, what: &str, dependency: &str) -> Build {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .join("../..")
        .canonicalize()
        .expect("the crate is there");
    let dependency = dependency.replace("ROOT", &format!("{root:?}"));
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!(
        "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{dependency}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("it can be written");
    fs::write(folder.join("src/lib.rs"), "").expect("it can be written");
    // The same versions as those that are measured.
    fs::copy(here.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file is there");
    cargo(folder, &["fetch"]);
    let tree = [
        "tree",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--no-dedupe",
    ];
    let tree = cargo(folder, &tree);
    let crates: BTreeSet<_> = tree
        .lines()
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .filter(|name| !name.is_empty())
        .collect();
    let start = Instant::now();
    cargo(folder, &["build", "--release", "--offline"]);
    let seconds = start.elapsed().as_secs_f64();
    let _ = fs::remove_dir_all(folder);
    Build {
        what: what.to_owned(),
        // Without the one that depends on it.
        crates: u32::try_from(crates.len()).expect("few") - 1,
        seconds,
    }
}

fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .expect("cargo starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("a text")
}
