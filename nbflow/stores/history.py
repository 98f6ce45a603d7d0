"""What was recorded of runs, read by whoever wants to know.

Every function opens the database, fetches and closes: a reader that kept its view open would keep
the write-ahead log of all others from being folded in. A database that is not there yet has no
rows.
"""

from __future__ import annotations

import json
import math
import socket
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.core.call import FileRecord
from nbflow.core.errors import UnknownRunError, did_you_mean
from nbflow.core.status import FINAL_STATES, RunStatus, TaskState
from nbflow.stores.history_rows import (
    Durations,
    EventRow,
    FailureRow,
    FamilyRow,
    LastValue,
    RunRow,
    TaskRunRow,
)
from nbflow.stores.liveness import is_gone
from nbflow.stores.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Durations",
    "EventRow",
    "FailureRow",
    "FamilyRow",
    "LastValue",
    "RunRow",
    "TaskRunRow",
    "family_durations",
    "find_run",
    "last_run_id",
    "last_values",
    "read_durations",
    "read_events",
    "read_failures",
    "read_runs",
    "read_task_runs",
]


def read_runs(
    path: str,
    *,
    task_glob: str | None = None,
    status: RunStatus | str | None = None,
    since: float | None = None,
    limit: int | None = 50,
) -> list[RunRow]:
    """Runs, the newest first.

    Parameters
    ----------
    task_glob
        Pattern of the family of a root (`Report`, `Rep*`), or of its name (`Report(date=2026-*`).
    status
        Only these, in any case; "failed", RunStatus.FAILED.
    since
        Only runs that started at or after these Unix seconds.
    limit
        At most so many; None: all.
    """
    wanted = None if status is None else RunStatus(str(status).upper())
    # A dead run's row still says RUNNING.
    other = RunStatus.RUNNING if wanted is RunStatus.INTERRUPTED else wanted
    found: list[RunRow] = []
    with Reader(path) as reader:
        for row in reader.rows("read_runs", task_glob, wanted and wanted.value, other, since):
            run = _run_row(row, reader)
            if wanted in (None, run.status):
                found.append(run)
            if limit is not None and len(found) >= limit:
                break
    return found


def read_task_runs(
    path: str,
    run_id: str | None = None,
    *,
    task_glob: str | None = None,
    status: TaskState | str | None = None,
    since: float | None = None,
    limit: int | None = None,
) -> list[TaskRunRow]:
    """Tasks of runs, the newest run first, in each in the order of planning.

    Parameters
    ----------
    task_glob
        Pattern of family or task id.
    status
        Only these, in any case; "failed", TaskState.FAILED.
    since
        Only tasks of runs that started at or after these Unix seconds.
    """
    wanted = None if status is None else TaskState(str(status).lower()).value
    with Reader(path) as reader:
        rows = reader.all("read_task_runs", run_id, task_glob, wanted, since, limit)
        running = reader.all("running_runs")
    interrupted = {
        run
        for run, *where in running
        if _status(RunStatus.RUNNING, *where) is not RunStatus.RUNNING
    }
    return [_task_run_row(row, is_interrupted=row[0] in interrupted) for row in rows]


def read_events(path: str, run_id: str) -> list[EventRow]:
    """Events of a run, in order."""
    with Reader(path) as reader:
        rows = reader.all("read_events", run_id)
        tasks = dict(reader.all("read_task_ids", run_id))
        workers = dict(reader.all("read_workers", run_id))
    return [
        EventRow(seq, at, kind, tasks.get(n, ""), _named(data, tasks, workers))
        for seq, at, kind, n, data in rows
    ]


def last_run_id(path: str) -> str | None:
    """Id of the run that began last, or None where there is none."""
    with Reader(path) as reader:
        rows = reader.all("last_run_id")
    return rows[0][0] if rows else None


def find_run(path: str, text: str) -> str:
    """Id of the run that `text` stands for: the whole id, its beginning or its end (`…ab12`).

    Raises
    ------
    UnknownRunError
        No run, or several, are meant.
    """
    word = text.strip().strip("…").strip(".")
    with Reader(path) as reader:
        found = [run_id for (run_id,) in reader.all("find_runs", word)] if word else []
        if word in found or len(found) == 1:
            return str(found[0])
        if found:
            raise UnknownRunError(
                f"'{text}' stands for several runs: {', '.join(found)}. Write more of the id."
            )
        known = [run_id for (run_id,) in reader.all("recent_run_ids")]
    raise UnknownRunError(
        f"no run has the id '{text}'.{did_you_mean(word, known)} "
        f"({len(known)} runs are recorded: %nbflow history)"
    )


def family_durations(path: str, family: str) -> Durations:
    """How long the latest 500 successes of the family took."""
    with Reader(path) as reader:
        seconds = sorted(value for (value,) in reader.all("family_seconds", family))
    return Durations(len(seconds), _quantile(seconds, 0.5), _quantile(seconds, 0.9))


