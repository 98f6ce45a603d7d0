"""What a run or a task wrote, found by the words of a person."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbflow import config, session
from nbflow.core.errors import UnknownRunError, UnknownTaskError
from nbflow.core.status import TaskState
from nbflow.display import words
from nbflow.display.escape import visible, visible_line
from nbflow.invocation.runs import is_id, runs_called, tasks_called
from nbflow.session import store_path
from nbflow.stores import history
from nbflow.stores.run_log import read_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.summary import TaskSummary
    from nbflow.session import Run
    from nbflow.stores.history import RunRow, TaskRunRow

#: Characters of a line that are shown.
_LINE = 10_000
_CALL = re.compile(r"([^\W\d][\w.]*)\((.*)\)", re.DOTALL)
_ARGUMENT = re.compile(r"([^\W\d]\w*)=(.*?)(?:,\s*(?=[^\W\d]\w*=)|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LogPart:
    """What one task, or a whole run, wrote."""

    title: str
    #: As it was written.
    text: str
    #: What failed, and where; a whole traceback if that was asked for.
    error: str = ""


@dataclass(frozen=True, slots=True)
class LogView:
    """The output of a run or of tasks of it, as an object that shows itself."""

    run_id: str
    parts: tuple[LogPart, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        parts = [{"title": p.title, "text": p.text, "error": p.error} for p in self.parts]
        return {"run_id": self.run_id, "parts": parts}

    def __repr__(self) -> str:
        return "\n".join(line for part in self.parts for line in _lines(part))


def find_log(
    word: str | None = None, *, tail: int = 200, grep: str | None = None, full: bool = False
) -> LogView:
    """The output of the run, or of the task, that `word` names; of the last run without a word.

    Parameters
    ----------
    word
        A task's family (a glob), id or `Family(a=1)`: the last run in which it ran. Or the id of a
        run, or its end.
    tail
        The last so many lines; 0 for all.
    grep
        Only lines with this text.
    full
        Whole tracebacks of what failed.

    Raises
    ------
    UnknownTaskError, UnknownRunError
        Nothing recorded has that name.
    """
    path = store_path("")
    chosen = _Choice(tail, grep, full)
    going_on = _of_active(word, chosen)
    if going_on is not None:
        return going_on
    if word is None:
        run_id = history.last_run_id(path)
        if run_id is None:
            raise UnknownRunError("nothing has run in this project yet, so there is no log.")
        found: list[TaskRunRow] = []
    else:
        found = [] if word.startswith(("r-", "…")) else _last_task_runs(path, word)
        run_id = found[0].run_id if found else _find_run(path, word)
    if found:
        return LogView(run_id, tuple(chosen.of_task(row) for row in found))
    return LogView(run_id, (chosen.of_run(path, run_id),))


def _of_active(word: str | None, chosen: _Choice) -> LogView | None:
    """The output so far of a run of this process that goes on, recorded or not, or of its tasks."""
    run = _latest_active() if word is None else next(iter(runs_called(word)), None)
    if run is None:
        return None
    run.flush()
    if word is None or is_id(run.run_id, word):
        return LogView(run.run_id, (chosen.of_active(run),))
    tasks = run.look(lambda summary: tasks_called(summary, word))
    begun = [task for task in tasks if task.attempt]
    parts = tuple(chosen.of_summary(run.run_id, task) for task in begun)
    return LogView(run.run_id, parts) if parts else None


def _latest_active() -> Run | None:
    """The run that goes on and began last, unless one that has ended began later."""
    runs = session.active_runs()
    for run in runs:
        run.catch_up()
    last = session.last_result()
    after = 0.0 if last is None else last.started
    begun = [run for run in runs if run.summary.started > after]
    return max(begun, key=lambda run: run.summary.started, default=None)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which part of a log is wanted."""

    tail: int
    grep: str | None
    full: bool

    def of_task(self, row: TaskRunRow) -> LogPart:
        took = f"  {words.duration(row.seconds)}" if row.seconds is not None else ""
        title = f"{row.name}  {row.state}  {words.moment(row.started)}{took}  {row.run_id}"
        return LogPart(title, self._read(row.run_id, row.task_id), self._error(row))

    def of_run(self, path: str, run_id: str) -> LogPart:
        rows = history.read_task_runs(path, run_id, status=TaskState.FAILED)
        errors = "\n".join(f"{row.name}: {self._error(row)}" for row in rows)
        return LogPart(_run_title(path, run_id), self._read(run_id, None), errors)

    def of_active(self, run: Run) -> LogPart:
        errors = run.look(lambda s: [_error_of(task) for task in s.in_state(TaskState.FAILED)])
        title = f"{run.run_id}  {run.title}  running  {words.moment(run.summary.started)}"
        return LogPart(title, self._read(run.run_id, None), "\n".join(errors))

    def of_summary(self, run_id: str, task: TaskSummary) -> LogPart:
        title = f"{task.name}  {task.state}  {words.moment(task.started)}  {run_id}"
        return LogPart(title, self._read(run_id, task.record.task_id), _error_of(task))

    def _read(self, run_id: str, task_id: str | None) -> str:
        folder = os.path.join(config.find_project().home, "logs")
        tail = self.tail or None
        if self.grep is None:
            return read_log(folder, run_id, task_id, tail=tail)
        lines = read_log(folder, run_id, task_id).splitlines(keepends=True)
        matching = [line for line in lines if self.grep in line]
        return "".join(matching[-tail:] if tail else matching)

    def _error(self, row: TaskRunRow) -> str:
        if not row.error_type or row.state is not TaskState.FAILED:
            return ""
        if self.full and row.error_traceback:
            return row.error_traceback.rstrip()
        where = f"  {row.error_file}, line {row.error_line}" if row.error_file else ""
        first = row.error_message.split("\n", 1)[0]
        return f"{row.error_type}: {first}{where}"


