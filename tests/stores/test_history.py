"""What was recorded is read back whole, cheaply, and truly for runs that died."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from nbflow.core.call import FileRecord
from nbflow.core.errors import SchemaVersionError, StoreError, UnknownRunError
from nbflow.core.events import TaskProgressed, TaskRequeued, TaskSuspended
from nbflow.core.status import RunStatus, TaskState, TaskStatus
from nbflow.stores import history
from nbflow.stores.liveness import is_gone
from nbflow.stores.sqlite import SqliteRecorder


def record(path, *events):
    with SqliteRecorder(path) as recorder:
        recorder(events)


def gone_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_missing_database_has_no_rows(path):
    assert history.read_runs(path) == []
    assert history.read_task_runs(path) == []
    assert history.read_events(path, "r-1") == []
    assert history.last_run_id(path) is None
    assert history.family_durations(path, "Leaf") == history.Durations(0, None, None)
    assert history.last_values(path, "Leaf", "i") == []
    assert history.read_durations(path) == []
    assert history.read_failures(path) == []
    assert not os.path.exists(os.path.dirname(path))


def test_run_is_read_back_as_it_was(path, stream):
    record(path, stream.begin(where="cell In[3]", git_dirty=True), *stream.whole(2)[1:])
    (run,) = history.read_runs(path)
    assert run.run_id == stream.run_id
    assert run.status is RunStatus.SUCCEEDED
    assert (run.started, run.ended, run.seconds) == (1001.0, stream.now, stream.now - 1001.0)
    assert (run.ran, run.complete, run.failed, run.tasks) == (2, 0, 0, 2)
    assert (run.user, run.host, run.pid, run.where, run.git_dirty) == (
        "ann",
        "h",
        1,
        "cell In[3]",
        True,
    )
    assert (run.roots, run.root_names) == (("Leaf__0",), ("Leaf(i=0)",))


def test_runs_come_newest_first_and_can_be_chosen(path, make_stream):
    for number, (name, status) in enumerate(
        [("A(i=1)", "SUCCEEDED"), ("Ab(i=1)", "FAILED"), ("A(i=2)", "FAILED")]
    ):
        one = make_stream(f"r-{number}", start=number * 100.0)
        record(path, one.begin(root_names=(name,)), one.finish(RunStatus(status), 1))

    def ids(**query):
        return [run.run_id for run in history.read_runs(path, **query)]

    assert ids() == ["r-2", "r-1", "r-0"]
    assert ids(limit=1) == ["r-2"]
    assert ids(task_glob="A") == ["r-2", "r-0"]
    assert ids(task_glob="A*") == ["r-2", "r-1", "r-0"]
    assert ids(task_glob="A(i=1)") == ["r-0"]
    assert ids(status="failed") == ["r-2", "r-1"]
    assert ids(status=RunStatus.SUCCEEDED) == ["r-0"]
    assert ids(since=100.0) == ["r-2", "r-1"]
    assert ids(task_glob="A", status="failed", since=0.0, limit=5) == ["r-2"]
    assert history.last_run_id(path) == "r-2"


def test_running_run_is_counted_as_far_as_it_is(path, stream):
    recorder = SqliteRecorder(path)
    recorder([stream.begin(), stream.add(), stream.add("B__1"), stream.start(), stream.succeed()])
    recorder.flush()
    (run,) = history.read_runs(path)
    assert (run.status, run.ran, run.tasks, run.ended, run.seconds) == (
        RunStatus.RUNNING,
        1,
        2,
        None,
        None,
    )
    recorder.close()


def test_run_whose_process_is_gone_is_interrupted(path, stream):
    record(
        path,
        stream.begin(host=socket.gethostname(), pid=gone_pid()),
        stream.add(),
        stream.start(),
        stream.add("Old__1", status=TaskStatus.DONE),
    )
    assert [run.status for run in history.read_runs(path)] == [RunStatus.INTERRUPTED]
    assert [run.status for run in history.read_runs(path, status="interrupted")] == [
        RunStatus.INTERRUPTED
    ]
    assert history.read_runs(path, status="running") == []
    assert [task.state for task in history.read_task_runs(path)] == [
        TaskState.CANCELLED,
        TaskState.COMPLETE,
    ]


@pytest.mark.parametrize(
    ("host", "pid"),
    [(socket.gethostname(), os.getpid()), ("elsewhere", 1), (socket.gethostname(), 0)],
    ids=["here", "elsewhere", "unknown"],
)
def test_run_that_may_still_live_is_running(path, stream, host, pid):
    stream.now = time.time()
    record(path, stream.begin(host=host, pid=pid))
    assert [run.status for run in history.read_runs(path)] == [RunStatus.RUNNING]


def test_process_with_a_reused_id_is_another():
    assert is_gone(os.getpid(), 1_000.0)
    assert not is_gone(os.getpid(), time.time())
    assert is_gone(gone_pid(), time.time())


def test_task_runs_are_read_back_as_they_were(path, stream):
    record(
        path,
        stream.begin(),
        stream.add("Up__1", family="Up", record={"unshown": ("token",), "outputs": ("up.txt",)}),
        stream.add(deps=("Up__1",), record={"code_hash": "c0de", "code_version": 2}),
        stream.start(),
        stream.stamp(TaskProgressed, task_id="Leaf__0", message="half", fraction=0.5),
        stream.stamp(TaskSuspended, task_id="Leaf__0", new_deps=("Up__1",)),
        stream.start(),
        stream.succeed(inputs=(FileRecord("in.csv", 7, 1.0),), note="odd"),
        stream.finish(),
    )
    up, leaf = history.read_task_runs(path, stream.run_id)
    assert (up.task_id, up.family, up.state, up.declared) == (
        "Up__1",
        "Up",
        TaskState.CANCELLED,
        ("up.txt",),
    )
    assert (up.unshown, up.started, up.seconds, up.fraction) == (("token",), None, None, None)
    assert (leaf.state, leaf.started, leaf.ended, leaf.seconds) == (
        TaskState.DONE,
        1004.0,
        1008.0,
        0.5,
    )
    assert (leaf.attempts, leaf.worker, leaf.message, leaf.fraction) == (1, "w-1", "half", 0.5)
    assert leaf.outputs == (FileRecord("out/0.txt", 3, 999.0),)
    assert leaf.inputs == (FileRecord("in.csv", 7, 1.0),)
    assert (leaf.deps, leaf.new_deps, leaf.note) == ((1,), (1,), "odd")
    assert (leaf.code_hash, leaf.code_version, json.loads(leaf.params)) == ("c0de", 2, {"i": "0"})


def test_last_failure_of_a_task_is_told(path, stream):
    record(
        path,
        stream.begin(),
        stream.add(),
        stream.start(),
        stream.fail(),
        stream.start(attempt=2),
        stream.fail(attempt=2),
        stream.finish(RunStatus.FAILED, 1),
    )
    (task,) = history.read_task_runs(path, status="failed")
    assert (task.error_type, task.error_message, task.error_file, task.error_line) == (
        "ValueError",
        "bad",
        "In[3]",
        7,
    )
    assert (task.error_function, task.error_notes, task.attempts) == ("run", ("look here",), 2)


def test_task_runs_can_be_chosen(path, make_stream):
    for number in range(2):
        one = make_stream(f"r-{number}", start=number * 100.0)
        record(path, *one.whole(2))

    def ids(*run, **query):
        return [(task.run_id, task.task_id) for task in history.read_task_runs(path, *run, **query)]

    assert ids() == [("r-1", "Leaf__0"), ("r-1", "Leaf__1"), ("r-0", "Leaf__0"), ("r-0", "Leaf__1")]
    assert ids("r-0") == [("r-0", "Leaf__0"), ("r-0", "Leaf__1")]
    assert ids("r-0", task_glob="*__1") == [("r-0", "Leaf__1")]
    assert ids(task_glob="Lea*", limit=1) == [("r-1", "Leaf__0")]
    assert ids(status="FAILED") == []
    assert ids(since=100.0, task_glob="Leaf__0") == [("r-1", "Leaf__0")]


def test_events_name_tasks_and_workers_again(path, stream):
    record(
        path,
        stream.begin(),
        stream.add(),
        stream.add("X__1"),
        stream.start(),
        stream.stamp(TaskSuspended, task_id="Leaf__0", new_deps=("X__1",)),
        stream.stamp(TaskRequeued, task_id="X__1", reason="held by process 7"),
        stream.start(attempt=2),
    )
    events = history.read_events(path, stream.run_id)
    assert [(event.seq, event.kind, event.task_id) for event in events] == [
        (1, "RunStarted", ""),
        (2, "TaskAdded", "Leaf__0"),
        (3, "TaskAdded", "X__1"),
        (4, "TaskStarted", "Leaf__0"),
        (5, "TaskSuspended", "Leaf__0"),
        (6, "TaskRequeued", "X__1"),
        (7, "TaskStarted", "Leaf__0"),
    ]
    assert [event.data for event in events[3:]] == [
        {},
        {"new_deps": ["X__1"]},
        {"reason": "held by process 7", "not_before": None},
        {"attempt": 2, "worker": "w-1"},
    ]
    assert events[0].at == 1001.0


@pytest.mark.parametrize(
    "text",
    ["r-20260101-100000-ab12", "…ab12", "ab12", "r-20260101-1", "...ab12", " ab12 "],
)
def test_run_is_found_by_its_beginning_or_end(path, make_stream, text):
    for run_id in ("r-20260101-100000-ab12", "r-20260102-100000-cd34"):
        record(path, make_stream(run_id).begin())
    assert history.find_run(path, text) == "r-20260101-100000-ab12"


def test_whole_id_is_found_even_if_others_begin_with_it(path, make_stream):
    for run_id in ("r-1", "r-10"):
        record(path, make_stream(run_id).begin())
    assert history.find_run(path, "r-1") == "r-1"


def test_run_that_is_not_there_is_refused_with_a_suggestion(path, make_stream):
    record(path, make_stream("r-20260101-100000-ab12").begin())
    with pytest.raises(UnknownRunError, match=r"Did you mean r-20260101-100000-ab12\?"):
        history.find_run(path, "r-20260101-100000-ab13")
    with pytest.raises(UnknownRunError, match="no run has the id ''"):
        history.find_run(path, "")


def test_run_that_is_not_unique_is_refused(path, make_stream):
    for run_id in ("r-1-ab", "r-2-ab"):
        record(path, make_stream(run_id).begin())
    with pytest.raises(UnknownRunError, match="several runs: r-2-ab, r-1-ab"):
        history.find_run(path, "ab")
    with pytest.raises(UnknownRunError, match="no run has the id '%'"):
        history.find_run(path, "%")


def test_durations_of_a_family_are_nearest_rank_quantiles(path, stream):
    events = [stream.begin()]
    for number in range(1, 11):
        name = f"Leaf__{number}"
        events += [
            stream.add(name),
            stream.start(name),
            stream.succeed(name, seconds=float(number)),
        ]
    events += [
        stream.add("Leaf__bad"),
        stream.start("Leaf__bad"),
        stream.fail("Leaf__bad", seconds=99.0),
    ]
    record(path, *events)
    assert history.family_durations(path, "Leaf") == history.Durations(10, 5.0, 9.0)


def test_durations_of_all_families_are_told_by_family(path, make_stream):
    first = make_stream("r-1")
    record(path, *first.whole(3))
    second = make_stream("r-2", start=5_000.0)
    events = [second.begin(), second.add("Slow__1", family="Slow"), second.start("Slow__1")]
    record(path, *events, second.succeed("Slow__1", seconds=7.0), second.finish())
    leaf, other = history.read_durations(path)
    assert leaf == ("Leaf", history.Durations(3, 0.5, 0.5), first.now - 1.0)
    assert other == ("Slow", history.Durations(1, 7.0, 7.0), second.now - 1.0)
    assert history.read_durations(path, task_glob="L*") == [leaf]
    assert history.read_durations(path, since=4_000.0) == [other]


def test_durations_are_those_of_the_latest_500_successes(path, make_stream):
    for number, seconds in enumerate((9.0, 1.0)):
        stream = make_stream(f"r-{number}", start=number * 10_000.0)
        events = [stream.begin()]
        for i in range(500):
            name = f"Leaf__{i}"
            events += [
                stream.add(name),
                stream.start(name),
                stream.succeed(name, seconds=seconds),
            ]
        record(path, *events, stream.finish())
    (leaf,) = history.read_durations(path)
    assert leaf.durations == history.Durations(500, 1.0, 1.0)
    assert leaf.durations == history.family_durations(path, "Leaf")


def test_every_failure_is_told_with_its_place_newest_first(path, make_stream):
    stream = make_stream("r-1")
    tried = [stream.begin(), stream.add(), stream.start(), stream.fail()]
    tried += [stream.start(attempt=2), stream.fail(attempt=2)]
    record(path, *tried, stream.finish(RunStatus.FAILED, 1))
    later = make_stream("r-2", start=5_000.0)
    other = [later.begin(), later.add("Other__1", family="Other"), later.start("Other__1")]
    record(path, *other, later.fail("Other__1"), later.finish(RunStatus.FAILED, 1))
    failures = history.read_failures(path)
    assert [(row.run_id, row.attempt) for row in failures] == [("r-2", 1), ("r-1", 2), ("r-1", 1)]
    row = failures[1]
    assert (row.type, row.message, row.file, row.line, row.function) == (
        "ValueError",
        "bad",
        "In[3]",
        7,
        "run",
    )
    assert row.at == tried[-1].at
    assert history.read_failures(path, task_glob="Leaf") == failures[1:]
    assert history.read_failures(path, since=4_000.0, limit=5) == failures[:1]
    assert history.read_failures(path, limit=1) == failures[:1]


def test_last_values_are_each_told_once_with_what_became_of_them(path, make_stream):
    old = make_stream("r-0")
    record(path, *old.whole(2))
    new = make_stream("r-1", start=5_000.0)
    record(path, new.begin(), new.add(), new.start(), new.fail(), new.finish(RunStatus.FAILED, 1))
    values = {value.value: value for value in history.last_values(path, "Leaf", "i")}
    assert list(values) == ["0", "1"]
    assert (values["0"].state, values["0"].at) == (TaskState.FAILED, 5_004.0)
    assert values["1"].state is TaskState.DONE
    assert history.last_values(path, "Leaf", "nothing") == []
    assert len(history.last_values(path, "Leaf", "i", limit=1)) == 1


def test_reader_leaves_nothing_behind_and_sees_what_is_written_meanwhile(path, stream):
    record(path, *stream.whole())
    history.read_runs(path)
    assert os.listdir(os.path.dirname(path)) == ["nbflow.db"]


def test_database_without_tables_yet_has_no_rows(path):
    os.makedirs(os.path.dirname(path))
    with open(path, "w"):
        pass
    assert history.read_runs(path) == []


def test_path_with_odd_characters_is_read(tmp_path, stream):
    path = str(tmp_path / "a b%20?#é" / "nbflow.db")
    record(path, *stream.whole())
    assert len(history.read_runs(path)) == 1


def test_damaged_database_is_an_error_that_says_what_to_do(path):
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(b"this is no database" * 500)
    with pytest.raises(StoreError, match="cannot be read"):
        history.read_runs(path)


def test_database_of_a_newer_version_is_refused(path, stream):
    record(path, *stream.whole())
    newer = sqlite3.connect(path)
    newer.execute("INSERT INTO migrations VALUES (99, '0099_future', 0)")
    newer.commit()
    newer.close()
    with pytest.raises(SchemaVersionError, match="newer nbflow"):
        history.read_runs(path)
