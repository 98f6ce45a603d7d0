"""Graphs to draw, small and large."""

from __future__ import annotations

from display_samples import record

from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.status import TaskState


class Grower:
    """Builds a graph task by task, requirements first."""

    def __init__(self):
        self.nodes = {}

    def add(self, family, *deps, state=TaskState.PENDING, **params):
        task = record(family, **params)
        ids = tuple(dep.task_id for dep in deps)
        self.nodes[task.task_id] = GraphNode(task, ids, state)
        return task

    def graph(self, *roots):
        return TaskGraph(tuple(root.task_id for root in roots), self.nodes)


def diamond(value="1"):
    """One raw input, two tasks on it, one on both."""
    g = Grower()
    raw = g.add("Raw", state=TaskState.COMPLETE, n=value)
    left = g.add("Left", raw, state=TaskState.DONE, n=value)
    right = g.add("Right", raw, state=TaskState.RUNNING, n=value)
    return g.graph(g.add("Top", left, right, n=value))


def wide(count, *, bad=(), state=TaskState.DONE):
    """A year on `count` days, each on its raw input; the days in `bad` failed."""
    g = Grower()
    days = []
    for day in range(count):
        raw = g.add("Raw", state=TaskState.COMPLETE, day=day)
        days.append(g.add("Day", raw, state=TaskState.FAILED if day in bad else state, day=day))
    top = TaskState.UPSTREAM_FAILED if bad else TaskState.PENDING
    return g.graph(g.add("Year", *days, state=top, year=2026))
