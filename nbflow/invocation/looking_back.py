"""The history as a table of text, without the seconds that pandas takes to be imported."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import BadFlagValueError, did_you_mean
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import text, words
from nbflow.session import store_path
from nbflow.session.display import display_settings
from nbflow.stores import history

if TYPE_CHECKING:
    from enum import StrEnum

_RUN_HEAD = ("started", "run", "task", "status", "took", "ran", "complete", "failed", "where")
_TASK_HEAD = ("started", "run", "task", "state", "took", "error")


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
    by_task: bool = False,
) -> HistoryView:
    """What ran in this project.

    Parameters
    ----------
    pattern
        A glob over the family of a run's roots, or of the tasks with `by_task`.
    status
        A RunStatus, or a TaskState with `by_task`, in any case.
    since
        Only what started in the last so many seconds.

    Raises
    ------
    BadFlagValueError
        `status` is none.
    """
    asked: dict[str, Any] = {
        "task_glob": pattern,
        "status": _checked(status, TaskState if by_task else RunStatus),
        "since": None if since is None else time.time() - since,
        "limit": limit,
    }
    if by_task:
        tasks = history.read_task_runs(store_path(""), **asked)
        return HistoryView(_TASK_HEAD, tuple(map(_task_cells, tasks)), tuple(map(_record, tasks)))
    runs = history.read_runs(store_path(""), **asked)
    return HistoryView(_RUN_HEAD, tuple(map(_run_cells, runs)), tuple(map(_record, runs)))


def name_of(row: history.TaskRunRow) -> str:
    """`Family(a=1)` of the parameters that are shown."""
    values = json.loads(row.params)
    shown = ", ".join(f"{n}={v}" for n, v in values.items() if n not in row.unshown)
    return f"{row.family}({shown})"


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
    return (when, row.run_id, name_of(row), row.state.value, took, row.error_type)


def _record(row: history.RunRow | history.TaskRunRow) -> dict[str, Any]:
    return row._asdict()
