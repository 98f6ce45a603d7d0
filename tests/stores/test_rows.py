"""Events become the rows that say the same as the run's own summary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.call import ErrorInfo
from nbflow.core.events import (
    RunCancelled,
    RunFinished,
    RunInfo,
    RunStarted,
    TaskAdded,
    TaskDisabled,
    TaskEnabled,
    TaskFailed,
    TaskFoundComplete,
    TaskProgressed,
    TaskRecord,
    TaskRequeued,
    TaskResourcesDecreased,
    TaskStarted,
    TaskSucceeded,
    TaskSuspended,
)
from nbflow.core.status import RunStatus, TaskState, TaskStatus
from nbflow.core.summary import RunSummary
from nbflow.stores.rows import Rows, RunFold, settle
from nbflow.stores.statements import widths

TASKS = [f"T__{n}" for n in range(4)]
ERROR = ErrorInfo(type="ValueError")
A_TASK = st.sampled_from(TASKS)
KINDS = st.one_of(
    st.tuples(
        st.just("add"),
        A_TASK,
        st.sampled_from(
            [TaskStatus.PENDING, TaskStatus.DONE, TaskStatus.UNKNOWN, TaskStatus.DISABLED]
        ),
        st.booleans(),
    ),
    st.tuples(st.just("start"), A_TASK, st.integers(1, 3), st.booleans()),
    st.tuples(st.just("suspend"), A_TASK, A_TASK),
    st.tuples(st.sampled_from(["succeed", "found", "fail", "enable", "progress"]), A_TASK),
    st.tuples(st.just("requeue"), A_TASK, st.sampled_from([None, 50.0])),
    st.tuples(st.just("disable"), A_TASK, st.integers(0, 2)),
    st.tuples(st.just("write"), A_TASK),
)


def made(number, kind, task_id, *rest):
    stamp = {"seq": number, "at": float(number), "run_id": "r-1"}
    if kind == "add":
        status, runnable = rest
        return TaskAdded(
            task=TaskRecord(task_id=task_id, family="T"), status=status, runnable=runnable, **stamp
        )
    stamp["task_id"] = task_id
    match kind:
        case "start":
            return TaskStarted(
                worker_id="w", attempt=rest[0], token=1, ahead=True in rest[1:], **stamp
            )
        case "suspend":
            return TaskSuspended(new_deps=rest, **stamp)
        case "succeed":
            return TaskSucceeded(seconds=1.0, **stamp)
        case "found":
            return TaskFoundComplete(**stamp)
        case "fail":
            return TaskFailed(error=ERROR, **stamp)
        case "enable":
            return TaskEnabled(**stamp)
        case "progress":
            return TaskProgressed(message="m", **stamp)
        case "requeue":
            return TaskRequeued(not_before=rest[0], **stamp)
        case _:
            return TaskDisabled(failures=rest[0], **stamp)


def fold(events, fold=None, rows=None):
    fold = fold or RunFold(1)
    rows = rows or Rows()
    fold.fold(events, rows)
    return rows


@given(st.lists(KINDS, max_size=30))
def test_rows_and_summary_agree_on_the_state_of_every_task(steps):
    """Whatever happens, and wherever batches end."""
    run, summary, rows = RunFold(1), RunSummary(), Rows()
    states = {}
    added = set()
    for number, (kind, task_id, *rest) in enumerate(steps):
        if kind == "write":
            rows = Rows()
        elif kind == "add" or task_id in added:
            added.add(task_id)
            event = made(number, kind, task_id, *rest)
            before = set(states)
            run.fold([event], rows)
            summary.apply(event)
            for row in rows.tasks:
                if row[2] not in before:
                    states[row[2]] = row[5]
            for row in rows.task_runs:
                if row[2]:
                    states[next(name for name, n in run._numbers.items() if n == row[1])] = row[2]
    assert states == {name: task.state.value for name, task in summary.tasks.items()}
    run.fold([RunFinished(seq=99, at=99.0, run_id="r-1", status=RunStatus.FAILED)], rows)
    (finish,) = rows.finished
    assert (finish.tasks, finish.ran, finish.complete, finish.failed) == (
        summary.total,
        summary.ran,
        summary.complete,
        summary.failed,
    )
    assert finish.unfinished == summary.total - summary.finished


def test_task_that_starts_and_ends_in_one_batch_is_one_row():
    rows = fold(
        [
            made(1, "add", "T__1", TaskStatus.PENDING, True),
            made(2, "start", "T__1", 1),
            made(3, "succeed", "T__1"),
        ]
    )
    assert [(row[1], row[2], row[3], row[4], row[5]) for row in rows.task_runs] == [
        (1, "done", 2.0, 3.0, 1.0)
    ]


def test_members_of_a_batch_start_with_it():
    stamp = {"seq": 5, "at": 5.0, "run_id": "r-1"}
    start = TaskStarted(
        task_id="B__1", worker_id="w", attempt=1, token=1, members=("T__1", "T__2"), **stamp
    )
    rows = fold([made(n, "add", f"T__{n}", TaskStatus.PENDING, True) for n in (1, 2)] + [start])
    assert [(row[1], row[2], row[3]) for row in rows.task_runs] == [
        (3, "running", 5.0),
        (1, "running", 5.0),
        (2, "running", 5.0),
    ]
    assert rows.events[-1] == (1, 5, 5.0, 5, 3, '{"attempt":1,"worker":1,"members":[1,2]}')


def test_tasks_and_definitions_are_told_once_by_number():
    rows = fold([made(n, "add", f"T__{n}", TaskStatus.PENDING, True) for n in range(3)])
    assert [row[1] for row in rows.tasks] == [1, 2, 3]
    assert rows.definitions == [(1, 1, "T", "", "", 1, "[]")]


def test_facts_that_change_no_task_are_kept_as_events_alone():
    stamp = {"at": 1.0, "run_id": "r-1"}
    rows = fold(
        [
            RunStarted(seq=1, info=RunInfo(roots=()), **stamp),
            RunCancelled(seq=2, **stamp),
            TaskResourcesDecreased(seq=3, task_id="T__1", amounts={"gpu": 1}, **stamp),
        ]
    )
    assert [row[3:] for row in rows.events] == [(1, 0, ""), (14, 0, ""), (15, 1, '{"gpu":1}')]
    assert rows.task_runs == []


def test_end_of_a_run_blocks_what_needs_the_failed_and_cancels_the_rest():
    tasks = [
        (1, "failed", "", ""),
        (2, "pending", "[1]", ""),
        (3, "suspended", "", "[2]"),
        (4, "pending", "", ""),
        (5, "running", "[1]", ""),
        (6, "done", "[1]", ""),
    ]
    assert settle(tasks) == {
        2: TaskState.UPSTREAM_FAILED,
        3: TaskState.UPSTREAM_FAILED,
        4: TaskState.CANCELLED,
        5: TaskState.CANCELLED,
    }


def test_chain_of_100_000_is_settled():
    tasks = [(1, "failed", "", "")] + [(n, "pending", f"[{n - 1}]", "") for n in range(2, 100_001)]
    assert set(settle(tasks).values()) == {TaskState.UPSTREAM_FAILED}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, []),
        (1, [1]),
        (17, [8, 8, 1]),
        (600, [64] * 9 + [8] * 3),
        (1_024, [512, 512]),
        (1_100, [512, 512, 64, 8, 1, 1, 1, 1]),
    ],
)
def test_rows_are_written_by_few_widths_of_statements(rows, expected):
    assert list(widths(rows)) == expected
