# Every recipe is a step of `.ci/run`, which continuous integration calls too.

# Lists the recipes.
default:
    @just --list

# All steps, in order.
ci:
    .ci/run

# The README's test command, with a summary.
test:
    .ci/run test

fmt:
    .ci/run fmt

clippy:
    .ci/run clippy

# No feature, each, each pair, all: none may warn.
features:
    .ci/run features

# Lock file, minimum Rust, contents of the package.
manifest:
    .ci/run manifest

doc:
    .ci/run doc

# Builds and runs the examples; the storm takes about 45 s.
examples:
    .ci/run examples

loom:
    .ci/run loom

# Only the house test.
house:
    cargo test --test house

# Licences, advisories, duplicates; needs cargo-deny.
deny:
    cargo deny check

# One table: times of one thread and of two, instructions, locked operations, allocations and clock reads
# of a call, and the size of its future; of all cases, or of those named.
bench *text:
    .ci/counts.py --table {{ text }}

# The same without the times, which take some minutes.
instructions *text:
    .ci/counts.py --show {{ text }}

# The same of our own cases, compared with the baseline.
counts:
    .ci/run counts

# Draws a figure of `docs/figures.md` by its name, or all: a CSV and an SVG each.
figures name="all":
    cargo run --release --locked --manifest-path benches/figures/Cargo.toml -- {{ name }}

# Fuzzes one target of `fuzz/` for so many seconds; needs nightly Rust and cargo-fuzz.
fuzz target seconds="60":
    mkdir -p fuzz/corpus/{{ target }}
    cargo +nightly fuzz run {{ target }} fuzz/corpus/{{ target }} fuzz/seeds/{{ target }} -- \
        -max_total_time={{ seconds }} -max_len=40000 -len_control=0
