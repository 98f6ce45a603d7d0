"""Plans and graphs of tasks as objects that show themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nbflow.core.graph import GraphNode, TaskGraph
from nbflow.core.model.task import Task
from nbflow.core.status import TaskState, TaskStatus
from nbflow.display.environment import name_file
from nbflow.runtime.plan import Planner, record_of
from nbflow.session.display import display_settings
from nbflow.session.snapshot import SnapshotCheck

if TYPE_CHECKING:
    from nbflow.core.scheduler.commands import AddTask
    from nbflow.session.options import RunOptions

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
    """The dependency graph of tasks, complete ones included."""

    def to_graphviz(self) -> Any:
        """The graph as a `graphviz.Digraph`; the layout engine is not needed for it."""
        from nbflow.display import diagram

        return diagram.to_graphviz(self.graph)

    def to_dot(self) -> str:
        """The graph in Graphviz's language."""
        return str(self.to_graphviz().source)

    def to_mermaid(self) -> str:
        """The graph in Mermaid's language."""
        from nbflow.display import diagram

        return diagram.to_mermaid(self.graph)

    def save(self, path: str) -> str:
        """Write the graph to `path`, in the format of its suffix; returns the absolute path."""
        from nbflow.display import layout

        layout.save(self.graph, path)
        return os.path.abspath(path)

    def __repr__(self) -> str:
        from nbflow.display import text

        return text.tree_text(self.graph, ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html

        return html.tree_html(self.graph)
