"""nbflow with two worker processes and its default settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbflow

if TYPE_CHECKING:
    from benchmarks.graphs import Graph


class Leaf(nbflow.Task):
    """A task of its own; it must not need the graph, which the workers do not have."""

    i = nbflow.IntParameter()

    def output(self):
        return nbflow.LocalTarget(f"out/{self.i}")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


class Root(Leaf):
    """Requires all others."""

    def requires(self):
        return [Leaf(i=number) for number in range(self.i)]


def run(graph: Graph) -> None:
    nbflow.run(Root(i=len(graph) - 1), workers=2, executor="process")
