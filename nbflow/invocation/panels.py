"""Widgets put together with what runs: graphs, forms, histories, dashboards of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow import config, session
from nbflow.core.errors import NotATaskError
from nbflow.core.model.registry import rebind
from nbflow.core.model.task import BaseTask
from nbflow.invocation.grammar import Invocation
from nbflow.invocation.options import command_line
from nbflow.session import cards
from nbflow.session.display import display_settings, drawing_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.graph import TaskGraph
    from nbflow.core.model.task import Task
    from nbflow.display.model import ParameterTable
    from nbflow.session import Run
    from nbflow.stores.history_rows import RunRow, TaskRunRow
    from nbflow.widgets.dag_view import DagView
    from nbflow.widgets.parameter_form import ParameterForm


class LocalControl:
    """What widgets ask, answered by this process and its project; see `widgets.control`."""

    def __init__(self) -> None:
        self.settings = display_settings()
        self.drawing = drawing_options()

    def parameters(self, cls: type[Task]) -> ParameterTable:
        return cards.parameters(cls).table

    def plan(self, task: Task, *, force: bool = False) -> TaskGraph:
        return session.plan(task, force=force).graph

    def start(self, task: Task, *, force: bool = False) -> Run:
        options: dict[str, Any] = {
            name: config.value(name) for name in ("workers", "executor", "store")
        }
        given = [name for name, _ in type(task).get_params()]
        line = self.line(task, given, force=force)
        return session.start(task, force=force, invocation=line, where="cell (form)", **options)

    def line(self, task: Task, given: Sequence[str], *, force: bool = False) -> str:
        invocation = Invocation(
            command="run",
            target=type(task).task_family,
            values=dict.fromkeys(given, ""),
            flags={"force": ("",)} if force else {},
        )
        return command_line(invocation, task, shell=False)

    def runs(self) -> list[Run]:
        return session.active_runs()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        return session.watch_runs(lambda _run: watcher())

    def history(self, task: str | None, status: str | None, *, limit: int) -> list[RunRow]:
        from nbflow.stores import history

        path = session.store_path("")
        return history.read_runs(path, task_glob=task, status=status, limit=limit)

    def tasks_of(self, run_id: str) -> list[TaskRunRow]:
        from nbflow.stores import history

        return history.read_task_runs(session.store_path(""), run_id)

    def log(self, word: str | None, *, tail: int, grep: str | None = None) -> str:
        from nbflow.invocation.logs import find_log

        return repr(find_log(word, tail=tail, grep=grep))


def form(task: type[Task] | Task, *, read_only: bool = False) -> ParameterForm:
    """A form for the parameters of a task; with a task, its values stand in it.

    Raises
    ------
    NotATaskError
        It is something else.
    """
    from nbflow.widgets.parameter_form import ParameterForm

    if isinstance(task, BaseTask):
        task = rebind(task)
        cls = type(task)
        values = {n: getattr(task, n) for n, p in cls.get_params() if not p.is_private}
        return ParameterForm(cls, LocalControl(), values=values, read_only=read_only)
    if isinstance(task, type) and issubclass(task, BaseTask):
        return ParameterForm(task, LocalControl(), read_only=read_only)
    raise NotATaskError(f"expected a task or its class, found {type(task).__name__} {task!r:.100}.")


def graph_view(dag: session.Dag) -> DagView:
    """A graph to look around in."""
    from nbflow.widgets.dag_view import DagView

    options = drawing_options(rank=dag.rank, expand=dag.expand)
    return DagView(dag.graph, options=options, settings=display_settings())
