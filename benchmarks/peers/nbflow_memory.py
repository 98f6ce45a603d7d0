"""nbflow without a history (`--store memory:`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbflow

if TYPE_CHECKING:
    from benchmarks.graphs import Graph

graph: Graph = []


class Node(nbflow.Task):
    """One task of the graph."""

    i = nbflow.IntParameter()

    def requires(self):
        return [Node(i=number) for number in graph[self.i]]

    def output(self):
        return nbflow.LocalTarget(f"out/{self.i}")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


def run(of: Graph, **options: object) -> None:
    global graph  # noqa: PLW0603 - tasks have nothing but parameters
    graph = of
    nbflow.run(Node(i=len(of) - 1), **{"store": "memory:", **options})
