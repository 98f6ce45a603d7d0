"""nbflow with its default settings: every event is recorded in the SQLite history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import nbflow_memory

if TYPE_CHECKING:
    from benchmarks.graphs import Graph


def run(graph: Graph) -> None:
    nbflow_memory.run(graph, store="")
