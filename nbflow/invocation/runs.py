"""Runs found by the words of a person: which go on, which went on, and stopping or awaiting one."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nbflow import session
from nbflow.core.errors import (
    CommandError,
    NotSupportedHereError,
    UnknownRunError,
    WaitInterrupted,
    did_you_mean,
    shorten,
)
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import html, text, words
from nbflow.display.theme import RUN_STATES, STYLES
from nbflow.session import store_path
from nbflow.session.display import display_settings
from nbflow.stores import history

if TYPE_CHECKING:
    from nbflow.core.summary import RunSummary, TaskSummary
    from nbflow.session import Run, RunResult
    from nbflow.stores.history import RunRow, TaskRunRow

#: Runs that have ended and are listed.
_RECENT = 10
#: Tasks of one run that are listed.
_TASKS_SHOWN = 8
_HEAD = ("run", "task", "status", "tasks", "started", "took", "where")
_TASK_HEAD = ("task", "state", "message", "started", "took")
_OPEN = (TaskState.RUNNING, TaskState.SUSPENDED, TaskState.FAILED, TaskState.WAITING)
#: Seconds between two looks whether a run has ended: a wait that a signal can end everywhere.
_SLICE = 0.1


@dataclass(frozen=True, slots=True)
class RunLine:
    """How one run stands. Times are Unix seconds."""

    run_id: str
    title: str
    status: RunStatus
    #: `3 of 6 done · 1 running · 0 failed`.
    tasks: str
    started: float
    #: None where it goes on, and where its process is gone and could not say.
    ended: float | None
    where: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The line of a table."""
        ended = self.ended
        if ended is None and not self.status.is_final:
            ended = time.time()
        took = None if ended is None else ended - self.started
        status = f"{STYLES[RUN_STATES[self.status]].glyph} {self.status.lower()}"
        return (
            self.run_id,
            self.title,
            status,
            self.tasks,
            words.moment(self.started),
            words.duration(took),
            self.where,
        )


