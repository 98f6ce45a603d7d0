"""The page of widgets: what goes on now, the graph, a form to run, the history, the logs.

It is one widget with four others in it; only what is to be seen is kept up to date.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.core.errors import NbflowError
from nbflow.core.graph import TaskGraph
from nbflow.core.status import RunStatus
from nbflow.display import html, words
from nbflow.display.escape import visible
from nbflow.display.theme import RUN_STATES, STYLES
from nbflow.widgets.background import Background
from nbflow.widgets.dag_view import DagView
from nbflow.widgets.history_view import LIMIT, HistoryView
from nbflow.widgets.log_view import LogView
from nbflow.widgets.panel import Panel
from nbflow.widgets.parameter_form import ParameterForm
from nbflow.widgets.run_view import run_card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.core.model.task import Task
    from nbflow.stores.history_rows import RunRow
    from nbflow.widgets.control import Control, RunHandle

#: Seconds that the overview looks back.
_DAY = 86_400.0
_FAILURES_SHOWN = 3


class Dashboard(Panel):
    """What runs and what ran in a project, and the way to run its tasks.

    Parameters
    ----------
    classes
        Tasks that can be chosen in the form; without any there is no form.
    read_only
        Nothing can be started or cancelled.

    Attributes
    ----------
    tab
        What is to be seen: "overview", "graph", "run", "history" or "logs".
    """

    view = "dashboard"
    fields: ClassVar[tuple[str, ...]] = (
        "title", "active", "overview", "children", "opened", "read_only",
    )  # fmt: skip
    interval = 0.5

    def __init__(
        self, classes: Sequence[type[Task]], control: Control, *, read_only: bool = False
    ) -> None:
        super().__init__(control.settings)
        self.control = control
        self.read_only = read_only
        self.tab = "overview"
        #: The tab that was chosen here and not in the page, and how often one was.
        self._opened: tuple[str, int] = ("overview", 0)
        self.graph = DagView(
            control.last_graph() or TaskGraph(()),
            options=control.drawing,
            settings=control.settings,
            stays=True,
            read_only=read_only,
        )
        self.history = HistoryView(control)
        self.log = LogView(control)
        self.form: ParameterForm | None = None
        if classes:
            self.form = ParameterForm(classes[0], control, others=classes, read_only=read_only)
            self.form.on_plan(self._show_plan)
        self._day: list[RunRow] = []
        self._problem = ""
        self._reading = Background("nbflow-history")
        self._on_run: list[Callable[[RunHandle], None]] = []
        self.graph.on_select(self._show_log_of_task)
        self.history.on_select(self._show_log)
        self._read()
        self._end_watching = control.watch(self._runs_changed)
        self._choose("overview")
        self._runs_changed()

    def on_run(self, callback: Callable[[RunHandle], None]) -> None:
        """Call `callback` with each run that is started here; in any thread."""
        if self.form is not None:
            self.form.on_submit(callback)

    def open(self, tab: str) -> None:
        """Show another tab."""
        self._opened = tab, self._opened[1] + 1
        self._choose(tab)
        self.touch()

    @property
    def follows(self) -> bool:
        """See `Panel`."""
        return bool(self.control.runs())

    def close(self, *, replace: bool = True) -> None:
        self._end_watching()
        for panel in self._panels().values():
            panel.close(replace=False)
        super().close(replace=replace)

    def _panels(self) -> dict[str, Panel]:
        panels: dict[str, Panel] = {"graph": self.graph}
        if self.form is not None:
            panels["run"] = self.form
        return {**panels, "history": self.history, "logs": self.log}

    # -- what the page asks for ------------------------------------------------------------------

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        run_id = message.get("run")
        if action == "tab" and message.get("tab") in {"overview", *self._panels()}:
            self._choose(message["tab"])
        elif action == "cancel" and not self.read_only:
            for run in self.control.runs():
                if run.run_id == run_id:
                    run.cancel()
        elif action == "log" and isinstance(run_id, str):
            self._show_log(run_id)
            self.open("logs")

    def _choose(self, tab: str) -> None:
        self.tab = tab
        for name, panel in self._panels().items():
            panel.visible = name == tab

    def _show_log(self, word: str) -> None:
        if word:
            self.log.show(word)

    def _show_log_of_task(self, task_id: str) -> None:
        if task_id in self.graph.graph.nodes:
            self.log.show(task_id)

    def _show_plan(self, plan: TaskGraph) -> None:
        if not self.control.runs():
            self.graph.show_graph(plan)

    # -- what it shows ---------------------------------------------------------------------------

    def _runs_changed(self) -> None:
        """A run began or has ended; called in its thread."""
        active = self.control.runs()
        if active and (self.graph.run is None or self.graph.run.done()):
            self.graph.follow(active[0])
        self._reading.ask(self._read)
        self.touch()

    def _read(self) -> None:
        try:
            rows = self.control.history(None, None, limit=LIMIT)
            problem = ""
        except NbflowError as error:
            rows, problem = [], f"{error.title}: {error}"
        since = time.time() - _DAY
        with self.lock:
            self._day = [row for row in rows if row.started >= since]
            self._problem = problem
        self.touch(urgent=False)

    def state(self) -> dict[str, Any]:
        active = [{"id": run.run_id, "html": run.look(run_card)} for run in self.control.runs()]
        with self.lock:
            return {
                "title": visible(os.path.basename(self.control.project) or self.control.project),
                "active": active,
                "overview": self._overview_html(),
                "children": self._children(),
                "opened": list(self._opened),
                "read_only": self.read_only,
            }

    def _children(self) -> dict[str, str]:
        """Ids of the widgets by tab; they are made with this one."""
        if self._sent:
            found: dict[str, str] = self._sent["children"]
            return found
        return {name: panel.widget.model_id for name, panel in self._panels().items()}

    def html(self) -> str:
        return f'<div data-nbflow="dashboard">{self._overview_html()}{self.history.html()}</div>'

    def text(self) -> str:
        return "\n".join([*self._overview_lines(), "", self.history.text()])

    def _overview_html(self) -> str:
        if self._problem or not self._day:
            return html.note_html("".join(self._overview_lines()))
        ends = " · ".join(
            f"{html.glyph_html(RUN_STATES[status])} {count:,} {status.lower()}"
            for status, count in self._counts()
        )
        glyph = html.glyph_html(RUN_STATES[RunStatus.FAILED])
        rows = [f"{glyph} {_named(row)} failed &emsp; {self._when(row)}" for row in self._failed()]
        longest = self._longest()
        if longest is not None:
            took = words.duration(longest.seconds)
            rows.append(f"longest: {_named(longest)} &emsp; {took}")
        lines = "".join(f"<div>{row}</div>" for row in rows)
        return f'<div style="margin:0 0 6px"><b>{self._said()}</b> &emsp; {ends}</div>{lines}'

    def _overview_lines(self) -> list[str]:
        """The last day in words: how many runs, how they ended, what failed, what took longest."""
        if self._problem:
            return [self._problem]
        if not self._day:
            return ["Nothing has run here in the last 24 hours."]
        ends = " · ".join(
            f"{STYLES[RUN_STATES[status]].glyph} {count:,} {status.lower()}"
            for status, count in self._counts()
        )
        lines = [self._said(), ends]
        lines += [
            f"failed: {', '.join(row.root_names)}  {self._when(row)}".rstrip()
            for row in self._failed()
        ]
        longest = self._longest()
        if longest is not None:
            took = words.duration(longest.seconds)
            lines.append(f"longest: {', '.join(longest.root_names)}, {took}")
        return lines

    def _said(self) -> str:
        return f"{words.plural(len(self._day), 'run')} in the last 24 hours"

    def _failed(self) -> list[RunRow]:
        return [row for row in self._day if row.status is RunStatus.FAILED][:_FAILURES_SHOWN]

    def _when(self, row: RunRow) -> str:
        return words.moment(row.started, stable=self.settings.stable)

    def _longest(self) -> RunRow | None:
        longest = max(self._day, key=lambda row: row.seconds or 0.0)
        return longest if longest.seconds and not self.settings.stable else None

    def _counts(self) -> list[tuple[RunStatus, int]]:
        counts = Counter(row.status for row in self._day)
        return [(status, counts[status]) for status in RunStatus if counts[status]]


def _named(row: RunRow) -> str:
    return ", ".join(map(html.name_html, row.root_names))
