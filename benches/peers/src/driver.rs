//! Starts a process for each case of each round, and keeps what they said.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cases;
use crate::measure::{Sample, median};

/// What was measured last, a line to each process.
pub fn kept(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/measured");
    fs::create_dir_all(&folder).expect("a folder beside the build");
    folder.join(name)
}

/// This program, asked for something.
pub fn ask(arguments: &[&str]) -> String {
    let program = std::env::current_exe().expect("a program");
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("a text")
}

/// Measures every case whose name holds `only`, `rounds` times. What was measured of others stays.
pub fn times(rounds: u32, only: &str) {
    let names: Vec<_> = cases::all().iter().map(cases::Case::name).collect();
    let chosen: Vec<_> = names.iter().filter(|name| name.contains(only)).collect();
    let mut lines: Vec<String> = fs::read_to_string(kept("times.tsv"))
        .unwrap_or_default()
        .lines()
        .filter(|line| {
            let name = line.split('\t').nth(1).unwrap_or_default();
            names.iter().any(|known| known == name) && !name.contains(only)
        })
        .map(str::to_owned)
        .collect();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}: {} cases", round + 1, chosen.len());
        // Each second round runs backwards, so that nobody always follows the same one.
        let mut order = chosen.clone();
        if round % 2 == 1 {
            order.reverse();
        }
        for name in order {
            lines.push(format!("{round}\t{name}\t{}", ask(&["one", name]).trim()));
        }
        fs::write(kept("times.tsv"), lines.join("\n")).expect("it can be written");
    }
    fs::write(kept("memory.tsv"), ask(&["memory"])).expect("it can be written");
}

/// What was measured, by case and round.
#[derive(Debug, Default)]
pub struct Times(BTreeMap<String, BTreeMap<u32, Sample>>);

impl Times {
    pub fn read() -> Self {
        let text = fs::read_to_string(kept("times.tsv")).unwrap_or_default();
        let mut times = Self::default();
        for line in text.lines() {
            let mut parts = line.splitn(3, '\t');
            let (Some(round), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            if let (Ok(round), Some(sample)) = (round.parse(), Sample::of_line(rest)) {
                times
                    .0
                    .entry(name.to_owned())
                    .or_default()
                    .insert(round, sample);
            }
        }
        times
    }

    pub fn rounds(&self) -> usize {
        self.0.values().map(BTreeMap::len).max().unwrap_or(0)
    }

    /// The median of a figure over the rounds.
    pub fn median(&self, name: &str, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        let mut values: Vec<f64> = self.0.get(name)?.values().map(figure).collect();
        Some(median(&mut values))
    }

    /// The least of all rounds.
    pub fn minimum(&self, name: &str, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        self.0.get(name)?.values().map(figure).reduce(f64::min)
    }

    /// How the one compares to the other: the median of the ratios of each round, so that what slows a round
    /// down slows both. The floor is taken off from both.
    pub fn ratio(
        &self,
        ours: &str,
        theirs: &str,
        floor: Option<&str>,
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        let (ours, theirs) = (self.0.get(ours)?, self.0.get(theirs)?);
        let floors = floor.and_then(|floor| self.0.get(floor));
        let ratios = ours.iter().filter_map(|(round, ours)| {
            let floor = match floors {
                Some(floors) => figure(floors.get(round)?),
                None => 0.0,
            };
            Some((figure(ours) - floor) / (figure(theirs.get(round)?) - floor))
        });
        let mut ratios: Vec<f64> = ratios.collect();
        (!ratios.is_empty()).then(|| median(&mut ratios))
    }
}
