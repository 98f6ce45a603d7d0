"""The recorder against real files, processes and damage."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from nbflow.core.call import FileRecord
from nbflow.core.events import (
    PlanFailed,
    TaskDisabled,
    TaskFoundComplete,
    TaskProgressed,
    TaskRequeued,
    TaskSuspended,
)
from nbflow.core.status import RunStatus, TaskStatus
from nbflow.stores import schema, sqlite
from nbflow.stores.memory import MemoryStore
from nbflow.stores.notice import StoreWarning
from nbflow.stores.sqlite import SqliteRecorder


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.01)


def query(path, sql, *values):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def record(path, *batches):
    with SqliteRecorder(path) as recorder:
        for batch in batches:
            recorder(batch)
    return recorder


STATES = """
    SELECT t.task_id, coalesce(nullif(r.state, ''), t.state)
    FROM tasks AS t LEFT JOIN task_runs AS r USING (run, n) ORDER BY t.n
"""


def states(path):
    return dict(query(path, STATES))


# What is kept


def test_run_is_kept_with_who_started_it_and_how_it_ended(path, stream):
    record(path, stream.whole(3))
    (row,) = query(
        path,
        "SELECT run_id, status, exit_code, started, ended, tasks, ran, complete, failed FROM runs",
    )
    assert row == (stream.run_id, "SUCCEEDED", 0, 1001.0, stream.now, 3, 3, 0, 0)
    assert query(path, "SELECT user, host, pid, root_names, git_dirty FROM runs") == [
        ("ann", "h", 1, '["Leaf(i=0)"]', None)
    ]


def test_task_run_is_one_row_with_its_times_and_files(path, stream):
    record(path, stream.whole())
    (row,) = query(
        path,
        "SELECT state, started, ended, seconds, attempts, worker_id, outputs, inputs, message "
        "FROM task_runs JOIN workers USING (run, worker)",
    )
    assert row == ("done", 1003.0, 1004.0, 0.5, 1, "w-1", '[["out/0.txt",3,999.0]]', "", "")


def test_planned_task_keeps_its_definition_parameters_and_requirements(path, stream):
    record(
        path,
        [
            stream.begin(),
            stream.add("A__1", family="A", record={"code_hash": "c0de", "code_version": 3}),
            stream.add(
                "B__1",
                family="B",
                deps=("A__1",),
                record={
                    "module": "m",
                    "outputs": ("b.txt",),
                    "resources": {"gpu": 1},
                    "priority": 2,
                },
            ),
            stream.add("C__1", family="C", deps=("A__1", "B__1"), record={"is_wrapper": True}),
        ],
    )
    rows = query(
        path,
        "SELECT n, task_id, family, module, code_hash, code_version, params, deps, flags, declared, "
        "resources, priority FROM tasks JOIN definitions USING (run, definition) ORDER BY n",
    )
    assert rows == [
        (1, "A__1", "A", "", "c0de", 3, '{"i":"0"}', "", 0, "", "", 0.0),
        (2, "B__1", "B", "m", "", 1, '{"i":"0"}', "[1]", 0, '["b.txt"]', '{"gpu":1}', 2.0),
        (3, "C__1", "C", "", "", 1, '{"i":"0"}', "[1,2]", 2, "", "", 0.0),
    ]


def test_states_of_tasks_that_never_ran_here(path, stream):
    record(
        path,
        [
            stream.begin(),
            stream.add("Old__1", status=TaskStatus.DONE),
            stream.add("Input__1", runnable=False),
            stream.add("Odd__1", status=TaskStatus.UNKNOWN),
            stream.add("Off__1", status=TaskStatus.DISABLED),
            stream.add("New__1"),
            stream.add("Else__1"),
            stream.stamp(TaskFoundComplete, task_id="Else__1", note="by another process"),
        ],
    )
    assert states(path) == {
        "Old__1": "complete",
        "Input__1": "missing",
        "Odd__1": "not planned",
        "Off__1": "disabled",
        "New__1": "pending",
        "Else__1": "complete",
    }


def test_failure_is_kept_with_its_place_and_survives_the_success_of_a_retry(path, stream):
    record(
        path,
        [
            stream.begin(),
            stream.add(),
            stream.start(),
            stream.fail(seconds=0.25, retry_at=1_500.0),
            stream.stamp(TaskRequeued, task_id="Leaf__0", reason="retry"),
        ],
        [stream.start(attempt=2), stream.succeed(attempt=2), stream.finish()],
    )
    (error,) = query(
        path, "SELECT attempt, type, message, file, line, function, notes, traceback FROM errors"
    )
    assert error == (1, "ValueError", "bad", "In[3]", 7, "run", '["look here"]', "Traceback ...")
    assert query(path, "SELECT state, started, attempts FROM task_runs") == [("done", 1003.0, 2)]
    assert query(path, "SELECT ran, failed FROM runs") == [(1, 0)]


def test_plan_failure_is_an_error_of_attempt_0(path, stream):
    failed = stream.fail().error
    record(
        path,
        [
            stream.begin(),
            stream.add(status=TaskStatus.UNKNOWN),
            stream.stamp(PlanFailed, task_id="Leaf__0", error=failed),
        ],
    )
    assert query(path, "SELECT attempt, type FROM errors") == [(0, "ValueError")]
    assert states(path) == {"Leaf__0": "not planned"}


def test_progress_is_kept_as_the_last_word_and_not_as_an_event(path, stream):
    def progress(**fields):
        return stream.stamp(TaskProgressed, task_id="Leaf__0", **fields)

    record(
        path,
        [stream.begin(), stream.add(), stream.start(), progress(message="one", fraction=0.1)],
        [progress(fraction=0.6), progress(tracking_url="http://x")],
    )
    assert query(path, "SELECT state, message, fraction, tracking_url FROM task_runs") == [
        ("running", "one", 0.6, "http://x")
    ]
    assert query(path, "SELECT count(*) FROM events") == [(3,)]


def test_progress_between_batches_does_not_undo_an_end(path, stream):
    recorder = SqliteRecorder(path)
    recorder([stream.begin(), stream.add(), stream.start(), stream.succeed()])
    recorder.flush()
    recorder([stream.stamp(TaskProgressed, task_id="Leaf__0", message="late")])
    recorder.close()
    assert query(path, "SELECT state, ended, seconds, message FROM task_runs") == [
        ("done", 1004.0, 0.5, "late")
    ]


def test_requirements_that_a_task_yields_are_collected(path, stream):
    recorder = SqliteRecorder(path)
    recorder([stream.begin(), stream.add(), stream.start(), stream.add("X__1"), stream.add("X__2")])
    for dep in ("X__1", "X__2"):
        recorder([stream.stamp(TaskSuspended, task_id="Leaf__0", new_deps=(dep,)), stream.start()])
        recorder.flush()
    recorder.close()
    assert query(path, "SELECT new_deps FROM task_runs WHERE n = 1") == [("[2,3]",)]


def test_events_keep_what_the_columns_do_not_say(path, stream):
    record(
        path,
        [
            stream.begin(),
            stream.add(),
            stream.start(),
            stream.fail(retry_at=1_500.0),
            stream.stamp(TaskDisabled, task_id="Leaf__0", failures=1, until=2_000.0),
            stream.finish(RunStatus.FAILED, 1),
        ],
    )
    rows = query(path, "SELECT seq, name, n, data FROM events JOIN event_kinds USING (kind)")
    assert [(seq, name, n, json.loads(data or "null")) for seq, name, n, data in rows] == [
        (1, "RunStarted", 0, None),
        (2, "TaskAdded", 1, None),
        (3, "TaskStarted", 1, None),
        (4, "TaskFailed", 1, {"attempt": 1, "seconds": 0.0, "retry_at": 1500.0}),
        (5, "TaskDisabled", 1, {"failures": 1, "until": 2000.0}),
        (6, "RunFinished", 0, None),
    ]


def test_what_a_failed_run_left_undone_says_why(path, stream):
    record(
        path,
        [
            stream.begin(),
            stream.add("Bad__1"),
            stream.add("Mid__1", deps=("Bad__1",)),
            stream.add("Top__1", deps=("Mid__1",)),
            stream.add("Free__1"),
            stream.add("Busy__1"),
            stream.start("Busy__1"),
            stream.start("Bad__1"),
            stream.fail("Bad__1"),
            stream.finish(RunStatus.FAILED, 1),
        ],
    )
    assert states(path) == {
        "Bad__1": "failed",
        "Mid__1": "upstream failed",
        "Top__1": "upstream failed",
        "Free__1": "cancelled",
        "Busy__1": "cancelled",
    }


def test_hostile_text_is_kept_as_it_is(path, stream):
    hostile = "<img src=x onerror=alert(1)> '; DROP TABLE runs; -- \x00 😀 \n" + "x" * 100_000
    record(
        path,
        [
            stream.begin(name=hostile),
            stream.add(params=json.dumps({"i": hostile})),
            stream.start(),
            stream.stamp(TaskProgressed, task_id="Leaf__0", message=hostile),
        ],
    )
    assert query(path, "SELECT name, message FROM runs, task_runs") == [(hostile, hostile)]
    assert json.loads(query(path, "SELECT params FROM tasks")[0][0]) == {"i": hostile}


def test_bytes_that_are_no_utf8_do_not_stop_the_recording(path, stream):
    record(
        path,
        [
            stream.begin(name="a\udcff"),
            stream.add(),
            stream.start(),
            stream.stamp(TaskProgressed, task_id="Leaf__0", message="b\udcff"),
            stream.succeed(outputs=(FileRecord("c\udcff", 1, 0.0),)),
        ],
    )
    assert query(path, "SELECT name, message, outputs FROM runs, task_runs") == [
        ("a\\udcff", "b\\udcff", '[["c\\udcff", 1, 0.0]]')
    ]


def test_two_runs_of_one_recorder_have_their_own_numbers(path, make_stream):
    one, two = make_stream("r-1"), make_stream("r-2")
    record(path, [one.begin(), two.begin(), two.add("X__1"), two.add("Y__1"), one.add("Y__1")])
    assert query(
        path, "SELECT run_id, n, task_id FROM tasks JOIN runs USING (run) ORDER BY 1, 2"
    ) == [
        ("r-1", 1, "Y__1"),
        ("r-2", 1, "X__1"),
        ("r-2", 2, "Y__1"),
    ]


def test_nothing_follows_the_end_of_a_run(path, stream):
    record(path, stream.whole(), [stream.start(), stream.fail()])
    assert query(path, "SELECT status FROM runs") == [("SUCCEEDED",)]
    assert states(path) == {"Leaf__0": "done"}


def test_events_about_no_run_are_not_kept(path, stream):
    stream.run_id = ""
    record(path, [stream.stamp(TaskDisabled, task_id="Leaf__0", failures=3)])
    assert query(path, "SELECT count(*) FROM events") == [(0,)]


def test_memory_store_keeps_nothing(tmp_path, stream, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = MemoryStore()
    store(stream.whole())
    store.flush()
    store.close()
    assert os.listdir(tmp_path) == []


# When it is written


def test_rows_are_visible_within_half_a_second_without_a_flush(path, stream):
    with SqliteRecorder(path) as recorder:
        recorder([stream.begin(), stream.add()])
        wait_until(lambda: os.path.exists(path) and recorder.waiting == 0)
        assert states(path) == {"Leaf__0": "pending"}
        recorder([stream.start()])
        since = time.monotonic()
        wait_until(lambda: states(path) == {"Leaf__0": "running"})
        assert time.monotonic() - since < 1.5


def test_nothing_is_made_before_the_first_events(path):
    before = threading.active_count()
    with SqliteRecorder(path) as recorder:
        recorder.flush()
        assert threading.active_count() == before
    assert not os.path.exists(os.path.dirname(path))


def test_close_leaves_no_thread_and_no_file_but_the_database(path, stream):
    record(path, stream.whole())
    assert os.listdir(os.path.dirname(path)) == ["nbflow.db"]
    assert not [t for t in threading.enumerate() if t.name == "nbflow-recorder"]


def test_recorder_goes_on_after_close(path, stream):
    recorder = record(path, [stream.begin(), stream.add(), stream.start()])
    recorder([stream.succeed(), stream.add("New__1"), stream.finish()])
    recorder.close()
    assert states(path) == {"Leaf__0": "done", "New__1": "cancelled"}


def test_a_batch_is_one_transaction_with_few_statements_a_table(path, make_stream, monkeypatch):
    statements = []
    connect = sqlite3.connect

    def tracing(*args, **kwargs):
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(lambda sql: statements.append(" ".join(sql.split()[:3])))
        return connection

    monkeypatch.setattr(sqlite3, "connect", tracing)
    monkeypatch.setattr(sqlite, "_COLLECT_SECONDS", 1e6)
    stream = make_stream()
    recorder = SqliteRecorder(path)
    recorder([stream.begin()])
    recorder.flush()
    statements.clear()
    recorder([stream.add(f"Leaf__{i}") for i in range(4_096)])
    recorder.flush()
    assert statements == [
        "BEGIN IMMEDIATE",
        "INSERT INTO definitions",
        *["INSERT INTO tasks"] * 8,
        *["INSERT INTO events"] * 8,
        "COMMIT",
    ]
    statements.clear()
    for i in range(8):
        recorder([stream.start(f"Leaf__{i}"), stream.succeed(f"Leaf__{i}")])
    recorder.flush()
    assert statements == [
        "BEGIN IMMEDIATE",
        "INSERT INTO workers",
        "INSERT INTO task_runs",
        "INSERT INTO events",
        "INSERT INTO events",
        "COMMIT",
    ]
    recorder.close()


def test_files_are_for_their_owner_alone(path, stream):
    record(path, stream.whole())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_write_ahead_log_is_used_except_on_network_file_systems(path, stream, monkeypatch):
    record(path, stream.whole())
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    monkeypatch.setattr(schema, "is_on_network", lambda folder: True)
    stream.run_id = "r-2"
    record(path, stream.whole())
    assert query(path, "PRAGMA journal_mode") == [("delete",)]
    assert query(path, "SELECT count(*) FROM runs") == [(2,)]


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/local\\040disk rw shared:3 - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/home", True),
        ("/home/ann/project", True),
        ("/homework", False),
        ("/home/local disk/x", False),
        ("/data", False),
    ],
)
def test_network_file_system_is_known_by_its_mount(folder, expected):
    assert schema.is_on_network(folder, MOUNTS) is expected


# Several processes, busy, full, not writable

WRITER = """
    import sys
    sys.path.insert(0, sys.argv[3])
    from streams import Stream
    from nbflow.stores.sqlite import SqliteRecorder
    for number in range(5):
        stream = Stream(f"r-{sys.argv[2]}-{number}")
        with SqliteRecorder(sys.argv[1]) as recorder:
            for event in stream.whole(40):
                recorder([event])
        assert not recorder.problem, recorder.problem
