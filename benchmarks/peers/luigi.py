"""Luigi with its local scheduler and without log lines."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import luigi

if TYPE_CHECKING:
    from benchmarks.graphs import Graph

graph: Graph = []
logging.getLogger("luigi").setLevel(logging.CRITICAL)
logging.getLogger("luigi-interface").setLevel(logging.CRITICAL)


class Node(luigi.Task):
    """One task of the graph."""

    i = luigi.IntParameter()

    def requires(self):
        return [Node(i=number) for number in graph[self.i]]

    def output(self):
        return luigi.LocalTarget(f"out/{self.i}")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


def run(of: Graph, **options: object) -> None:
    global graph  # noqa: PLW0603 - tasks have nothing but parameters
    graph = of
    root = Node(i=len(of) - 1)
    settings = {"local_scheduler": True, "log_level": "CRITICAL", **options}
    if not luigi.build([root], **settings):
        raise RuntimeError("Luigi did not finish")
