"""Plans and graphs of tasks as objects that show themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import UnknownTaskError, did_you_mean
from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.model.task import Task
from nbflow.core.status import TaskState, TaskStatus
from nbflow.display.environment import name_file
from nbflow.runtime.plan import Planner, record_of
from nbflow.session.display import display_settings, drawing_options
from nbflow.session.snapshot import SnapshotCheck

if TYPE_CHECKING:
    from nbflow.core.scheduler.commands import AddTask
    from nbflow.display.drawing import DrawingOptions
    from nbflow.session.options import RunOptions
    from nbflow.widgets.dag_view import DagView

_STATES = {
    TaskStatus.DONE: TaskState.COMPLETE,
    TaskStatus.PENDING: TaskState.PENDING,
    TaskStatus.DISABLED: TaskState.DISABLED,
    TaskStatus.UNKNOWN: TaskState.UNPLANNED,
}


def graph_of(tasks: tuple[Task, ...], options: RunOptions, *, descend: bool = False) -> TaskGraph:
    """What a run of `tasks` would consist of; nothing is run, locked or recorded.

    Parameters
    ----------
    descend
        Look also at what lies under complete tasks.

    Raises
    ------
    CycleError
        A task requires itself through others.
    """
    planner = Planner(
        policy=options.policy,
        check=SnapshotCheck(),
        force=options.forces(tasks),
        descend=descend or options.forces_others,
        name_file=name_file,
    )
    graph = TaskGraph(tuple(task.task_id for task in tasks))
    for command in planner.expand(*tasks):
        task = planner.tasks[command.task.task_id]
        graph.nodes[command.task.task_id] = _node(command, task, planner.forced)
    return graph


def _node(command: AddTask, task: Task, forced: set[str]) -> GraphNode:
    state = _STATES[command.status]
    if state is TaskState.PENDING and not command.runnable:
        state = TaskState.MISSING
    try:
        record = record_of(task, describe=True)
    except Exception:  # noqa: BLE001 - the user's output() may raise; its complete() was told
        record = command.task
    reason = _reason(command, task, record.has_output, forced)
    return GraphNode(record, command.deps or (), state, reason, command.error)


def _reason(command: AddTask, task: Task, has_output: bool, forced: set[str]) -> str:
    if command.error is not None:
        return f"{command.error.type}: {command.error.message}"
    if command.status is TaskStatus.DONE:
        return "complete"
    if command.status is TaskStatus.DISABLED:
        return "disabled"
    if not command.runnable:
        return "external input missing"
    if command.task.task_id in forced:
        return "forced"
    if command.task.is_wrapper:
        return "requirements incomplete"
    if type(task).complete is not Task.complete:
        return "complete() says no"
    return "target missing" if has_output else "always: declares no output"


class GraphView:
    """A graph of tasks that can be looked at, asked and saved."""

    def __init__(self, graph: TaskGraph) -> None:
        self.graph = graph

    def __len__(self) -> int:
        return len(self.graph)

    def _ipython_key_completions_(self) -> list[str]:
        return [node.record.describe() for node in self.graph.nodes.values()]


class Plan(GraphView):
    """What a run would do, and why. Nothing was run."""

    @property
    def to_run(self) -> list[str]:
        """`Family(a=1)` of the tasks that would run, requirements first."""
        return [
            node.record.describe()
            for node in self.graph.nodes.values()
            if node.state is TaskState.PENDING
        ]

    @property
    def complete(self) -> list[str]:
        """`Family(a=1)` of the tasks that are complete."""
        return [
            node.record.describe()
            for node in self.graph.nodes.values()
            if node.state is TaskState.COMPLETE
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "roots": list(self.graph.roots),
            "tasks": [
                {
                    "task_id": task_id,
                    "task": node.record.describe(),
                    "state": str(node.state),
                    "reason": node.reason,
                    "requires": list(node.deps),
                    "outputs": list(node.record.outputs),
                }
                for task_id, node in self.graph.nodes.items()
            ],
        }

    def __repr__(self) -> str:
        from nbflow.display import text

        return text.plan_text(self.graph, ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html

        return html.plan_html(self.graph)


class Dag(GraphView):
    """The dependency graph of tasks, complete ones included.

    Parameters
    ----------
    rank
        "LR" draws it from left to right, "TB" from the top down.
    expand
        Draw a box for each task, also of large families.
    """

    def __init__(self, graph: TaskGraph, *, rank: str = "", expand: bool = False) -> None:
        super().__init__(graph)
        self.rank = rank
        self.expand = expand

    def select(self, *, up: str = "", down: str = "", depth: int | None = None) -> Dag:
        """A part of the graph, drawn the same way.

        Parameters
        ----------
        up
            Only this task and what it needs: `Family`, `Family(a=1)` or an id.
        down
            Only this task and what needs it.
        depth
            At most so many steps away from the tops of what is left.

        Raises
        ------
        UnknownTaskError
            The graph has no such task.
        """
        graph = self.graph
        for name, reach in ((up, graph.upstream), (down, graph.downstream)):
            if name:
                found = [reach(task_id) for task_id in self._named(name)]
                graph = graph.subgraph(set(graph.nodes).intersection(set[str]().union(*found)))
        if depth is not None:
            graph = graph.subgraph(_within(graph, depth))
        return Dag(graph, rank=self.rank, expand=self.expand)

    def view(self) -> DagView:
        """The graph to look around in: zoom, search, click, keys; for a page with a kernel."""
        from nbflow.widgets.dag_view import DagView

        return DagView(self.graph, options=self._options(), settings=display_settings())

    def to_graphviz(self) -> Any:
        """The graph as a `graphviz.Digraph`; the layout engine is not needed for it."""
        from nbflow.display import diagram

        return diagram.to_graphviz(self.graph, rank=self.rank or "LR")

    def to_dot(self) -> str:
        """The graph in Graphviz's language."""
        return str(self.to_graphviz().source)

    def to_mermaid(self) -> str:
        """The graph in Mermaid's language."""
        from nbflow.display import diagram

        return diagram.to_mermaid(self.graph, rank=self.rank or "LR")

    def render(self, format: str) -> bytes:
        """The graph as "text", "svg", "png", "html", "dot" or "mermaid".

        Raises
        ------
        NotSupportedHereError
            The graph cannot be drawn here.
        """
        from nbflow.display import drawing

        return drawing.render(self.graph, format, self._options())

    def save(self, path: str) -> str:
        """Write the graph to `path`; returns the absolute path.

        The suffix says the format: .svg, .png, .html, .dot, .mmd or .txt.

        Raises
        ------
        BadFlagValueError, NotSupportedHereError
            The suffix is that of no format; the graph cannot be drawn here.
        """
        from nbflow.display import drawing

        drawing.save(self.graph, path, self._options())
        return os.path.abspath(path)

    def _options(self) -> DrawingOptions:
        return drawing_options(rank=self.rank, expand=self.expand)

    def _named(self, name: str) -> list[str]:
        found = [
            task_id
            for task_id, node in self.graph.nodes.items()
            if name in {task_id, node.record.family, node.record.describe()}
        ]
        if not found:
            families = {node.record.family for node in self.graph.nodes.values()}
            raise UnknownTaskError(
                f"no task of the graph is {name!r}.{did_you_mean(name, families)}"
            )
        return found

    def __repr__(self) -> str:
        from nbflow.display import text

        return text.tree_text(self.graph, ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import drawing, html

        picture = drawing.picture_html(self.graph, self._options())
        return html.tree_html(self.graph, picture=picture)


def _within(graph: TaskGraph, depth: int) -> set[str]:
    """Tasks that are at most `depth` steps below the roots."""
    found = set(graph.roots)
    level = found
    for _ in range(depth):
        level = {
            dep
            for task_id in level
            for dep in graph.nodes[task_id].deps
            if dep in graph.nodes and dep not in found
        }
        found = found | level
    return found
