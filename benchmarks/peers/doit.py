"""doit with its state database; requirements are named, their files are not hashed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from benchmarks.peers.floor import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.graphs import Graph


def run(graph: Graph) -> None:
    def task_node() -> Iterator[dict[str, Any]]:
        for number, deps in enumerate(graph):
            yield {
                "name": str(number),
                "actions": [(write, [number])],
                "targets": [f"out/{number}"],
                "task_dep": [f"node:{dep}" for dep in deps],
            }

    sys.setrecursionlimit(1_000_000)  # it walks a chain by recursion
    settings = {"reporter": "zero", "verbosity": 0}
    loader = ModuleTaskLoader({"task_node": task_node, "DOIT_CONFIG": settings})
    if DoitMain(loader).run([f"node:{len(graph) - 1}"]):
        raise RuntimeError("doit did not finish")
