"""Task locks across real processes, threads and forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from nbflow.executors import locks
from nbflow.executors.locks import LockBusy, Locks, LockWarning, NoLocks

HOLDER = """
import sys
from nbflow.executors.locks import Locks
with Locks(sys.argv[1]).hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["description", "process"])
def path(request, tmp_path, monkeypatch):
    """A lock file, for each kind of lock."""
    if request.param == "process":
        monkeypatch.setattr(locks, "_system_locks", locks._process_locks)
    return str(tmp_path / ".nbflow" / "locks")


@pytest.fixture
def holder():
    """Start a process that holds a task's lock until it is told or killed."""
    started = []

    def start(path, task_id):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path, task_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_task_held_by_another_process_is_busy_and_names_it(path, holder):
    process = holder(path, "A__1")
    with Locks(path) as mine:
        with pytest.raises(LockBusy) as caught, mine.hold("A__1"):
            pass
        assert caught.value.pid == process.pid
        with mine.hold("B__2"):
            pass


def test_lock_of_a_killed_process_is_free_at_once(path, holder):
    process = holder(path, "A__1")
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Locks(path) as mine, mine.hold("A__1"):
        pass


def test_released_lock_can_be_taken_by_another_process(path, holder):
    with Locks(path) as mine:
        with mine.hold("A__1"):
            pass
        holder(path, "A__1")


def test_second_thread_of_one_process_sees_busy(path):
    seen = []
    with Locks(path) as mine:

        def other():
            try:
                with Locks(path) as second, second.hold("A__1"):
                    seen.append("taken")
            except LockBusy as busy:
                seen.append(busy.pid)

        with mine.hold("A__1"):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert seen == [os.getpid()]
        with mine.hold("A__1"):
            pass


def test_lock_is_given_back_when_its_block_raises(path):
    with Locks(path) as mine:
        with pytest.raises(KeyError), mine.hold("A__1"):
            raise KeyError
        with mine.hold("A__1"):
            pass


def test_second_user_of_the_file_does_not_drop_the_first_ones_locks(path, holder):
    with Locks(path) as mine, mine.hold("A__1"):
        with Locks(path) as other, other.hold("B__2"):
            pass
        with pytest.raises(AssertionError):
            holder(path, "A__1")


def test_lock_outlives_the_close_of_its_locks_until_its_block_ends(path, holder):
    mine = Locks(path)
    with mine.hold("A__1"):
        mine.close()
        with pytest.raises(AssertionError):
            holder(path, "A__1")
    assert locks._files == {}
    holder(path, "A__1")


def test_forked_child_neither_keeps_nor_releases_its_parents_lock(path):
    script = """
        import os, sys, time
        from nbflow.executors.locks import Locks, LockBusy
        mine = Locks(sys.argv[1])
        block = mine.hold("A__1")
        block.__enter__()
        child = os.fork()
        if child == 0:
            try:
                mine.hold("A__1").__enter__()
            except LockBusy as busy:
                os.write(1, b"busy %d\\n" % busy.pid)
            block.__exit__(None, None, None)
            os.write(1, b"ready\\n")
            sys.stdin.read()
            os._exit(0)
        os.write(1, b"%d\\n" % os.getpid())
        os.waitpid(child, 0)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = sorted(parent.stdout.readline() for _ in range(3))
        assert lines == [f"{parent.pid}\n", f"busy {parent.pid}\n", "ready\n"]
        with Locks(path) as mine:
            with pytest.raises(LockBusy), mine.hold("A__1"):
                pass
            parent.kill()
            parent.wait()
            # The child lives on.
            with mine.hold("A__1"):
                pass
    finally:
        parent.kill()
        parent.communicate()


def test_deleted_lock_file_is_made_again_for_the_next_run(path, holder):
    with Locks(path) as first, first.hold("A__1"):
        os.unlink(path)
        holder(path, "A__1")
        with Locks(path) as second, pytest.raises(LockBusy), second.hold("A__1"):
            pass


def test_folder_that_cannot_be_made_gives_one_warning_and_no_locks(tmp_path):
    (tmp_path / "file").write_text("")
    mine = Locks(str(tmp_path / "file" / "locks"))
    with pytest.warns(LockWarning, match="cannot be locked") as caught, mine.hold("A__1"):
        pass
    with mine.hold("A__1"), mine.hold("A__1"):
        pass
    assert len(caught) == 1


def test_file_system_without_locks_gives_one_warning_and_no_locks(path, monkeypatch):
    def refuse(descriptor, position):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks, "_system_locks", lambda: (refuse, refuse))
    mine = Locks(path)
    with pytest.warns(LockWarning, match="No locks available"), mine.hold("A__1"):
        pass
    assert locks._files == {}


def test_hint_that_cannot_be_written_does_not_lose_the_lock(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with Locks(path) as mine, mine.hold("A__1"), pytest.raises(LockBusy):
        mine.hold("A__1").__enter__()


def test_no_descriptor_is_left_after_close(path):
    before = os.listdir("/proc/self/fd")
    with Locks(path) as mine, mine.hold("A__1"):
        pass
    assert os.listdir("/proc/self/fd") == before


def test_nothing_is_opened_before_the_first_hold(path):
    with Locks(path):
        assert not os.path.exists(path)


def test_no_locks_holds_nothing():
    with NoLocks().hold("A"), NoLocks().hold("A"):
        pass
