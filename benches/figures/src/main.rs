//! Draws the figures of `docs/figures.md`, in virtual time and from seeds.
//!
//! ```text
//! cargo run --release -- jitter            # one figure
//! cargo run --release -- all               # all of them
//! cargo run --release -- all /some/folder  # elsewhere than in docs/figures
//! ```

mod amplification;
mod breakers;
mod cascade;
mod chart;
mod circuit;
mod cluster;
mod duplicates;
mod isolation;
mod jitter;
mod lease;
mod metastable;
mod outage;
mod peers;
mod recovery;
mod sim;
mod stat;
mod table;
mod virtual_clock;

use std::path::{Path, PathBuf};

type Figure = (&'static str, fn(&Path) -> sim::Done);

const FIGURES: [Figure; 10] = [
    ("jitter", jitter::draw),
    ("amplification", amplification::draw),
    ("breaker", circuit::draw),
    ("breakers", breakers::draw),
    ("cascade", cascade::draw),
    ("isolation", isolation::draw),
    ("duplicates", duplicates::draw),
    ("metastable", metastable::draw),
    ("recovery", recovery::draw),
    ("lease", lease::draw),
];

fn main() -> sim::Done {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let folder = arguments.next().map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/figures"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder)?;
    let chosen: Vec<_> = FIGURES
        .iter()
        .filter(|(figure, _)| name == "all" || name == *figure)
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = FIGURES.iter().map(|(figure, _)| *figure).collect();
        return Err(format!("name one of: all, {}", names.join(", ")).into());
    }
    for (figure, draw) in chosen {
        draw(&folder)?;
        println!("{figure}: drawn into {}", folder.display());
    }
    Ok(())
}
