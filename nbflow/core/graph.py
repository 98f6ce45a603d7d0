"""A graph of tasks over ids: nodes, neighbours, order, and a cycle with its path.

All walks are iterative: a chain of 100,000 tasks is walked as well as a wide one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbflow.core.status import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nbflow.core.call import ErrorInfo
    from nbflow.core.events import TaskRecord


@dataclass(slots=True)
class GraphNode:
    """One task of a graph: who it is, what it requires, how it stands and why."""

    record: TaskRecord
    deps: tuple[str, ...] = ()
    state: TaskState = TaskState.PENDING
    #: Why it stands so, in words ("target missing", "forced", "always: declares no output").
    reason: str = ""
    error: ErrorInfo | None = None


@dataclass(slots=True)
class TaskGraph:
    """Tasks by id, in the order of discovery with requirements first.

    Ids in `deps` that are not in `nodes` are tasks that were not looked at: what lies under a
    complete task is not walked.
    """

    roots: tuple[str, ...]
    nodes: dict[str, GraphNode] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.nodes)

    def counts(self) -> dict[TaskState, int]:
        """How many tasks stand in each state; states without tasks are absent."""
        counts: dict[TaskState, int] = {}
        for node in self.nodes.values():
            counts[node.state] = counts.get(node.state, 0) + 1
        return counts

    def dependents(self) -> dict[str, list[str]]:
        """The tasks that require each task, in the order of the nodes."""
        found: dict[str, list[str]] = {task_id: [] for task_id in self.nodes}
        for task_id, node in self.nodes.items():
            for dep in dict.fromkeys(node.deps):
                if dep in found:
                    found[dep].append(task_id)
        return found

    def upstream(self, task_id: str) -> set[str]:
        """All tasks that `task_id` needs, itself included."""
        return reachable([task_id], lambda i: self.nodes[i].deps if i in self.nodes else ())

    def downstream(self, task_id: str) -> set[str]:
        """All tasks that need `task_id`, itself included."""
        dependents = self.dependents()
        return reachable([task_id], lambda i: dependents.get(i, ()))

    def order(self) -> list[str]:
        """Ids with requirements before what requires them; ties by task id, so always the same."""
        deps = {i: [d for d in n.deps if d in self.nodes] for i, n in self.nodes.items()}
        return topological_order(deps)

    def depths(self) -> dict[str, int]:
        """Length of the longest chain of requirements under each task; 0 for one without."""
        depths: dict[str, int] = {}
        for task_id in self.order():
            under = [depths[d] for d in self.nodes[task_id].deps if d in depths]
            depths[task_id] = 1 + max(under) if under else 0
        return depths

    def subgraph(self, keep: Iterable[str]) -> TaskGraph:
        """The same nodes (not copied), only those in `keep`; roots that are kept, else all tops."""
        wanted = set(keep)
        nodes = {i: n for i, n in self.nodes.items() if i in wanted}
        roots = tuple(r for r in self.roots if r in nodes)
        if not roots:
            required = {d for n in nodes.values() for d in n.deps}
            roots = tuple(i for i in nodes if i not in required)
        return TaskGraph(roots, nodes)


def reachable(starts: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> set[str]:
    """Everything that can be reached from `starts`, themselves included."""
    seen = set(starts)
    stack = list(seen)
    while stack:
        for neighbour in neighbours(stack.pop()):
            if neighbour not in seen:
                seen.add(neighbour)
                stack.append(neighbour)
    return seen


def topological_order(deps: Mapping[str, Sequence[str]]) -> list[str]:
    """Keys of `deps` with requirements first, ties by key; members of a cycle come last, by key.

    Every id in the values must be a key.
    """
    import heapq

    waiting = {key: len(set(values)) for key, values in deps.items()}
    dependents: dict[str, list[str]] = {key: [] for key in deps}
    for key, values in deps.items():
        for value in set(values):
            dependents[value].append(key)
    ready = sorted(key for key, count in waiting.items() if count == 0)
    order: list[str] = []
    while ready:
        key = heapq.heappop(ready)
        order.append(key)
        for dependent in dependents[key]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heapq.heappush(ready, dependent)
    if len(order) < len(deps):
        order.extend(sorted(deps.keys() - set(order)))
    return order


def find_cycle(deps: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Ids along one cycle, first and last the same, each requiring the next; None without one.

    Ids in the values that are no keys are leaves.
    """
    done: set[str] = set()
    for start in deps:
        if start in done:
            continue
        path: dict[str, Iterator[str]] = {start: iter(deps[start])}
        stack = [start]
        while stack:
            current = stack[-1]
            for neighbour in path[current]:
                if neighbour in path:
                    return [*stack[stack.index(neighbour) :], neighbour]
                if neighbour not in done and neighbour in deps:
                    path[neighbour] = iter(deps[neighbour])
                    stack.append(neighbour)
                    break
            else:
                stack.pop()
                del path[current]
                done.add(current)
    return None