def read_durations(
    path: str, *, task_glob: str | None = None, since: float | None = None
) -> list[FamilyRow]:
    """How long the latest 500 successes of each family took, by family.

    Parameters
    ----------
    task_glob
        Pattern of the family.
    since
        Only tasks of runs that started at or after these Unix seconds.
    """
    with Reader(path) as reader:
        rows = reader.all("read_durations", task_glob, since)
    found = []
    for family, group in groupby(rows, key=itemgetter(0)):
        latest = list(group)
        seconds = sorted(row[1] for row in latest)
        durations = Durations(len(seconds), _quantile(seconds, 0.5), _quantile(seconds, 0.9))
        found.append(FamilyRow(family, durations, latest[0][2]))
    return found


def read_failures(
    path: str,
    *,
    task_glob: str | None = None,
    since: float | None = None,
    limit: int | None = None,
) -> list[FailureRow]:
    """Every failure, the newest first; attempts that were followed by another are there too.

    Parameters
    ----------
    task_glob
        Pattern of family or task id.
    since
        Only failures in runs that started at or after these Unix seconds.
    """
    with Reader(path) as reader:
        rows = reader.all("read_failures", task_glob, since, limit)
    return [FailureRow._make((*row[:4], _words.decode(row[4]), *row[5:])) for row in rows]


def last_values(path: str, family: str, parameter: str, *, limit: int = 20) -> list[LastValue]:
    """Values that the parameter had in the latest 1,000 tasks of the family, each once."""
    with Reader(path) as reader:
        rows = reader.all("last_values", family)
    found: dict[str, LastValue] = {}
    for params, state, at in rows:
        value = json.loads(params).get(parameter)
        if isinstance(value, str) and value not in found and len(found) < limit:
            found[value] = LastValue(value, TaskState(state), at)
    return list(found.values())


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of `ordered` does not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None


def _run_row(row: tuple[Any, ...], reader: Reader) -> RunRow:
    run_id, status, started, ended, ran, complete, failed, tasks, *middle, dirty, roots, names = row
    if tasks is None:  # counted when a run ends
        tasks, ran, complete, failed = reader.all("count_states", run_id)[0]
    host, pid = row[13], row[14]
    return RunRow._make(
        (
            run_id,
            _status(RunStatus(status), host, pid, started),
            started,
            ended,
            ran,
            complete,
            failed,
            tasks,
            *middle,
            None if dirty is None else bool(dirty),
            tuple(json.loads(roots)),
            tuple(json.loads(names)),
        )
    )


def _status(status: RunStatus, host: str, pid: int, started: float) -> RunStatus:
    """INTERRUPTED for a run whose process is certainly gone: one of this machine."""
    if status is RunStatus.RUNNING and host == socket.gethostname() and is_gone(pid, started):
        return RunStatus.INTERRUPTED
    return status


_files = msgspec.json.Decoder(tuple[FileRecord, ...])
_numbers = msgspec.json.Decoder(tuple[int, ...])
_words = msgspec.json.Decoder(tuple[str, ...])


def _task_run_row(row: tuple[Any, ...], *, is_interrupted: bool) -> TaskRunRow:
    """Make a row of what was fetched: '' and None instead of the stored blanks."""
    *head, unshown, state, started, ended, seconds, attempts, worker, message, fraction = row[:15]
    tracking_url, note, *error, error_line, error_function, error_notes = row[15:24]
    code_hash, code_version, declared, outputs, inputs, deps, new_deps = row[24:]
    task_state = TaskState(state)
    if is_interrupted and task_state not in FINAL_STATES:
        task_state = TaskState.CANCELLED
    return TaskRunRow._make(
        (
            *head,
            _words.decode(unshown),
            task_state,
            started or None,
            ended or None,
            None if seconds is None or seconds < 0 else seconds,
            attempts or 0,
            worker or "",
            message or "",
            None if fraction is None or fraction < 0 else fraction,
            tracking_url or "",
            note or "",
            *(text or "" for text in error),
            error_line,
            error_function or "",
            _words.decode(error_notes or "[]"),
            code_hash,
            code_version,
            _words.decode(declared or "[]"),
            _files.decode(outputs or "[]"),
            _files.decode(inputs or "[]"),
            _numbers.decode(deps or "[]"),
            _numbers.decode(new_deps or "[]"),
        )
    )


def _named(data: str, tasks: dict[int, str], workers: dict[int, str]) -> dict[str, Any]:
    """Decode the data of an event, with ids in place of numbers."""
    if not data:
        return {}
    found: dict[str, Any] = json.loads(data)
    for name in ("members", "new_deps"):
        if name in found:
            found[name] = [tasks.get(n, "") for n in found[name]]
    if "worker" in found:
        found["worker"] = workers.get(found["worker"], "")
    return found
