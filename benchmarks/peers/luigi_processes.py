"""Luigi with two worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import luigi

if TYPE_CHECKING:
    from benchmarks.graphs import Graph


def run(graph: Graph) -> None:
    luigi.run(graph, workers=2)
