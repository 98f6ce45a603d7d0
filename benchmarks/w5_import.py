"""W5: `import nbflow` in a fresh process, beside six imports of the standard library and Luigi's.

In a kernel most of the standard library is loaded already; there only what comes on top counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from benchmarks.rows import Row
from benchmarks.script import run

#: Rounds here do not cost much.
SIZES = (15,)
SIX = "import dataclasses, datetime, hashlib, inspect, json, logging"
STATEMENTS = {
    "python": "pass",
    "six imports": SIX,
    "nbflow": "import nbflow",
    "luigi": "import luigi",
}

IN_KERNEL = """
import json, time
import ipykernel.kernelapp, ipykernel.ipkernel
before = time.process_time()
import {module}
print(json.dumps((time.process_time() - before) * 1e3))
"""


def _milliseconds(statement: str) -> float:
    """CPU time of a whole process."""
    process = subprocess.Popen([sys.executable, "-c", statement])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise RuntimeError(f"{statement!r} failed")
    return (used.ru_utime + used.ru_stime) * 1e3


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table; the median of differences to a bare Python in the same round."""
    found: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for number in range(max(*sizes, rounds)):
        for name, statement in STATEMENTS.items():
            if name != "luigi" or number < rounds:  # it takes long
                found[name].append(_milliseconds(statement))
    bare = median(found["python"])
    costs = {name: median(values) - bare for name, values in found.items() if name != "python"}
    times = costs["nbflow"] / costs["six imports"]
    rows = [Row("W5 import", name, cost, "ms") for name, cost in costs.items()]
    rows.append(
        Row("W5 import", "nbflow / six", times, "times", limit="<= 1.5 times", met=times <= 1.5)
    )
    for module in ("nbflow", "luigi"):
        kernel = median(run(IN_KERNEL.format(module=module)) for _ in range(max(rounds, 5)))
        asked = module == "nbflow"
        rows.append(
            Row(
                "W5 in a kernel",
                module,
                kernel,
                "ms",
                limit="<= 10 ms" if asked else "",
                met=kernel <= 10 if asked else None,
            )
        )
    return rows
