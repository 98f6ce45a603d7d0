"""Widgets put together with what runs: graphs, forms, histories, dashboards of this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from nbflow import config, session
from nbflow.core.errors import NotATaskError
from nbflow.core.model import registry
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
    from nbflow.widgets.dashboard import Dashboard
    from nbflow.widgets.history_view import HistoryView
    from nbflow.widgets.parameter_form import ParameterForm
    from nbflow.widgets.run_view import RunView


class LocalControl:
    """What widgets ask, answered by this process and its project; see `widgets.control`."""

    def __init__(self) -> None:
        self.settings = display_settings()
        self.drawing = drawing_options()
        self.project = config.find_project().root

    def parameters(self, cls: type[Task]) -> ParameterTable:
        return cards.parameters(cls).table

    def plan(self, task: Task, *, force: bool = False) -> TaskGraph:
        return session.plan(task, force=force).graph

    def start(self, task: Task, line: str, *, force: bool = False) -> Run:
        options: dict[str, Any] = {
            name: config.value(name) for name in ("workers", "executor", "store")
        }
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

    def last_graph(self) -> TaskGraph | None:
        last = session.last_result()  # false where the run failed
        return None if last is None else last.summary.graph()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        # Weakly: a view that nobody shows or holds any more must not be kept alive by this.
        known = WeakMethod(watcher)

        def tell(_run: object) -> None:
            told = known()
            if told is None:
                end()
            else:
                told()

        end = session.watch_runs(tell)
        return end

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
        values = {name: getattr(task, name) for name, _ in cls.get_params()}
        return ParameterForm(cls, LocalControl(), values=values, read_only=read_only)
    if isinstance(task, type) and issubclass(task, BaseTask):
        return ParameterForm(task, LocalControl(), read_only=read_only)
    raise NotATaskError(f"expected a task or its class, found {type(task).__name__} {task!r:.100}.")


def history_view(query: str = "", *, status: str = "") -> HistoryView:
    """Recorded runs to search and leaf through."""
    from nbflow.widgets.history_view import HistoryView

    return HistoryView(LocalControl(), query=query, status=status)


def run_view(run: Run) -> RunView:
    """A run to watch and to cancel."""
    from nbflow.widgets.run_view import RunView

    return RunView(run, LocalControl())


def dashboard(*tasks: type[Task] | Task | str, read_only: bool | None = None) -> Dashboard:
    """A page of widgets: what goes on, the graph, a form to run, history, logs.

    Parameters
    ----------
    tasks
        Classes, or names of families, that can be chosen in the form; none: those of the notebook,
        or all where it defines none.
    read_only
        Nothing can be started or cancelled; None: so where the page is served by voila.

    Raises
    ------
    RegistryError
        A name leads to no task.
    """
    from nbflow.widgets.dashboard import Dashboard

    if read_only is None:
        read_only = os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")
    return Dashboard(_classes(tasks), LocalControl(), read_only=read_only)


def _classes(tasks: Sequence[type[Task] | Task | str]) -> list[type[Task]]:
    if tasks:
        return [_class_of(task) for task in tasks]
    known = [cls for cls in registry.task_classes() if not cls.__module__.startswith("nbflow.")]
    return [cls for cls in known if cls.__module__ == "__main__"] or known


def _class_of(task: type[Task] | Task | str) -> type[Task]:
    if isinstance(task, str):
        return registry.get_task_cls(task)
    cls = task if isinstance(task, type) else type(task)
    if not issubclass(cls, BaseTask):
        raise NotATaskError(f"expected a task or its class, found {task!r:.100}.")
    return cls
