"""`dask.get`, the synchronous scheduler: no files of its own, no state, nothing is checked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import dask

from benchmarks.peers.floor import write

if TYPE_CHECKING:
    from benchmarks.graphs import Graph


def node(number: int, _: list[None]) -> None:
    write(number)


def run(graph: Graph) -> None:
    sys.setrecursionlimit(1_000_000)
    # Keys are words: a number among the arguments would be taken for a key.
    tasks = {
        f"task-{number}": (node, number, [f"task-{dep}" for dep in deps])
        for number, deps in enumerate(graph)
    }
    dask.get(tasks, f"task-{len(graph) - 1}")
