"""What ran before: a table to search and leaf through, and the tasks of a run that is chosen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from nbflow.core.errors import NbflowError
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import html, text, words
from nbflow.display.escape import markup, visible
from nbflow.display.theme import ORDER, RUN_STATES, STYLES, css_name
from nbflow.widgets.background import Background
from nbflow.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbflow.stores.history_rows import RunRow, TaskRunRow
    from nbflow.widgets.control import Control

#: Rows of a page, rows that are read, tasks of a run that are shown.
PAGE = 25
LIMIT = 500
_TASKS_SHOWN = 200
_HEAD = ("started", "task", "status", "took", "ran", "complete", "failed", "where", "run")


class HistoryView(Panel):
    """Runs of this project, the newest first.

    Attributes
    ----------
    query
        Part of a task's name, or a glob over it; "" for all.
    status
        Only runs that ended so, as `RunStatus` writes it in lower case; "" for all.
    selected
        Id of the chosen run, or "".
    """

    view = "history"
    fields: ClassVar[tuple[str, ...]] = (
        "rows", "query", "status", "statuses", "page", "pages", "total", "selected", "detail",
        "problem",
    )  # fmt: skip

    def __init__(self, control: Control, *, query: str = "", status: str = "") -> None:
        super().__init__(control.settings)
        self.control = control
        self.query = query
        self.status = status.lower()
        self.selected = ""
        self._page = 0
        self._rows: list[RunRow] = []
        self._tasks: list[TaskRunRow] = []
        self._problem = ""
        self._reading = Background("nbflow-history")
        self._listeners: list[Callable[[str], None]] = []
        self._end_watching = control.watch(self.refresh)
        self._read()

    def on_select(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the id of a run when it is chosen; in any thread."""
        self._listeners.append(callback)

    def refresh(self) -> None:
        """Read again what was recorded."""
        self._reading.ask(self._read)

    def close(self, *, replace: bool = True) -> None:
        self._end_watching()
        super().close(replace=replace)

    def act(self, action: str, message: Mapping[str, Any]) -> None:
        if action == "find":
            status = message.get("status")
            self.query = str(message.get("query", ""))[:200]
            self.status = status if status in _STATUSES else ""
            self._page = 0
            self.refresh()
        elif action == "page" and isinstance(message.get("page"), int):
            self._page = min(max(message["page"], 0), self._pages - 1)
        elif action == "select" and isinstance(message.get("run"), str):
            known = {row.run_id for row in self._rows}
            self.selected = message["run"] if message["run"] in known else ""
            self._tasks = []
            for listener in tuple(self._listeners):
                listener(self.selected)
            self.refresh()

    @property
    def _pages(self) -> int:
        return max(-(-len(self._rows) // PAGE), 1)

    def _read(self) -> None:
        try:
            rows = self.control.history(_glob(self.query), self.status or None, limit=LIMIT)
            tasks = self.control.tasks_of(self.selected) if self.selected else []
            problem = ""
        except NbflowError as error:
            rows, tasks, problem = [], [], f"{error.title}: {error}"
        with self.lock:
            self._rows, self._tasks, self._problem = rows, tasks, problem
        self.touch(urgent=False)

    def state(self) -> dict[str, Any]:
        with self.lock:
            page = min(self._page, self._pages - 1)
            shown = self._rows[page * PAGE : (page + 1) * PAGE]
            return {
                "rows": [_row(row) for row in shown],
                "query": self.query,
                "status": self.status,
                "statuses": list(_STATUSES),
                "page": page,
                "pages": self._pages,
                "total": len(self._rows),
                "selected": self.selected,
                "detail": self._detail(),
                "problem": visible(self._problem, limit=1_000),
            }

    def html(self) -> str:
        return html.table_html("Runs, the newest first", _HEAD, self._cells())

    def text(self) -> str:
        if not self._rows:
            return self._problem or "Nothing has run in this project yet, or nothing that fits."
        return text.table_text(_HEAD, self._cells(), ascii=self.settings.ascii)

    def _cells(self) -> list[tuple[object, ...]]:
        stable = self.settings.stable
        return [
            (
                words.moment(row.started, stable=stable), ", ".join(row.root_names),
                row.status.lower(), words.duration(row.seconds, stable=stable), row.ran,
                row.complete, row.failed, words.without_numbers(row.where) if stable else row.where,
                words.NO_RUN_ID if stable else row.run_id,
            )
            for row in self._rows[:PAGE]
        ]  # fmt: skip

    def _detail(self) -> str:
        run = next((row for row in self._rows if row.run_id == self.selected), None)
        if run is None:
            return ""
        order = {state: number for number, state in enumerate(ORDER)}
        tasks = sorted(self._tasks, key=lambda task: order[task.state])
        body = "".join(map(_task_row, tasks[:_TASKS_SHOWN]))
        more = len(tasks) - _TASKS_SHOWN
        rest = f'<p class="pale">… and {more:,} more</p>' if more > 0 else ""
        facts = [run.run_id, f"{run.user}@{run.host}", run.where]
        head = "".join(
            f'<th scope="col">{name}</th>' for name in ("state", "task", "took", "error")
        )
        return (
            f'<div class="pale">{markup(" · ".join(filter(None, facts)))}</div>'
            f'<table class="rows" aria-label="tasks of the run"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>{rest}"
        )


_STATUSES = tuple(status.lower() for status in RunStatus)


def _glob(query: str) -> str | None:
    if not query:
        return None
    return query if any(c in query for c in "*?[") else f"*{query}*"


def _row(run: RunRow) -> dict[str, Any]:
    state = RUN_STATES[run.status]
    return {
        "id": run.run_id,
        "started": words.moment(run.started),
        "task": visible(", ".join(run.root_names)) or "–",
        "css": css_name(state),
        "glyph": STYLES[state].glyph,
        "status": run.status.lower(),
        "took": words.duration(run.seconds),
        "ran": run.ran,
        "complete": run.complete,
        "failed": run.failed,
        "where": visible(run.where),
    }


def _task_row(task: TaskRunRow) -> str:
    shown = [f"{n}={v}" for n, v in json.loads(task.params).items() if n not in task.unshown]
    name = html.name_html(f"{task.family}({', '.join(shown)})")
    state = f"{html.glyph_html(task.state)} {STYLES[task.state].word}"
    took = words.duration(task.seconds) if task.seconds is not None else ""
    error = ""
    if task.error_type and task.state is TaskState.FAILED:
        first = task.error_message.split("\n", 1)[0]
        error = markup(f"{task.error_type}: {first}")
    return (
        f'<tr><td class="short">{state}</td><th scope="row">{name}</th>'
        f'<td class="number">{took}</td><td>{error}</td></tr>'
    )
