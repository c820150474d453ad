#!/usr/bin/env python3
"""What a call costs, counted by valgrind: compared with benches/instructions/baseline.tsv.

    .ci/counts.py                 fails when a case costs more than the baseline says
    .ci/counts.py --write         writes the baseline anew
    .ci/counts.py --show [text]   only shows the cases whose name has the text, other crates' too
    .ci/counts.py --table [text]  and their times, of one thread and of two: medians, and the least

Each case is run over a service that answers at once, with and without a recorder of metrics, and over one that
pends once. A case is run twice, for as many calls again: the difference is what the calls cost, without making the
service. Instructions may grow by 2 %; locked operations, allocations, clock reads and the size of the
response future not at all. They are the same for the same binary on any machine of one kind, so the
baseline holds for the rustc, the C library and the processor that it names; with others nothing is compared.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "benches" / "instructions"
BASELINE = PACKAGE / "baseline.tsv"
COLUMNS = ["instructions", "locked", "allocations", "clock reads", "future bytes"]
TIMES = ["ns", "least", "2 threads", "least"]
# A multiple of 64: so often a retry budget looks at the clock.
CALLS = 1280
GROWTH = 0.02
# What may come in between by the clock, such as a bucket of a window that begins.
SLACK = 0.02

# The C library copies memory by what the processor has; so each does it in the one way that all have.
PLAIN = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM"}

ALLOCATION = re.compile(r"(malloc|calloc|realloc|posix_memalign|aligned_alloc|memalign)$")
CLOCK = re.compile(r"clock_gettime")


def output(*command):
    ran = subprocess.run(command, cwd=PACKAGE, env=PLAIN, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{' '.join(command)}:\n{ran.stderr}")
    return ran.stdout


def build():
    output("cargo", "build", "--release", "--locked", "--quiet")
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return str(PACKAGE / target / "release" / "calls")


def profile(arguments):
    """Instructions, locked operations, allocations and clock reads of one run."""
    with tempfile.NamedTemporaryFile(suffix=".callgrind") as out:
        output(
            "valgrind",
            "--tool=callgrind",
            "--collect-bus=yes",
            f"--callgrind-out-file={out.name}",
            *arguments,
        )
        return read(open(out.name, encoding="utf-8"))


def read(lines):
    names, calls, callee = {}, {}, None
    events, totals = [], []
    for line in lines:
        if line.startswith("events:"):
            events = line.split()[1:]
        elif line.startswith("totals:"):
            totals = [int(total) for total in line.split()[1:]]
        elif found := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?$", line.rstrip()):
            called, number, name = found.groups()
            if name:
                names[number] = name
            if called:
                callee = number
        elif line.startswith("calls="):
            calls[callee] = calls.get(callee, 0) + int(line.split()[0].removeprefix("calls="))

    def times(pattern):
        return sum(count for number, count in calls.items() if pattern.match(names[number]))

    count = dict(zip(events, totals))
    return [count["Ir"], count.get("Ge", 0), times(ALLOCATION), times(CLOCK)]


def measure(binary, case):
    name, *further = case.split()
    once = profile([binary, name, str(CALLS), *further])
    twice = profile([binary, name, str(2 * CALLS), *further])
    figures = [(more - less) / CALLS for more, less in zip(twice, once)]
    return case, [*figures, float(output(binary, name, "size"))]


def time(binary, case):
    """One after the other, so that nothing else of ours runs beside."""
    name, *further = case.split()
    times = [output(binary, name, "time", threads, *further) for threads in ("1", "2")]
    return [float(figure) for line in times for figure in line.split()]


def measure_all(binary, wanted):
    names = [name for name in output(binary).split() if wanted(name)]
    ours = [name for name in names if "mainstay" in name]
    cases = names + [f"{name} recorded" for name in ours] + [f"{name} pending" for name in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(lambda case: measure(binary, case), cases))


def show(measured, columns):
    print(f"{'':42}" + "".join(f"{column:>14}" for column in columns))
    for case, figures in measured.items():
        print(f"{case:42}" + "".join(f"{figure:14.2f}" for figure in figures))


def tools():
    rustc = output("rustc", "--version").strip()
    return ", ".join([rustc, " ".join(platform.libc_ver()), platform.machine()])


def write(measured, here):
    rows = [f"# {here}", "\t".join(["case", *COLUMNS])]
    rows += ["\t".join([case, *(f"{figure:.2f}" for figure in row)]) for case, row in measured.items()]
    BASELINE.write_text("\n".join(rows) + "\n", encoding="utf-8")


def read_baseline():
    tools, _, *rows = BASELINE.read_text(encoding="utf-8").splitlines()
    cases = (row.split("\t") for row in rows)
    return tools.removeprefix("# "), {case: [float(f) for f in figures] for case, *figures in cases}


def compare(measured, baseline):
    """What costs more than it did, and what costs enough less that the baseline is out of date."""
    worse, better = [], []
    if measured.keys() != baseline.keys():
        worse.append(f"other cases than the baseline has: {measured.keys() ^ baseline.keys()}")
    for case in measured.keys() & baseline.keys():
        for column, now, before in zip(COLUMNS, measured[case], baseline[case]):
            room = GROWTH * before if column == "instructions" else SLACK
            said = f"{case}: {column} {before:.2f} -> {now:.2f}"
            if now > before + room:
                worse.append(said)
            elif now < before - room:
                better.append(said)
    return worse, better


def main():
    binary = build()
    here = tools()
    match sys.argv[1:]:
        case ["--show" | "--table" as task, *text]:
            measured = measure_all(binary, lambda name: all(part in name for part in text))
            if task == "--show":
                return show(measured, COLUMNS)
            timed = {case: [*time(binary, case), *figures] for case, figures in measured.items()}
            return show(timed, [*TIMES, *COLUMNS])
        case ["--write"]:
            return write(measure_all(binary, lambda name: "mainstay" in name), here)
        case []:
            pass
        case _:
            sys.exit(__doc__)
    counted_with, baseline = read_baseline()
    if here != counted_with:
        print(f"not compared: the baseline was counted with {counted_with}, this is {here}")
        return None
    measured = measure_all(binary, lambda name: "mainstay" in name)
    show(measured, COLUMNS)
    worse, better = compare(measured, baseline)
    for said in better:
        print(f"cheaper than the baseline: {said}")
    if better:
        print("write it anew, so that it stays so: .ci/counts.py --write")
    if worse:
        sys.exit("\n".join(["dearer than the baseline:", *worse]))
    return None


if __name__ == "__main__":
    main()
