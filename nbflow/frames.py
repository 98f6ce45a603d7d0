"""Runs, tasks, events, parameters and files as DataFrames.

The only module that imports pandas. Every frame has the columns of its table below, in that order
and with those dtypes, also when it has no rows; times are in UTC.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from nbflow.core.errors import NotSupportedHereError, printable

try:
    import pandas as pd
except ModuleNotFoundError as error:
    raise NotSupportedHereError(
        "tables are pandas DataFrames, and pandas is not installed: pip install pandas"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.call import ErrorInfo, FileRecord
    from nbflow.core.summary import RunSummary
    from nbflow.stores.history_rows import EventRow, FailureRow, FamilyRow, RunRow, TaskRunRow

_TIME: Final = "datetime64[ns, UTC]"

#: Columns of `runs_frame`.
RUNS = {
    "run_id": "string",
    "task": "category",
    "params": "string",
    "status": "category",
    "started": _TIME,
    "seconds": "float64",
    "ran": "Int64",
    "complete": "Int64",
    "failed": "Int64",
    "user": "string",
    "host": "string",
    "where": "string",
    "code": "string",
}

#: Columns of `summary_frame`; `task_runs_frame` has `run_id` before them.
TASKS = {
    "task_id": "string",
    "task": "category",
    "params": "string",
    "state": "category",
    "started": _TIME,
    "ended": _TIME,
    "seconds": "float64",
    "attempts": "Int64",
    "worker": "category",
    "message": "string",
    "note": "string",
    "error": "string",
    "error_message": "string",
    "cell": "string",
    "file": "string",
    "line": "Int64",
    "outputs": "Int64",
    "bytes": "Int64",
    "code_hash": "string",
    "code_version": "Int64",
}

#: Columns of `task_runs_frame`.
TASK_RUNS = {"run_id": "string"} | TASKS

#: Columns of `failures_frame`.
FAILURES = {
    "run_id": "string",
    "task_id": "string",
    "task": "category",
    "params": "string",
    "attempt": "Int64",
    "at": _TIME,
    "error": "string",
    "error_message": "string",
    "cell": "string",
    "file": "string",
    "line": "Int64",
    "function": "string",
}

#: Columns of `durations_frame`.
DURATIONS = {
    "task": "string",
    "succeeded": "Int64",
    "p50": "float64",
    "p90": "float64",
    "last": _TIME,
}

#: Columns of `events_frame`; `data` is JSON.
EVENTS = {"seq": "Int64", "at": _TIME, "event": "category", "task_id": "string", "data": "string"}

#: Columns of `parameters_frame`.
PARAMETERS = {
    "name": "string",
    "type": "string",
    "default": "string",
    "required": "boolean",
    "last_used": "string",
    "meaning": "string",
}

#: Columns of `files_frame`.
FILES = {
    "run_id": "string",
    "task_id": "string",
    "role": "category",
    "path": "string",
    "bytes": "Int64",
    "modified": _TIME,
}


def runs_frame(rows: Iterable[RunRow]) -> pd.DataFrame:
    """Runs as a DataFrame, in the order of `rows`.

    Returns
    -------
    DataFrame
        Columns: run_id (string), task (category: families of the roots), params (string), status
        (category, in lower case), started (datetime64[ns, UTC], to the second), seconds (float64,
        to the millisecond, NaN while it runs), ran, complete, failed (Int64), user, host, where
        (string), code (string: the commit, with + where files were changed).
    """
    return _frame(RUNS, [_run_values(row) for row in rows])


def task_runs_frame(rows: Iterable[TaskRunRow]) -> pd.DataFrame:
    """Tasks of runs as a DataFrame, in the order of `rows`.

    Returns
    -------
    DataFrame
        run_id (string), then the columns of `summary_frame`.
    """
    return _frame(TASK_RUNS, [(row.run_id, *_task_run_values(row)) for row in rows])


def summary_frame(summary: RunSummary) -> pd.DataFrame:
    """Tasks of one run as a DataFrame, in the order in which they became known.

    Returns
    -------
    DataFrame
        Columns: task_id (string), task (category: family), params (string: those that are shown),
        state (category), started, ended (datetime64[ns, UTC]), seconds (float64: inside the last
        `run()`), attempts (Int64), worker (category), message, note (string), error (string: type
        of the last failure), error_message, cell, file (string: where it was raised), line (Int64),
        outputs (Int64: files made), bytes (Int64: of them, as far as known), code_hash (string),
        code_version (Int64).
    """
    rows = [
        (
            task.record.task_id,
            task.record.family,
            _shown(task.record.params, task.record.unshown),
            task.state.value,
            task.started or None,
            task.ended or None,
            task.seconds if task.ended else None,
            task.attempt,
            task.worker_id or None,
            task.message or None,
            task.note or None,
            *_error_values(task.error),
            len(task.outputs),
            _bytes(task.outputs),
            task.record.code_hash or None,
            task.record.code_version,
        )
        for task in summary.tasks.values()
    ]
    return _frame(TASKS, rows)


def failures_frame(rows: Iterable[FailureRow]) -> pd.DataFrame:
    """Failures as a DataFrame, in the order of `rows`.

    Returns
    -------
    DataFrame
        Columns: run_id, task_id (string), task (category: family), params (string: those that are
        shown), attempt (Int64; 0: the plan), at (datetime64[ns, UTC]), error (string: type),
        error_message, cell (string: `In[3]`, or `cell 5 (id 3f2a)` of `file`), file (string:
        missing for a cell of a kernel), line (Int64), function (string).
    """
    return _frame(
        FAILURES,
        [
            (
                row.run_id,
                row.task_id,
                row.family,
                _shown(row.params, row.unshown),
                row.attempt,
                row.at,
                row.type,
                row.message or None,
                *_place(row.file),
                row.line or None,
                row.function or None,
            )
            for row in rows
        ],
    )


def durations_frame(rows: Iterable[FamilyRow]) -> pd.DataFrame:
    """How long tasks of each family take as a DataFrame, in the order of `rows`.

    Returns
    -------
    DataFrame
        Columns: task (string: family), succeeded (Int64: the successes that were looked at), p50,
        p90 (float64: seconds that half, and nine tenths, of them did not exceed, four
        digits), last (datetime64[ns, UTC]: end of the latest, to the second).
    """
    return _frame(
        DURATIONS,
        [
            (
                row.family,
                row.durations.count,
                _rounded(row.durations.p50, 4),
                _rounded(row.durations.p90, 4),
                int(row.ended),
            )
            for row in rows
        ],
    )


def events_frame(rows: Iterable[EventRow]) -> pd.DataFrame:
    """Events of a run as a DataFrame, in order.

    Returns
    -------
    DataFrame
        Columns: seq (Int64), at (datetime64[ns, UTC]), event (category), task_id (string), data
        (string: JSON of what runs and tasks do not say; missing for nothing).
    """
    return _frame(
        EVENTS,
        [
            (
                row.seq,
                row.at,
                row.kind,
                row.task_id or None,
                json.dumps(row.data) if row.data else None,
            )
            for row in rows
        ],
    )


def parameters_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Parameters of a task as a DataFrame, in the order of `rows`.

    Parameters
    ----------
    rows
        One mapping a parameter with the keys below; a missing one is a missing value.

    Returns
    -------
    DataFrame
        Columns: name, type, default (string), required (boolean), last_used, meaning (string).
    """
    return _frame(PARAMETERS, [tuple(row.get(name) for name in PARAMETERS) for row in rows])


