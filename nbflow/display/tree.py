"""A graph as the rows of a tree: each task once, many alike as one, none beyond a limit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbflow.display.escape import visible
from nbflow.display.theme import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nbflow.core.events import TaskRecord
    from nbflow.core.graph import GraphNode, TaskGraph
    from nbflow.core.status import TaskState

#: So many tasks of one family, state and reason under one task become one row.
FOLD_FROM = 3
#: So many in trouble: they are told apart as long as one can read them.
FOLD_TROUBLE_FROM = 7
#: Rows of a tree; the rest is counted.
ROW_LIMIT = 200
_VALUES_SHOWN = 4
#: Members of a group whose parameters are compared.
_SAMPLE = 500


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One line of a tree: a task, several alike, or what was shown above (`again`)."""

    depth: int
    ids: tuple[str, ...]
    again: bool = False


def tree_rows(graph: TaskGraph, *, limit: int = ROW_LIMIT) -> tuple[list[TreeRow], int]:
    """The graph from its roots down, each task once, and how many tasks found no row.

    Siblings of one family that stand alike are one row. Tasks in trouble that fall behind the
    limit are told after it.
    """
    rows: list[TreeRow] = []
    seen: set[str] = set()
    stack = [(0, ids) for ids in reversed(list(_fold(graph, graph.roots)))]
    while stack and len(rows) < limit:
        depth, ids = stack.pop()
        fresh = tuple(i for i in ids if i not in seen)
        if len(fresh) < len(ids):
            rows.append(TreeRow(depth, tuple(i for i in ids if i in seen), again=True))
        if not fresh:
            continue
        seen.update(fresh)
        rows.append(TreeRow(depth, fresh))
        under = dict.fromkeys(dep for i in fresh for dep in graph.nodes[i].deps)
        stack += [(depth + 1, group) for group in reversed(list(_fold(graph, under)))]
    if len(seen) < len(graph):
        for task_id in _troubled(graph, seen):
            seen.add(task_id)
            rows.append(TreeRow(0, (task_id,)))
    return rows, len(graph) - len(seen)


def _troubled(graph: TaskGraph, seen: set[str], limit: int = 20) -> list[str]:
    left = (i for i, n in graph.nodes.items() if n.state in TROUBLE and i not in seen)
    return [task_id for task_id, _ in zip(left, range(limit), strict=False)]


def _fold(graph: TaskGraph, ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    groups: dict[tuple[str, TaskState, str], list[str]] = {}
    for task_id in ids:
        node = graph.nodes.get(task_id)
        if node is not None:
            key = (node.record.family, node.state, node.reason)
            groups.setdefault(key, []).append(task_id)
    for (_, state, _), members in groups.items():
        if len(members) >= (FOLD_TROUBLE_FROM if state in TROUBLE else FOLD_FROM):
            yield tuple(members)
        else:
            yield from ((member,) for member in members)


def shown_parameters(record: TaskRecord) -> dict[str, str]:
    """Name to serialized value of the parameters that are shown."""
    if record.params == "{}":
        return {}
    values = json.loads(record.params)
    return {name: str(value) for name, value in values.items() if name not in record.unshown}


def name_of(nodes: Sequence[GraphNode]) -> tuple[str, str]:
    """What a row is called: `Family(common=1)` and, for several, `×3 (base=EUR, USD, GBP)`."""
    if len(nodes) == 1:
        return visible(nodes[0].record.describe()), ""
    sample = [*nodes[:_SAMPLE], *nodes[_SAMPLE:][-1:]]
    values = [shown_parameters(node.record) for node in sample]
    first = values[0]
    common = {k: v for k, v in first.items() if all(other.get(k) == v for other in values)}
    varying = [key for key in first if key not in common]
    inside = ", ".join(f"{key}={visible(value, limit=60)}" for key, value in common.items())
    name = f"{visible(nodes[0].record.family)}({visible(inside)})"
    return name, f"×{len(nodes)}{_varying_words(varying, values, len(nodes))}"


def _varying_words(names: Sequence[str], values: Sequence[dict[str, str]], count: int) -> str:
    if not names:
        return ""
    if len(names) > 1:
        return f" ({', '.join(visible(name) for name in names)} differ)"
    name = names[0]
    told = [visible(value.get(name, ""), limit=30) for value in values]
    if count <= _VALUES_SHOWN:
        return f" ({visible(name)}={', '.join(told)})"
    return f" ({visible(name)}={told[0]} … {told[-1]})"
