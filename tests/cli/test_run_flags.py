"""What each flag of `run` changes; those of other tests of this folder are not said again."""

from __future__ import annotations

import pytest

TASKS = '''\
import os
import threading
import time

import nbflow


class Twice(nbflow.Task):
    """Fails the first time."""

    def output(self):
        return nbflow.LocalTarget("twice.txt")

    def run(self):
        if not os.path.exists("tried.txt"):
            open("tried.txt", "w").close()
            raise OSError("not yet")
        with self.output().open("w") as file:
            file.write("x")


class Long(nbflow.Task):
    def run(self):
        time.sleep(60)  # work that only its limit ends; no test waits for it


class Where(nbflow.Task):
    """Says in which process and thread it runs."""

    def output(self):
        return nbflow.LocalTarget("where.txt")

    def run(self):
        print("said by the task")
        process = "own" if os.environ["PARENT"] != str(os.getpid()) else "same"
        with self.output().open("w") as file:
            file.write(f"{process} {threading.current_thread() is threading.main_thread()}")


os.environ.setdefault("PARENT", str(os.getpid()))
'''


@pytest.fixture
def flags(nbflow, project):
    """`nbflow run flags.py` with the words given."""
    (project / "flags.py").write_text(TASKS)
    return lambda *words: nbflow("run", "flags.py", *words)


def test_failed_task_is_tried_again_as_often_as_retry_says(flags, project):
    assert flags("Twice").returncode == 1
    (project / "tried.txt").unlink()

    done = flags("Twice", "--retry", "1")

    assert done.returncode == 0
    assert "(will be tried again)" in done.stderr


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_task_that_takes_longer_than_timeout_fails(executor, flags):
    done = flags("Long", "--timeout", "0.3", "--executor", executor)

    assert done.returncode == 1
    assert "TaskTimeout: Long() ran longer than its limit of 0.3 s" in done.stdout


@pytest.mark.parametrize(
    ("executor", "place"),
    [("inline", "same True"), ("thread", "same False"), ("process", "own True")],
)
def test_executor_says_where_tasks_run(executor, place, flags, project):
    assert flags("Where", "--executor", executor).returncode == 0
    assert (project / "where.txt").read_text() == place


def test_unknown_executor_names_those_that_are_there(flags):
    done = flags("Where", "--executor", "nowhere")

    assert done.returncode == 2
    assert "no executor 'nowhere'.  Known: inline, thread, process." in done.stderr


def test_tee_says_whether_output_of_tasks_is_printed(flags, project):
    assert "said by the task" in flags("Where", "--tee").stdout
    (project / "where.txt").unlink()
    done = flags("Where", "--no-tee")
    assert "said by the task" not in done.stdout + done.stderr


def test_store_in_memory_leaves_no_history(flags, project):
    assert flags("Where", "--store", "memory:").returncode == 0
    assert not (project / ".nbflow" / "nbflow.db").exists()


def test_no_raise_changes_nothing_of_a_commands_code(flags):
    assert flags("Twice", "--no-raise").returncode == 1