def files_frame(rows: Iterable[TaskRunRow]) -> pd.DataFrame:
    """Files that tasks made and read as a DataFrame, one row a file.

    Returns
    -------
    DataFrame
        Columns: run_id, task_id (string), role (category: output, input), path (string), bytes
        (Int64), modified (datetime64[ns, UTC]); missing where the target does not say.
    """
    values = [
        (
            row.run_id,
            row.task_id,
            role,
            file.path,
            file.size if file.size >= 0 else None,
            file.modified or None,
        )
        for row in rows
        for role, files in (("output", row.outputs), ("input", row.inputs))
        for file in files
    ]
    return _frame(FILES, values)


def _run_values(row: RunRow) -> tuple[Any, ...]:
    names = [name.partition("(") for name in row.root_names]
    families = dict.fromkeys(family for family, _, _ in names)
    commit = row.git_commit[:10]
    return (
        row.run_id,
        ", ".join(families),
        "; ".join(params.removesuffix(")") for _, _, params in names),
        row.status.value.lower(),
        # A run is told by its second: more digits make the table unreadable.
        int(row.started) if row.started else None,
        _rounded(row.seconds, 3),
        row.ran,
        row.complete,
        row.failed,
        row.user,
        row.host,
        row.where,
        commit + "+" if commit and row.git_dirty else commit,
    )


def _rounded(seconds: float | None, digits: int) -> float | None:
    return None if seconds is None else round(seconds, digits)


def _task_run_values(row: TaskRunRow) -> tuple[Any, ...]:
    return (
        row.task_id,
        row.family,
        _shown(row.params, row.unshown),
        row.state.value,
        row.started,
        row.ended,
        row.seconds,
        row.attempts,
        row.worker or None,
        row.message or None,
        row.note or None,
        row.error_type or None,
        row.error_message or None,
        *_place(row.error_file),
        row.error_line,
        len(row.outputs),
        _bytes(row.outputs),
        row.code_hash or None,
        row.code_version,
    )


def _error_values(error: ErrorInfo | None) -> tuple[Any, ...]:
    if error is None:
        return None, None, None, None, None
    return error.type, error.message or None, *_place(error.file), error.line or None


def _place(file: str) -> tuple[str | None, str | None]:
    """Cell and file of `In[3]`, `report.ipynb:cell 5 (id 3f2a)` or a path."""
    if file.startswith("In["):
        return file, None
    name, mark, cell = file.partition(".ipynb:cell ")
    return (f"cell {cell}", f"{name}.ipynb") if mark else (None, file or None)


def _shown(params: str, unshown: Sequence[str]) -> str:
    values: dict[str, str] = json.loads(params)
    return ", ".join(f"{name}={value}" for name, value in values.items() if name not in unshown)


def _bytes(files: Sequence[FileRecord]) -> int:
    return sum(max(0, file.size) for file in files)


def _frame(columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Make the DataFrame with these columns; seconds become times."""
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pd.DataFrame(
        {
            name: _column(list(column), dtype)
            for (name, dtype), column in zip(columns.items(), values, strict=True)
        }
    )


def _column(values: list[Any], dtype: Any) -> pd.Series[Any]:
    column: pd.Series[Any]
    if dtype == _TIME:
        seconds = pd.Series(values, dtype="float64")
        column = pd.to_datetime(seconds, unit="s", utc=True).astype(_TIME)
    elif dtype in {"string", "category"}:
        column = pd.Series([_harmless(value) for value in values], dtype="string").astype(dtype)
    else:
        column = pd.Series(values, dtype=dtype)
    return column


def _harmless(value: Any) -> Any:
    r"""Text with control characters as escapes, `\x1b`: what shows the frame would act on them."""
    return printable(value) if isinstance(value, str) else value
