"""Reads the last lines of `payments --json` and `payments --json --without`, and says whether the layer kept charges
single where the same load without it charged again."""

import json
import sys

layered, bare = (json.loads(line) for line in sys.stdin)
members = ["intended", "charged", "double", "lost", "replayed"]
faults = [f"{run} is not made of {members}" for run in (layered, bare) if list(run) != members]
if faults:
    sys.exit("; ".join(faults))
if layered["intended"] == 0 or layered["charged"] != layered["intended"]:
    faults.append(f"{layered['intended']} charges were intended, {layered['charged']} made")
if layered["double"] or layered["lost"]:
    faults.append(f"{layered['double']} charges were made again, {layered['lost']} not made")
if layered["replayed"] == 0:
    faults.append("nothing was replayed, so the load shows nothing")
if bare["intended"] != layered["intended"]:
    faults.append("the two runs are not of one load")
if bare["double"] == 0:
    faults.append("without the layer nothing was charged again")
if bare["replayed"]:
    faults.append("without the layer something was replayed")
if faults:
    sys.exit("; ".join(faults))
print(f"{layered['charged']} charges with the layer, {bare['charged']} without, for {layered['intended']} payments")
