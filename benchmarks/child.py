"""One measurement in a process of its own: `python -m benchmarks.child PEER SHAPE SIZE FOLDER`.

Prints JSON. The peer first runs four tasks, so that imports and first-time work are left out.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import sys
from typing import TYPE_CHECKING

import psutil

from benchmarks import graphs
from benchmarks.peers import floor

if TYPE_CHECKING:
    from collections.abc import Callable

#: Files are written to memory where there is such a place: disks vary too much.
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
#: Files that the floor writes at least.
FLOOR_FILES = 2_000


def cpu_seconds() -> float:
    """User and system time of all threads of this process and of all its children so far."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    mine = resource.getrusage(resource.RUSAGE_SELF)
    total = mine.ru_utime + mine.ru_stime + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        total += sum(child.cpu_times()[:4])
    return total


def cost(work: Callable[[], object]) -> float:
    """CPU seconds of `work` in an empty folder for its files."""
    shutil.rmtree("out", ignore_errors=True)
    os.mkdir("out")
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


def peak_memory() -> int:
    """The most bytes that this process has had in memory."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024


def measure(peer: str, shape: str, size: int) -> dict[str, float]:
    """Cost of the floor and of the peer; the floor before and after, for the machine changes."""
    run = importlib.import_module(f"benchmarks.peers.{peer}").run
    graph = getattr(graphs, shape)(size)
    files = graph if len(graph) >= FLOOR_FILES else graphs.wide(FLOOR_FILES)
    cost(lambda: run(graphs.wide(3)))
    before = cost(lambda: floor.run(files)) / len(files)
    seconds = cost(lambda: run(graph))
    found = set(os.listdir("out"))
    if not found.issuperset(map(str, range(len(graph)))):
        raise RuntimeError(f"{peer} wrote {len(found)} of {len(graph)} files")
    memory = peak_memory()
    after = cost(lambda: floor.run(files)) / len(files)
    return {
        "tasks": len(graph),
        "microseconds": seconds / len(graph) * 1e6,
        "floor": (before + after) / 2 * 1e6,
        "memory": memory,
    }


def main() -> None:
    peer, shape, size, folder = sys.argv[1:]
    os.chdir(folder)
    # The project is this folder: its history and its locks lie here.
    os.environ["NBFLOW_HOME"] = os.path.join(folder, ".nbflow")
    print(json.dumps(measure(peer, shape, int(size))))


if __name__ == "__main__":
    main()
