//! This crate and others at the same work, in one program.
//!
//! A fresh process runs each case in each round, and the rounds of all cases take turns, so that whatever
//! else the machine does falls on all of them alike. Every batch of calls is checked for what came of it.
//!
//! ```text
//! cargo run --release -- all            # checks, times, counts, builds, and the page
//! cargo run --release -- check          # that each service does what its row says
//! cargo run --release -- table --rounds 3 --only timeout
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "a measurement reads the machine's own clock"
)]

mod alloc;
mod builds;
mod cases;
mod check;
mod counts;
mod driver;
mod goals;
mod grow;
mod measure;
mod memory;
mod ours;
mod page;
mod peers;
mod recorder;
mod subject;
mod trace;

use std::process::ExitCode;

const HELP: &str = "\
cargo run --release -- COMMAND

  all [--rounds N]                     all of what follows but `list`
  check                                that each service does what its row says
  table [--rounds N] [--only TEXT]     times, then the page
  counts [--only TEXT]                 instructions, locked operations and clock reads, by valgrind
  builds                               crates and seconds of clean builds
  page                                 writes docs/benchmarks.md from what was measured last
  list                                 the names of the cases
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| {
        let at = args.iter().position(|arg| arg == flag)?;
        args.get(at + 1).cloned()
    };
    let only = after("--only").unwrap_or_default();
    let rounds = after("--rounds").map_or(5, |text| text.parse().expect("--rounds takes a number"));
    match args.first().map(String::as_str) {
        Some("all") => {
            check::run();
            driver::times(rounds, "");
            counts::run("");
            builds::run();
            page::write();
        }
        Some("check") => check::run(),
        Some("table") => {
            driver::times(rounds, &only);
            page::write();
        }
        Some("counts") => {
            counts::run(&only);
            page::write();
        }
        Some("builds") => {
            builds::run();
            page::write();
        }
        Some("page") => page::write(),
        Some("list") => cases::all()
            .iter()
            .for_each(|case| println!("{}", case.name())),
        // What follows is what a driver asks of the processes that it starts.
        Some("one") => println!("{}", measure::one(&args[1])),
        Some("calls") => measure::calls(&args[1], args[2].parse().expect("a number of calls")),
        Some("memory") => memory::print(),
        _ => {
            print!("{HELP}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
