"""DataFrames of what was recorded: columns, order and dtypes, with and without rows."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from nbflow import frames
from nbflow.core.call import ErrorInfo, FileRecord
from nbflow.core.events import RunInfo, RunStarted, TaskAdded, TaskFailed, TaskRecord, TaskStarted
from nbflow.core.status import RunStatus, TaskState
from nbflow.core.summary import RunSummary
from nbflow.stores.history_rows import (
    Durations,
    EventRow,
    FailureRow,
    FamilyRow,
    RunRow,
    TaskRunRow,
)

RUN = RunRow(
    run_id="r-1",
    status=RunStatus.SUCCEEDED,
    started=1_767_225_600.25,
    ended=1_767_225_623.0,
    ran=6,
    complete=3,
    failed=0,
    tasks=9,
    exit_code=0,
    name="",
    invocation="",
    where="cell In[3]",
    user="ann",
    host="nb1",
    pid=7,
    workers=1,
    executor="inline",
    policy="native",
    nbflow="1",
    python="3.11",
    git_commit="0123456789abcdef",
    git_dirty=True,
    roots=("Report__1",),
    root_names=("Report(date=2026-01-01)",),
)
TASK = TaskRunRow(
    run_id="r-1",
    n=1,
    task_id="Leaf__1",
    family="Leaf",
    module="m",
    params='{"i":"1","quiet":"x","name":"a, b"}',
    unshown=("quiet",),
    state=TaskState.FAILED,
    started=1_767_225_600.0,
    ended=1_767_225_601.5,
    seconds=1.25,
    attempts=2,
    worker="w",
    message="half",
    fraction=0.5,
    tracking_url="",
    note="",
    error_type="KeyError",
    error_message="'amount'",
    error_traceback="",
    error_file="In[3]",
    error_line=7,
    error_function="run",
    error_notes=(),
    code_hash="c0de",
    code_version=3,
    declared=("a.txt",),
    outputs=(FileRecord("a.txt", 10, 1_767_225_600.0), FileRecord("b.txt")),
    inputs=(FileRecord("in.csv", 5, 0.0),),
    deps=(),
    new_deps=(),
)
FAILURE = FailureRow(
    run_id="r-1",
    task_id="Leaf__1",
    family="Leaf",
    params='{"i":"1","quiet":"x"}',
    unshown=("quiet",),
    attempt=1,
    at=1_767_225_600.0,
    type="KeyError",
    message="'amount'",
    file="In[3]",
    line=7,
    function="run",
)

RUN_DTYPES = {
    "run_id": "string",
    "task": "category",
    "params": "string",
    "status": "category",
    "started": "datetime64[ns, UTC]",
    "seconds": "float64",
    "ran": "Int64",
    "complete": "Int64",
    "failed": "Int64",
    "user": "string",
    "host": "string",
    "where": "string",
    "code": "string",
}


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def first(frame):
    return frame.astype(object).where(frame.notna(), None).iloc[0].to_dict()


@pytest.mark.parametrize("rows", [[], [RUN]])
def test_runs_have_the_documented_columns_and_dtypes(rows):
    frame = frames.runs_frame(rows)
    assert type(frame) is pd.DataFrame
    assert list(dtypes(frame).items()) == list(RUN_DTYPES.items())
    assert len(frame) == len(rows)


def test_run_is_shown_with_its_root():
    assert first(frames.runs_frame([RUN])) == {
        "run_id": "r-1",
        "task": "Report",
        "params": "date=2026-01-01",
        "status": "succeeded",
        "started": pd.Timestamp("2026-01-01", tz="UTC"),
        "seconds": 22.75,
        "ran": 6,
        "complete": 3,
        "failed": 0,
        "user": "ann",
        "host": "nb1",
        "where": "cell In[3]",
        "code": "0123456789+",
    }


def test_run_without_end_has_no_seconds_and_several_roots_are_joined():
    run = RUN._replace(ended=None, root_names=("A(i=1)", "A(i=2)", "B()"), git_dirty=None)
    row = first(frames.runs_frame([run]))
    assert (row["seconds"], row["task"], row["params"], row["code"]) == (
        None,
        "A, B",
        "i=1; i=2; ",
        "0123456789",
    )


@pytest.mark.parametrize("rows", [[], [TASK]])
def test_task_runs_keep_their_dtypes(rows):
    assert dtypes(frames.task_runs_frame(rows)) == {
        "run_id": "string",
        "task_id": "string",
        "task": "category",
        "params": "string",
        "state": "category",
        "started": "datetime64[ns, UTC]",
        "ended": "datetime64[ns, UTC]",
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


def test_task_run_hides_what_is_not_shown_and_says_where_it_failed():
    row = first(frames.task_runs_frame([TASK]))
    assert row["params"] == "i=1, name=a, b"
    assert (row["state"], row["error"], row["cell"], row["file"], row["line"]) == (
        "failed",
        "KeyError",
        "In[3]",
        None,
        7,
    )
    assert (row["outputs"], row["bytes"], row["note"]) == (2, 10, None)


def test_summary_of_a_run_has_the_same_columns_but_its_id():
    stamp = {"at": 1_767_225_600.0, "run_id": "r-1"}
    error = ErrorInfo(type="KeyError", message="x", file="In[3]", line=7)
    summary = RunSummary.of(
        [
            RunStarted(seq=1, info=RunInfo(roots=("Leaf__1",)), **stamp),
            TaskAdded(seq=2, task=TaskRecord(task_id="Leaf__1", family="Leaf"), **stamp),
            TaskStarted(seq=3, task_id="Leaf__1", worker_id="w", attempt=1, token=1, **stamp),
            TaskFailed(seq=4, task_id="Leaf__1", error=error, **stamp),
        ]
    )
    frame = frames.summary_frame(summary)
    assert dtypes(frame) == {
        k: v for k, v in dtypes(frames.task_runs_frame([])).items() if k != "run_id"
    }
    row = first(frame)
    assert (row["task"], row["state"], row["error"], row["line"]) == (
        "Leaf",
        "failed",
        "KeyError",
        7,
    )
    assert frames.summary_frame(RunSummary()).empty


@pytest.mark.parametrize("rows", [[], [FAILURE]])
def test_failures_keep_their_dtypes(rows):
    assert list(dtypes(frames.failures_frame(rows)).items()) == [
        ("run_id", "string"),
        ("task_id", "string"),
        ("task", "category"),
        ("params", "string"),
        ("attempt", "Int64"),
        ("at", "datetime64[ns, UTC]"),
        ("error", "string"),
        ("error_message", "string"),
        ("cell", "string"),
        ("file", "string"),
        ("line", "Int64"),
        ("function", "string"),
    ]


@pytest.mark.parametrize(
    ("file", "cell", "path"),
    [
        ("In[3]", "In[3]", None),
        ("sales/report.ipynb:cell 5 (id 3f2a)", "cell 5 (id 3f2a)", "sales/report.ipynb"),
        ("sales/clean.py", None, "sales/clean.py"),
        ("", None, None),
    ],
)
def test_failure_says_the_cell_and_line(file, cell, path):
    row = first(frames.failures_frame([FAILURE._replace(file=file)]))
    assert (row["error"], row["error_message"], row["params"]) == ("KeyError", "'amount'", "i=1")
    assert (row["cell"], row["file"], row["line"], row["function"]) == (cell, path, 7, "run")


@pytest.mark.parametrize(
    "rows", [[], [FamilyRow("Leaf", Durations(10, 5.0, 9.0), 1_767_225_600.0)]]
)
def test_durations_keep_their_dtypes(rows):
    frame = frames.durations_frame(rows)
    assert dtypes(frame) == {
        "task": "string",
        "succeeded": "Int64",
        "p50": "float64",
        "p90": "float64",
        "last": "datetime64[ns, UTC]",
    }
    assert frame["p90"].tolist() == [9.0] * len(rows)


@pytest.mark.parametrize(
    "rows", [[], [EventRow(1, 1_767_225_600.0, "TaskFailed", "Leaf__1", {"attempt": 1})]]
)
def test_events_keep_their_dtypes(rows):
    frame = frames.events_frame(rows)
    assert dtypes(frame) == {
        "seq": "Int64",
        "at": "datetime64[ns, UTC]",
        "event": "category",
        "task_id": "string",
        "data": "string",
    }
    assert [json.loads(data) for data in frame["data"]] == [row.data for row in rows]


@pytest.mark.parametrize("rows", [[], [{"name": "date", "type": "Date", "required": True}]])
def test_parameters_keep_their_dtypes(rows):
    frame = frames.parameters_frame(rows)
    assert dtypes(frame) == {
        "name": "string",
        "type": "string",
        "default": "string",
        "required": "boolean",
        "last_used": "string",
        "meaning": "string",
    }
    assert frame["default"].isna().all()


@pytest.mark.parametrize("rows", [[], [TASK]])
def test_files_keep_their_dtypes(rows):
    assert dtypes(frames.files_frame(rows)) == {
        "run_id": "string",
        "task_id": "string",
        "role": "category",
        "path": "string",
        "bytes": "Int64",
        "modified": "datetime64[ns, UTC]",
    }


def test_files_are_one_row_each():
    frame = frames.files_frame([TASK])
    assert list(zip(frame["role"], frame["path"], frame["bytes"].fillna(-1), strict=True)) == [
        ("output", "a.txt", 10),
        ("output", "b.txt", -1),
        ("input", "in.csv", 5),
    ]
    assert frame["modified"].notna().tolist() == [True, False, False]


def test_hostile_text_stays_text():
    hostile = "<img src=x onerror=alert(1)>\n" + "x" * 100_000
    task = TASK._replace(params=json.dumps({"i": hostile}), message=hostile)
    assert first(frames.task_runs_frame([task]))["message"] == hostile


def test_characters_that_a_terminal_or_page_would_act_on_are_escapes():
    rows = [{"name": "a\x1b[31m", "meaning": "two\nlines \u202eturned"}]

    frame = frames.parameters_frame(rows)

    assert frame["name"].tolist() == ["a\\x1b[31m"]
    assert frame["meaning"].tolist() == ["two\nlines \\u202eturned"]
