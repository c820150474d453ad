"""Checks the dependencies' minimum Rust against ours, and the files of the package.

Arguments: the output of `cargo metadata`, and that of `cargo package --list`.
"""

import json
import sys

REQUIRED = {
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/lib.rs",
}
KEPT_OUT = (".ci/", ".github/", "tests/", "justfile", "deny.toml")


def version(text):
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (3 - len(parts)))


def linked(metadata):
    """The packages that a user of this one compiles."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, queue = set(), [metadata["resolve"]["root"]]
    while queue:
        node = queue.pop()
        if node not in seen:
            seen.add(node)
            for dependency in nodes[node]["deps"]:
                if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                    queue.append(dependency["pkg"])
    return seen


with open(sys.argv[1]) as file:
    metadata = json.load(file)
with open(sys.argv[2]) as file:
    packaged = set(file.read().split())

packages = {package["id"]: package for package in metadata["packages"]}
ours = packages[metadata["resolve"]["root"]]["rust_version"]
faults = []
for package in (packages[id] for id in sorted(linked(metadata))):
    needs = package["rust_version"] or "1.0"
    if version(needs) > version(ours):
        faults.append(f"{package['name']} {package['version']} needs Rust {needs}, we promise {ours}")
faults += [f"{name} is not in the package; see `include`" for name in sorted(REQUIRED - packaged)]
faults += [f"{name} is in the package" for name in sorted(packaged) if name.startswith(KEPT_OUT)]
if faults:
    sys.exit("\n".join(faults))
print(f"{len(linked(metadata)) - 1} dependencies with every feature on every platform, all for Rust {ours} or older")