"""


def run_python(script, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def test_many_processes_record_in_one_file(path):
    here = os.path.dirname(__file__)
    processes = [run_python(WRITER, path, str(n), here) for n in range(4)]
    for process in processes:
        assert process.wait(60) == 0
        process.stdout.close()
    assert query(path, "SELECT count(*), sum(ran) FROM runs WHERE status = 'SUCCEEDED'") == [
        (20, 800)
    ]
    assert query(path, "SELECT count(*) FROM task_runs WHERE state = 'done'") == [(800,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_rows_wait_while_another_process_holds_the_store(path, stream):
    record(path, [])
    with SqliteRecorder(path) as recorder:
        recorder([stream.begin()])
        recorder.flush()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        recorder([stream.add()])
        wait_until(lambda: not recorder._queue)
        other.execute("COMMIT")
        other.close()
        recorder.flush()
        assert states(path) == {"Leaf__0": "pending"}
        assert recorder.problem == ""


def test_store_that_stays_busy_gives_one_warning_and_loses_nothing_if_it_is_freed(path, stream):
    recorder = SqliteRecorder(path, patience=0.05)
    recorder([stream.begin()])
    recorder.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recorder([stream.add()])
    with pytest.warns(StoreWarning, match="database is locked"):
        recorder.flush()
    recorder([stream.start()])
    recorder.flush()
    other.execute("COMMIT")
    other.close()
    wait_until(lambda: recorder.waiting == 0)
    recorder.close()
    assert states(path) == {"Leaf__0": "running"}


def test_close_gives_up_on_a_store_that_stays_busy(path, stream):
    recorder = SqliteRecorder(path, patience=0.05)
    recorder([stream.begin()])
    recorder.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recorder(stream.whole(3)[1:])
    with pytest.warns(StoreWarning, match="is lost"):
        recorder.close()
    other.close()


def test_full_disk_gives_one_warning_and_is_tried_again(path, stream, monkeypatch):
    recorder = SqliteRecorder(path)
    recorder([stream.begin()])
    recorder.flush()
    monkeypatch.setattr(sqlite, "_RETRY_SECONDS", 0.02)
    limit = {"pages": 0}
    transact = sqlite._Writer.transact

    def limited(self, write, what):
        self._connection.execute(f"PRAGMA max_page_count = {limit['pages'] or 1_000_000}")
        transact(self, write, what)

    monkeypatch.setattr(sqlite._Writer, "transact", limited)
    limit["pages"] = 1
    recorder([stream.add(f"Leaf__{i}", params='{"i":"' + "x" * 5_000 + '"}') for i in range(50)])
    with pytest.warns(StoreWarning, match="full"):
        recorder.flush()
    limit["pages"] = 0
    wait_until(lambda: recorder.waiting == 0)
    recorder.close()
    assert len(states(path)) == 50


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE])
def test_store_that_is_full_from_the_start_is_given_up_at_the_end_after_one_more_try(
    path, stream, monkeypatch, code
):
    tries = []

    def full(self, write, what):
        tries.append(what)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(sqlite._Writer, "transact", full)
    recorder = SqliteRecorder(path)
    recorder(stream.whole(2_000))
    with pytest.warns(StoreWarning, match=r"is full.*it is tried again"):
        recorder.flush()
    recorder.close()
    assert len(tries) <= 3
    assert recorder.waiting == 0


@pytest.mark.parametrize("obstacle", ["file in the way", "folder in its place"])
def test_store_that_cannot_be_written_gives_one_warning(tmp_path, stream, obstacle):
    if obstacle == "file in the way":
        (tmp_path / ".nbflow").write_text("")
    else:
        (tmp_path / ".nbflow" / "nbflow.db").mkdir(parents=True)
    recorder = SqliteRecorder(str(tmp_path / ".nbflow" / "nbflow.db"))
    recorder(stream.whole())
    with pytest.warns(StoreWarning, match="cannot be written"):
        recorder.close()
    recorder(stream.whole())
    recorder.close()


def test_read_only_database_gives_one_warning(path, stream, make_stream, monkeypatch):
    record(path, stream.whole())
    connect = sqlite3.connect

    def read_only(file, **options):
        return connect(f"file:{file}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    recorder = SqliteRecorder(path)
    recorder(make_stream("r-2").whole())
    with pytest.warns(StoreWarning, match="readonly"):
        recorder.close()


def test_warning_that_is_an_error_is_raised_to_the_caller_and_ends_no_thread(tmp_path, stream):
    (tmp_path / ".nbflow").write_text("")
    recorder = SqliteRecorder(str(tmp_path / ".nbflow" / "nbflow.db"))
    recorder(stream.whole())
    with pytest.raises(StoreWarning):
        recorder.flush()
    recorder(stream.whole())
    recorder.close()


# Damage


def kept_files(path):
    return sorted(n for n in os.listdir(os.path.dirname(path)) if ".corrupt-" in n)


def record_over(path, make_stream):
    """Record a run as a new process would; says whether the old file was set aside."""
    schema._checked.clear()
    recorder = SqliteRecorder(path)
    recorder(make_stream("r-new").whole())
    with contextlib.suppress(StoreWarning):
        recorder.close()
    assert recorder.problem == "" or "is damaged" in recorder.problem
    assert query(path, "SELECT status FROM runs WHERE run_id = 'r-new'") == [("SUCCEEDED",)]
    return bool(kept_files(path))


def test_garbage_is_set_aside_said_and_a_new_one_begun(path, make_stream):
    os.makedirs(os.path.dirname(path))
    for suffix in ("", "-wal"):
        with open(path + suffix, "wb") as file:
            file.write(b"this is no database" * 500)
    recorder = SqliteRecorder(path)
    recorder(make_stream("r-new").whole())
    with pytest.warns(StoreWarning, match=r"is damaged .* kept as .*nbflow\.db\.corrupt-"):
        recorder.close()
    with open(os.path.join(os.path.dirname(path), kept_files(path)[0]), "rb") as file:
        assert file.read() == b"this is no database" * 500
    assert query(path, "SELECT run_id FROM runs") == [("r-new",)]


def test_database_of_another_program_is_set_aside(path, make_stream):
    os.makedirs(os.path.dirname(path))
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    assert record_over(path, make_stream)
    kept = os.path.join(os.path.dirname(path), kept_files(path)[0])
    assert query(kept, "SELECT name FROM sqlite_schema") == [("theirs",)]


def test_database_cut_at_any_place_is_set_aside_or_whole(path, make_stream):
    record(path, make_stream("r-old").whole(60))
    with open(path, "rb") as file:
        whole = file.read()
    places = [0, 1, 15, 16, 50, 99, 100, 101, *range(512, len(whole), len(whole) // 25)]
    for place in [*places, len(whole) - 1]:
        os.unlink(path)
        for name in kept_files(path):
            os.unlink(os.path.join(os.path.dirname(path), name))
        with open(path, "wb") as file:
            file.write(whole[:place])
        assert record_over(path, make_stream) is (place > 0), place


def test_write_ahead_log_cut_at_any_place_costs_only_its_end(path, make_stream):
    script = """
        import os, sys
        sys.path.insert(0, sys.argv[2])
        from streams import Stream
        from nbflow.stores.sqlite import SqliteRecorder
        recorder = SqliteRecorder(sys.argv[1])
        for number in range(6):
            recorder(Stream(f"r-{number}").whole(5))
            recorder.flush()
        os.kill(os.getpid(), 9)
    """
    process = run_python(script, path, os.path.dirname(__file__))
    assert process.wait(30) == -signal.SIGKILL
    process.stdout.close()
    contents = {}
    for suffix in ("", "-wal"):
        with open(path + suffix, "rb") as file:
            contents[suffix] = file.read()
    size = len(contents["-wal"])
    assert size > 10_000
    for place in range(0, size, size // 20):
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
        for suffix, content in contents.items():
            with open(path + suffix, "wb") as file:
                file.write(content if not suffix else content[:place])
        assert record_over(path, make_stream) is False
        old = [run_id for (run_id,) in query(path, "SELECT run_id FROM runs") if run_id != "r-new"]
        assert old == [f"r-{n}" for n in range(len(old))]


def test_flipped_bits_never_stop_the_recording_of_the_next_but_one_run(path, make_stream):
    record(path, make_stream("r-old").whole(40))
    with open(path, "rb") as file:
        whole = file.read()
    chance = random.Random(5)
    for _ in range(150):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        for name in os.listdir(os.path.dirname(path)):
            os.unlink(os.path.join(os.path.dirname(path), name))
        with open(path, "wb") as file:
            file.write(flipped)
        schema._checked.clear()
        recorder = SqliteRecorder(path)
        recorder(make_stream("r-first").whole())
        with contextlib.suppress(StoreWarning):
            recorder.close()
        assert recorder.problem == "" or "is damaged" in recorder.problem
        record_over(path, make_stream)


def test_damage_that_shows_while_writing_is_set_aside_then(path, make_stream):
    recorder = SqliteRecorder(path)
    recorder(make_stream("r-1").whole())
    recorder.flush()
    recorder._writer._file = schema.identify(path)

    def damaged(what):
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    recorder._writer.write = damaged
    recorder(make_stream("r-2").whole())
    with pytest.warns(StoreWarning, match="is damaged"):
        recorder.close()
    assert record_over(path, make_stream)
    assert query(path, "SELECT run_id FROM runs") == [("r-new",)]


def test_only_one_of_two_processes_sets_a_damaged_file_aside(path, make_stream):
    record(path, make_stream("r-old").whole())
    damaged = schema.identify(path)
    os.replace(path, path + ".moved")
    record(path, make_stream("r-new").whole())
    schema.set_aside(path, damaged, sqlite3.DatabaseError("x"), sqlite.Notice())
    assert query(path, "SELECT run_id FROM runs") == [("r-new",)]
    assert kept_files(path) == []


def test_newer_schema_is_refused_with_one_warning_and_left_alone(path, make_stream):
    record(path, make_stream("r-old").whole())
    newer = sqlite3.connect(path)
    newer.execute("INSERT INTO migrations VALUES (99, '0099_future', 0)")
    newer.commit()
    newer.close()
    recorder = SqliteRecorder(path)
    recorder(make_stream("r-new").whole())
    with pytest.warns(StoreWarning, match=r"newer nbflow \(schema 99, this one knows 1\)"):
        recorder.close()
    assert query(path, "SELECT run_id FROM runs") == [("r-old",)]
    assert kept_files(path) == []


# Kill

KILLED = """
    import sys
    sys.path.insert(0, sys.argv[3])
    from streams import Stream
    from nbflow.stores.sqlite import SqliteRecorder
    stream = Stream(sys.argv[2])
    recorder = SqliteRecorder(sys.argv[1])
    recorder([stream.begin()])
    recorder.flush()
    print(0, flush=True)
    number = 0
    while True:
        for _ in range(10):
            name = f"Leaf__{number}"
            recorder([stream.add(name), stream.start(name), stream.succeed(name)])
            number += 1
        recorder.flush()
        print(number, flush=True)
"""


def test_kill_9_at_any_moment_loses_no_row_that_was_flushed(path):
    chance = random.Random(7)
    for number in range(20):
        process = run_python(KILLED, path, f"r-{number}", os.path.dirname(__file__))
        for _ in range(chance.randrange(1, 30)):
            flushed = int(process.stdout.readline())
        threading.Event().wait(chance.random() / 100)
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split("\n")[:-1]
        flushed = int(rest[-1]) if rest else flushed
        done = query(
            path,
            "SELECT count(*) FROM task_runs JOIN runs USING (run) WHERE run_id = ? AND state = 'done'",
            f"r-{number}",
        )[0][0]
        assert done >= flushed
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