@dataclass(frozen=True, slots=True)
class RunsView:
    """Runs that go on, and the latest that have ended; of one run, its tasks too."""

    runs: tuple[RunLine, ...]
    tasks: tuple[tuple[str, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        tasks = [dict(zip(_TASK_HEAD, row, strict=True)) for row in self.tasks]
        return {"runs": [asdict(run) for run in self.runs], "tasks": tasks}

    def __repr__(self) -> str:
        ascii = display_settings().ascii
        if not self.runs:
            return "Nothing runs, and nothing has run in this project yet."
        shown = text.table_text(_HEAD, [run.cells for run in self.runs], ascii=ascii)
        if not self.tasks:
            return shown
        return f"{shown}\n\n{text.table_text(_TASK_HEAD, self.tasks, ascii=ascii)}"

    def _repr_html_(self) -> str:
        if not self.runs:
            return html.note_html(repr(self))
        parts = [html.cells_html(_HEAD, [run.cells for run in self.runs], caption="Runs")]
        if self.tasks:
            parts.append(html.cells_html(_TASK_HEAD, self.tasks, caption="Tasks"))
        return html.card_html("Runs", "".join(parts), kind="table", state=None)


def active_run(run: Run) -> RunsView:
    """A run of this process with its tasks that run or failed."""
    tasks = run.look(lambda summary: [_cells_of(task) for task in summary.in_state(*_OPEN)])
    return RunsView((_line_of_run(run),), tuple(tasks[:_TASKS_SHOWN]))


def list_runs(*, with_active: bool = True) -> RunsView:
    """Runs of this process that go on, those of others, and the latest that have ended.

    Parameters
    ----------
    with_active
        False leaves out those of this process that go on: a card of each is shown instead.
    """
    active = session.active_runs()
    for run in active:
        run.flush()
    here = [_line_of_run(run) for run in active]
    known = {line.run_id for line in here}
    path = store_path("")
    elsewhere = history.read_runs(path, status=RunStatus.RUNNING, limit=None)
    recent = history.read_runs(path, limit=_RECENT + len(elsewhere) + len(known))
    ended = [row for row in recent if row.status.is_final][:_RECENT]
    rows = [row for row in (*elsewhere, *ended) if row.run_id not in known]
    return RunsView((*(here if with_active else ()), *map(_line_of_row, rows)))


def recorded_run(word: str) -> RunsView:
    """A run of the store with its tasks that run or failed.

    Raises
    ------
    UnknownRunError
        There is none.
    """
    row = _recorded(word)
    tasks = history.read_task_runs(store_path(""), row.run_id)
    shown = [task for state in _OPEN for task in tasks if task.state is state]
    cells = [_task_cells(task) for task in shown[:_TASKS_SHOWN]]
    return RunsView((_line_of_row(row),), tuple(cells))


def runs_called(word: str) -> list[Run]:
    """Runs of this process that go on and that `word` names, the latest first.

    Parameters
    ----------
    word
        A run's id, its beginning or its end; the family, `Family(a=1)` or id of a task that it
        was asked for or that is part of it.
    """
    runs = session.active_runs()
    for run in runs:
        run.flush()
    found = [run for run in runs if is_id(run.run_id, word)]
    return found or [run for run in runs if run.look(lambda summary: tasks_called(summary, word))]


def find_active(word: str | None = None) -> Run | None:
    """The run that `word` names (see `runs_called`), else the only one that goes on; None for none.

    Raises
    ------
    CommandError
        Several are meant.
    """
    found = session.active_runs() if word is None else runs_called(word)
    if len(found) > 1:
        ids = ", ".join(run.run_id for run in found)
        raise CommandError(f"{len(found)} runs go on: {ids}. Name one of them.")
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class CancelReport:
    """What was asked of a run, and what still runs."""

    run_id: str
    title: str
    now: bool
    running: tuple[str, ...]
    #: Running tasks cannot be ended: they have a thread of this process.
    in_process: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        said = f"{self.run_id}  {self.title} is being cancelled: {self._told()}"
        return text.as_ascii(said) if display_settings().ascii else said

    def _repr_html_(self) -> str:
        return html.note_html(repr(self))

    def _told(self) -> str:
        if not self.running:
            return "no task runs; nothing more is started."
        named = ", ".join(self.running[:3])
        if len(self.running) > 3:
            named += f" and {len(self.running) - 3} more"
        is_one = len(self.running) == 1
        if self.in_process:
            told = (
                "runs inside this process and is" if is_one else "run inside this process and are"
            )
            return f"{named} {told} waited for."
        if self.now:
            return f"{named} {'is' if is_one else 'are'} ended now."
        told = (
            "is interrupted and has 5 s to end; --now ends it"
            if is_one
            else "are interrupted and have 5 s to end; --now ends them"
        )
        return f"{named} {told} at once."


def cancel(word: str | None = None, *, now: bool = False) -> CancelReport:
    """Ask the run that `word` names (see `find_active`) to stop; returns at once.

    Raises
    ------
    UnknownRunError
        No such run goes on.
    NotSupportedHereError
        It goes on in another process.
    """
    run = find_active(word)
    if run is None:
        raise _no_such_run(word)
    run.flush()
    running = run.look(lambda summary: summary.in_state(TaskState.RUNNING))
    in_process = not run.is_killable
    run.cancel(now=now)
    names = tuple(task.name for task in running)
    return CancelReport(run.run_id, run.title, now, names, in_process)


def wait(word: str | None = None) -> RunResult:
    """Wait until the run that `word` names has ended, and give its result; failures do not raise.

    Without a word: the only run that goes on, else the one that ended last.

    Raises
    ------
    WaitInterrupted
        The user stopped waiting; the run goes on.
    UnknownRunError, NotSupportedHereError
        As `cancel`.
    """
    run = find_active(word)
    if run is None:
        result = ended_here(word)
        if result is None:
            raise _no_such_run(word)
        return result
    try:
        while not run.is_over(within=_SLICE):
            pass
    except KeyboardInterrupt:
        raise WaitInterrupted(
            f"{run.run_id} goes on; %nbflow status {run.run_id} shows it, "
            f"%nbflow cancel {run.run_id} stops it."
        ) from None
    return run.wait(0)


def ended_here(word: str | None) -> RunResult | None:
    """The result of a run of this process, if it is still held; without a word of the last."""
    last = session.last_result()
    if last is not None and (word is None or is_id(last.run_id, word)):
        return last
    held = [run for run in session.background_runs() if word and is_id(run.run_id, word)]
    return held[-1].wait(0) if held and held[-1].done() else None


def _no_such_run(word: str | None) -> Exception:
    """Why `word` names no run that goes on here."""
    if word is None:
        return UnknownRunError("nothing runs in this kernel. %nbflow status lists what ran.")
    known = [run.run_id for run in session.active_runs()]
    try:
        row = _recorded(word)
    except UnknownRunError:
        listed = f" Going on: {', '.join(known)}." if known else " Nothing runs in this kernel."
        return UnknownRunError(
            f"no run that goes on is, or has a task, {shorten(word)!r}."
            f"{did_you_mean(word, known)}{listed}"
        )
    if row.status.is_final:
        return UnknownRunError(
            f"{row.run_id} has ended ({row.status.lower()}). %nbflow log {row.run_id}"
        )
    return NotSupportedHereError(f"{row.run_id} goes on in another process: {how_to_stop(row)}")


def how_to_stop(row: RunRow) -> str:
    """Where and how a run of another process is stopped."""
    if row.where.startswith("cell"):
        return (
            f"a notebook's kernel (process {row.pid} on {row.host}); "
            f"there %nbflow cancel {row.run_id} stops it."
        )
    return f"process {row.pid} on {row.host}; Ctrl-C there, or kill -INT {row.pid}, stops it."


def refuse_elsewhere(command: str, word: str | None) -> NotSupportedHereError:
    """Why `wait` and `cancel` cannot be had in a terminal, and what can."""
    sentence = f"{command} belongs to a notebook, whose kernel has runs in the background."
    if word is None:
        return NotSupportedHereError(f"{sentence} nbflow status lists what runs.")
    row = _recorded(word)
    if row.status.is_final:
        return NotSupportedHereError(f"{sentence} {row.run_id} has ended: nbflow log {row.run_id}.")
    return NotSupportedHereError(f"{sentence} {row.run_id} is {how_to_stop(row)}")


def _recorded(word: str) -> RunRow:
    path = store_path("")
    run_id = history.find_run(path, word)
    return next(row for row in history.read_runs(path, limit=None) if row.run_id == run_id)


def is_id(run_id: str, word: str) -> bool:
    """Whether `word` is the run's id, its beginning or its end (`…ab12`)."""
    part = word.strip().strip("….")
    return bool(part) and (run_id.startswith(part) or run_id.endswith(part))


def tasks_called(summary: RunSummary, word: str) -> list[TaskSummary]:
    """Tasks of the run whose family, `Family(a=1)` or id is `word`."""
    return [
        task
        for task_id, task in summary.tasks.items()
        if word in (task.record.family, task_id) or word == task.name
    ]


def _line_of_run(run: Run) -> RunLine:
    tally = run.look(words.tally)
    place = run.options.where or "python"
    where = f"{place}, this kernel" + (", background" if run.is_background else "")
    started = run.summary.started or time.time()
    return RunLine(run.run_id, run.title, RunStatus.RUNNING, tally, started, None, where)


def _line_of_row(row: RunRow) -> RunLine:
    place = row.where
    if row.status is RunStatus.RUNNING:
        place = f"{row.where}, process {row.pid} on {row.host}"
        finished = row.ran + row.complete + row.failed
        tally = f"{finished:,} of {row.tasks:,} done · {row.failed:,} failed"
    else:
        tally = f"{row.ran:,} ran · {row.complete:,} complete · {row.failed:,} failed"
    title = ", ".join(row.root_names)
    return RunLine(row.run_id, title, row.status, tally, row.started, row.ended, place)


def _cells_of(task: TaskSummary) -> tuple[str, ...]:
    error = task.error.type if task.error else ""
    return _cells(task, task.message or error, task.started, task.seconds)


def _task_cells(task: TaskRunRow) -> tuple[str, ...]:
    return _cells(task, task.message or task.error_type, task.started, task.seconds)


def _cells(
    task: TaskSummary | TaskRunRow, said: str, started: float | None, took: float | None
) -> tuple[str, ...]:
    percent = f"{task.fraction * 100:.0f} % " if task.fraction is not None else ""
    if task.state is TaskState.RUNNING and started:
        took = time.time() - started
    state = f"{STYLES[task.state].glyph} {STYLES[task.state].word}"
    return (task.name, state, percent + said, words.moment(started), words.duration(took))
