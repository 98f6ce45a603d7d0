"""The shapes of graphs: for each task the numbers of those that it requires, the root last."""

from __future__ import annotations

#: Requirements by task; a task's requirements come before it.
Graph = list[list[int]]


def wide(size: int) -> Graph:
    """One root on `size` tasks that require nothing."""
    return [*([] for _ in range(size)), list(range(size))]


def chain(size: int) -> Graph:
    """Each task on the one before."""
    return [[number - 1] if number else [] for number in range(size)]


def layers(size: int, width: int = 100) -> Graph:
    """Layers of `width` tasks, each on three of the layer before, and a root on the last layer."""
    graph: Graph = [[] for _ in range(width)]
    for start in range(width, size, width):
        below = start - width
        graph += [[below + (place + step) % width for step in (0, 1, 7)] for place in range(width)]
    return [*graph, list(range(len(graph) - width, len(graph)))]
