"""What a drawn graph consists of: boxes for tasks or families, and lines between them.

Up to `CARD_LIMIT` tasks each has its card. Above that, or where many stand beside each other, there
is a box a family, and of its own only what is in trouble and what that blocks, so that the way from
a failure to the root is seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nbflow.core.status import TaskState
from nbflow.display.diagram import label_lines
from nbflow.display.escape import visible
from nbflow.display.theme import TROUBLE, worst
from nbflow.display.tree import shown_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbflow.core.graph import TaskGraph

#: Tasks that each have a card.
CARD_LIMIT = 50
#: Tasks beside each other that each have a card; a longer row or column says no more than a count.
LEVEL_LIMIT = 16
#: Tasks that each have a box of one line, where all are asked for.
CHIP_LIMIT = 250
#: Tasks in trouble, and with them those that they block, that leave their family's box.
TROUBLE_SHOWN = 6
APART_LIMIT = 12
#: Boxes beyond which there is nothing to see, and the layout takes long.
BOX_LIMIT = 2_000


class BoxSize(StrEnum):
    """How much room a box has."""

    #: Badge, family, parameters, state.
    CARD = "card"
    #: A family: badge, family and number, a bar of its states.
    GROUP = "group"
    #: One line.
    CHIP = "chip"
    #: A badge only.
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Box:
    """One box: a task, or the tasks of a family."""

    family: str
    #: What tells a task from others, else its parameters; `×365` of a family.
    words: str
    ids: tuple[str, ...]
    #: The task with all its parameters; the family and how many.
    name: str

    @property
    def is_group(self) -> bool:
        """Whether it stands for several tasks."""
        return len(self.ids) > 1


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, and which lead to which: (what is required, what requires it), by position."""

    size: BoxSize
    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]

    def tallies(self, graph: TaskGraph) -> list[Counter[TaskState]]:
        """How many tasks of each box stand in which state."""
        nodes = graph.nodes
        return [Counter(nodes[i].state for i in box.ids if i in nodes) for box in self.boxes]

    def states(self, graph: TaskGraph) -> list[TaskState]:
        """The state that each box shows."""
        return [worst(tally) for tally in self.tallies(graph)]


def picture_of(graph: TaskGraph, *, expand: bool = False) -> Picture | None:
    """What is drawn of `graph`; None where it has no tasks, or too many to see anything.

    Parameters
    ----------
    expand
        A box for each task, however many.
    """
    count = len(graph)
    if not 0 < count <= BOX_LIMIT and (expand or not count):
        return None
    if count <= CARD_LIMIT and (expand or not is_folded(graph)):
        return _build(graph, BoxSize.CARD, [(i,) for i in graph.order()])
    if expand:
        size = BoxSize.CHIP if count <= CHIP_LIMIT else BoxSize.DOT
        return _build(graph, size, [(i,) for i in graph.order()])
    groups = _groups(graph)
    return _build(graph, BoxSize.GROUP, groups) if len(groups) <= CHIP_LIMIT else None


def is_folded(graph: TaskGraph) -> bool:
    """Whether `picture_of` draws families, unless each task is asked for."""
    return len(graph) > CARD_LIMIT or _widest_level(graph) > LEVEL_LIMIT


def _widest_level(graph: TaskGraph) -> int:
    """Most tasks that have equally long chains of requirements under them."""
    return max(Counter(graph.depths().values()).values(), default=0)


def _groups(graph: TaskGraph) -> list[tuple[str, ...]]:
    apart = _apart(graph)
    families: dict[str, list[str]] = {}
    singles: list[tuple[str, ...]] = []
    for task_id, node in graph.nodes.items():
        if task_id in apart:
            singles.append((task_id,))
        else:
            families.setdefault(node.record.family, []).append(task_id)
    return [*map(tuple, families.values()), *singles]


def _apart(graph: TaskGraph) -> set[str]:
    """Tasks in trouble, and those between them and the root that they block."""
    troubled = [i for i, node in graph.nodes.items() if node.state in TROUBLE]
    if not troubled or len(troubled) > TROUBLE_SHOWN:
        return set()
    dependents = graph.dependents()
    apart = set(troubled)
    waiting = list(troubled)
    while waiting and len(apart) < APART_LIMIT:
        for dependent in dependents[waiting.pop(0)]:
            blocked = graph.nodes[dependent].state is TaskState.UPSTREAM_FAILED
            if blocked and dependent not in apart and len(apart) < APART_LIMIT:
                apart.add(dependent)
                waiting.append(dependent)
    return apart


def _build(graph: TaskGraph, size: BoxSize, groups: Sequence[tuple[str, ...]]) -> Picture:
    at = {task_id: number for number, ids in enumerate(groups) for task_id in ids}
    common = _common(graph, [ids[0] for ids in groups if len(ids) == 1])
    boxes = tuple(_box(graph, ids, common) for ids in groups)
    return Picture(size, boxes, tuple(sorted(set(_edges(graph, at)))))


def _edges(graph: TaskGraph, at: dict[str, int]) -> Iterable[tuple[int, int]]:
    for task_id, node in graph.nodes.items():
        down = at[task_id]
        for dep in node.deps:
            up = at.get(dep)
            if up is not None and up != down:
                yield up, down


def _common(graph: TaskGraph, singles: Sequence[str]) -> set[str]:
    """Parameters whose value the one root has, and every single task that has them: it says so."""
    if len(graph.roots) != 1 or graph.roots[0] not in graph.nodes:
        return set()
    root = shown_parameters(graph.nodes[graph.roots[0]].record)
    common = set(root)
    for task_id in singles:
        values = shown_parameters(graph.nodes[task_id].record)
        common -= {name for name in common & values.keys() if values[name] != root[name]}
        if not common:
            break
    return common


def _box(graph: TaskGraph, ids: tuple[str, ...], common: set[str]) -> Box:
    record = graph.nodes[ids[0]].record
    family, words = label_lines(record, without=() if ids[0] in graph.roots else common)
    if len(ids) > 1:
        count = f"×{len(ids):,}"
        return Box(family, count, ids, f"{family} {count}")
    return Box(family, words, ids, visible(record.describe()))
