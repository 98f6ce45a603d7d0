"""The history as a table of text, without the seconds that pandas takes to be imported."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nbflow.core.errors import BadFlagValueError, did_you_mean
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import text, words
from nbflow.display.escape import shown_path
from nbflow.session import store_path
from nbflow.session.display import display_settings
from nbflow.stores import history

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from enum import StrEnum

Row = TypeVar("Row")
RowKind = Literal["run", "task", "failure", "family"]

_RUN_HEAD = ("started", "run", "task", "status", "took", "ran", "complete", "failed", "where")
_TASK_HEAD = ("started", "run", "task", "state", "took", "error")
_FAILURE_HEAD = ("when", "run", "task", "attempt", "error", "where")
_FAMILY_HEAD = ("task", "succeeded", "p50", "p90", "last")
#: What a row is, by flag.
_ROWS: dict[str, RowKind] = {"task": "task", "failures": "failure", "durations": "family"}


@dataclass(frozen=True, slots=True)
class HistoryView:
    """Runs, or tasks of runs, the newest first, as an object that shows itself."""

    head: tuple[str, ...]
    cells: tuple[tuple[object, ...], ...]
    records: tuple[dict[str, Any], ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """Everything that is recorded of each; times are Unix seconds."""
        return list(self.records)

    def __repr__(self) -> str:
        if not self.cells:
            return "Nothing has run in this project yet, or nothing that fits."
        return text.table_text(self.head, self.cells, ascii=display_settings().ascii)


def look_back(
    pattern: str | None = None,
    *,
    status: str | None = None,
    since: float | None = None,
    limit: int = 50,
    by: RowKind = "run",
) -> HistoryView:
    """What ran in this project.

    Parameters
    ----------
    pattern
        A glob over the family of a run's roots, or of the tasks.
    status
        A RunStatus, or a TaskState where rows are tasks, in any case.
    since
        Only what started in the last so many seconds.
    by
        What a row is; see `nbflow.history`.

    Raises
    ------
    BadFlagValueError
        `status` is none.
    """
    path = store_path("")
    asked: dict[str, Any] = {
        "task_glob": pattern,
        "since": None if since is None else time.time() - since,
    }
    if by == "family":
        return _view(_FAMILY_HEAD, history.read_durations(path, **asked)[:limit], _family_cells)
    asked["limit"] = limit
    if by == "failure":
        return _view(_FAILURE_HEAD, history.read_failures(path, **asked), _failure_cells)
    asked["status"] = _checked(status, TaskState if by == "task" else RunStatus)
    if by == "task":
        return _view(_TASK_HEAD, history.read_task_runs(path, **asked), _task_cells)
    return _view(_RUN_HEAD, history.read_runs(path, **asked), _run_cells)


def rows_asked_for(flags: Mapping[str, object]) -> RowKind:
    """What a row is, as the flags of `history` say.

    Raises
    ------
    BadFlagValueError
        They say two things, or name a status of what has none.
    """
    given = [flag for flag in _ROWS if flag in flags]
    if len(given) > 1:
        raise BadFlagValueError(f"--{given[0]} and --{given[1]}: a row is one of them; choose one.")
    by: RowKind = _ROWS[given[0]] if given else "run"
    if "status" in flags and by in {"failure", "family"}:
        raise BadFlagValueError(f"--status: rows of --{given[0]} have none; leave it out.")
    return by


def _checked(status: str | None, kind: type[StrEnum]) -> str | None:
    known = [member.value.lower() for member in kind]
    if status is not None and status.lower() not in known:
        raise BadFlagValueError(
            f"--status={status} — choose one of {', '.join(known)}.{did_you_mean(status, known)}"
        )
    return status


def _run_cells(row: history.RunRow) -> tuple[object, ...]:
    names = ", ".join(row.root_names)
    took = words.duration(row.seconds)
    counts = (row.ran, row.complete, row.failed)
    when = words.moment(row.started)
    return (when, row.run_id, names, row.status.lower(), took, *counts, row.where)


def _task_cells(row: history.TaskRunRow) -> tuple[object, ...]:
    when, took = words.moment(row.started), words.duration(row.seconds)
    return (when, row.run_id, row.name, row.state.value, took, row.error_type)


def _failure_cells(row: history.FailureRow) -> tuple[object, ...]:
    message = row.message.split("\n", 1)[0]
    error = f"{row.type}: {message}" if message else row.type
    where = f"{shown_path(row.file)}, line {row.line}" if row.file else ""
    when = words.moment(row.at)
    return (when, row.run_id, row.name, row.attempt or "plan", error, where)


def _family_cells(row: history.FamilyRow) -> tuple[object, ...]:
    count, p50, p90 = row.durations.count, row.durations.p50, row.durations.p90
    last = words.moment(row.ended)
    return (row.family, count, words.duration(p50), words.duration(p90), last)


def _view(
    head: tuple[str, ...], rows: Sequence[Row], cells: Callable[[Row], tuple[object, ...]]
) -> HistoryView:
    return HistoryView(head, tuple(map(cells, rows)), tuple(map(_record, rows)))


def _record(row: Any) -> dict[str, Any]:
    record: dict[str, Any] = row._asdict()
    durations = record.pop("durations", None)
    return record | asdict(durations) if durations else record
