"""Reads the last line of `storm --json` and says whether the stack survived where the naive client did not."""

import json
import sys

storm = json.loads(sys.stdin.read())
naive, mainstay = storm["naive"], storm["mainstay"]
recovered = mainstay["recovered_s"]
faults = []
if not isinstance(recovered, (int, float)):
    faults.append("the stack did not recover")
elif naive["recovered_s"] is not None and naive["recovered_s"] < 10 * recovered:
    faults.append(f"the naive client recovered after {naive['recovered_s']} s, the stack after {recovered} s")
if not mainstay["amplification_max"] <= 1.3:
    faults.append(f"the stack put {mainstay['amplification_max']} times the offered load on the upstream")
if faults:
    sys.exit("; ".join(faults))
late = naive["recovered_s"]
print(f"the stack recovered after {recovered} s, the naive client {'not' if late is None else f'after {late} s'}")