def _error_of(task: TaskSummary) -> str:
    return "" if task.error is None else f"{task.name}: {words.error_line(task.error)}"


def _lines(part: LogPart) -> list[str]:
    """Title, output, errors; as written, but for what would steer a terminal."""
    written = part.text or part.error or "(it wrote nothing)\n"
    told = [*written.splitlines(), *(part.error.splitlines() if part.text else ())]
    return [visible(part.title, limit=500), *(visible_line(line, limit=_LINE) for line in told)]


def _run_title(path: str, run_id: str) -> str:
    run = next((row for row in history.read_runs(path, limit=None) if row.run_id == run_id), None)
    return run_id if run is None else _title_of(run)


def _title_of(run: RunRow) -> str:
    roots = ", ".join(run.root_names)
    return f"{run.run_id}  {roots}  {run.status.lower()}  {words.moment(run.started)}"


def _last_task_runs(path: str, word: str) -> list[TaskRunRow]:
    """The tasks that `word` names, of the last run in which one of them ran; may be empty."""
    call = _CALL.fullmatch(word)
    rows: Sequence[TaskRunRow]
    if call is None:
        rows = history.read_task_runs(path, task_glob=word)
    else:
        rows = history.read_task_runs(path, task_glob=call[1])
        given = dict(_ARGUMENT.findall(call[2]))
        rows = [row for row in rows if _has_values(row, given)]
    ran = [row for row in rows if row.attempts]
    chosen = ran or list(rows)
    return [row for row in chosen if row.run_id == chosen[0].run_id]


def _has_values(row: TaskRunRow, given: dict[str, str]) -> bool:
    """Whether the task has these values; a value may have been cut, as cards do, with `…`."""
    values = json.loads(row.params)
    return all(
        str(values.get(name, "")).startswith(value.removesuffix("…"))
        if value.endswith("…")
        else values.get(name) == value
        for name, value in given.items()
    )


def _find_run(path: str, word: str) -> str:
    try:
        return history.find_run(path, word)
    except UnknownRunError as error:
        if word.startswith(("r-", "…")):
            raise
        raise UnknownTaskError(
            f"no task and no run called {word!r} is recorded. %nbflow history lists the runs, "
            "%nbflow history --task the tasks."
        ) from error
