"""Runs the benchmarks that are named, prints a table and, where asked, writes JSON.

python -m benchmarks [w1 w2 ...] [--sizes 1000,10000] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.rows import table

if TYPE_CHECKING:
    from benchmarks.rows import Row

WORKLOADS = {
    "w1": "w1_wide",
    "w2": "w2_chain",
    "w3": "w3_layers",
    "w4": "w4_complete",
    "w5": "w5_import",
    "w6": "w6_processes",
    "notebook": "notebook",
}


def main() -> int:
    """Run what the command line names; 1 where something is above its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(WORKLOADS))
    parser.add_argument("--sizes", help="sizes instead of each workload's own, with commas")
    parser.add_argument("--rounds", type=int, default=5, help="runs in turn; the median is shown")
    parser.add_argument("--json", metavar="FILE", help="write the rows to FILE, too")
    options = parser.parse_args()
    unknown = set(options.names) - WORKLOADS.keys()
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}: {', '.join(WORKLOADS)}")
    rows: list[Row] = []
    for name in options.names or WORKLOADS:
        workload = importlib.import_module(f"benchmarks.{WORKLOADS[name]}")
        sizes = workload.SIZES
        if options.sizes:
            sizes = tuple(int(size.replace("_", "")) for size in options.sizes.split(","))
        found = workload.measure(sizes, options.rounds)
        rows += found
        print(table(found), end="\n\n", flush=True)
    if options.json:
        _write(options.json, rows, options.rounds)
    return int(any(row.met is False for row in rows))


def _write(path: str, rows: list[Row], rounds: int) -> None:
    machine = {
        "at": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rounds": rounds,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}, file)


if __name__ == "__main__":
    sys.exit(main())
