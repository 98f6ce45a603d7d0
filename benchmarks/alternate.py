"""Measurements of several programs in turn, each in a process of its own; medians of the rounds.

In turn, for on a shared machine the load of a minute must hit all of them alike.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from statistics import median

from benchmarks.child import FAST

#: Seconds after which a program is cut off.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The median over the rounds."""

    #: CPU microseconds a task, those of the floor, and their ratio.
    microseconds: float
    floor: float
    ratio: float
    #: Bytes at the most.
    memory: float
    #: Of a program that did not end in time, the tasks that it had done; the true cost is higher.
    done: int | None = None

    @property
    def more(self) -> bool:
        """Whether it was cut off."""
        return self.done is not None


def in_turn(
    peers: tuple[str, ...], shape: str, size: int, rounds: int, *, patience: float | None = None
) -> dict[str, Cost]:
    """Cost of the graph `shape` of `size` with each of `peers` that is installed."""
    found: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers if _is_there(peer)}
    cut: dict[str, tuple[float, int]] = {}
    for _ in range(rounds):
        for peer in [peer for peer in found if peer not in cut]:
            before = _children_seconds()
            measured = _run(peer, shape, size, patience)
            if isinstance(measured, int):
                cut[peer] = ((_children_seconds() - before) / size * 1e6, measured)
            else:
                found[peer].append(measured)
    costs = {peer: _median(measures) for peer, measures in found.items() if measures}
    for peer, (microseconds, done) in cut.items():
        costs[peer] = Cost(microseconds, 0.0, 0.0, 0.0, done)
    return {peer: costs[peer] for peer in found}


def _is_there(peer: str) -> bool:
    package = {"luigi_processes": "luigi"}.get(peer, peer)
    if package in {"luigi", "doit", "dask"} and importlib.util.find_spec(package) is None:
        print(f"{package} is not installed and is left out (uv pip install {package})")
        return False
    return True


def _run(peer: str, shape: str, size: int, patience: float | None) -> dict[str, float] | int:
    """What the child measured, or the number of tasks that it had done when it was cut off."""
    with (
        tempfile.TemporaryDirectory(prefix="nbflow-bench-", dir=FAST) as folder,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", peer, shape, str(size), folder],
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process,
    ):
        try:
            answer, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return len(os.listdir(os.path.join(folder, "out")))
    if process.returncode:
        raise RuntimeError(f"{peer} failed at {shape} {size}")
    result: dict[str, float] = json.loads(answer.splitlines()[-1])
    return result


def _children_seconds() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _median(measures: list[dict[str, float]]) -> Cost:
    return Cost(
        median(one["microseconds"] for one in measures),
        median(one["floor"] for one in measures),
        median(one["microseconds"] / one["floor"] for one in measures),
        median(one["memory"] for one in measures),
    )
