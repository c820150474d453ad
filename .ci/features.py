"""Reads `cargo metadata`, prints the sets of features to compile, one a line: none, each, each pair."""

import itertools
import json
import sys

package = json.load(sys.stdin)["packages"][0]
features = package["features"]

every = set(features) - {"default", "full"}
full, queue = set(), ["full"]
while queue:
    name = queue.pop()
    full.add(name)
    queue += [other for other in features[name] if other in features and other not in full]
missing = every - full
if missing:
    sys.exit(f"the feature `full` lacks {', '.join(sorted(missing))}")

print()
for size in (1, 2):
    for chosen in itertools.combinations(sorted(every), size):
        print(",".join(chosen))
