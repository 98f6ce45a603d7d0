"""Runs as a person starts them: result, failure, background, interrupt, history, locks."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from typing import ClassVar

import pytest

import nbflow
from nbflow.core.errors import (
    BadFlagValueError,
    NotATaskError,
    NotSupportedHereError,
    PluginError,
    UnknownTaskError,
)
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.status import RunStatus, TaskState
from nbflow.session import RunOptions, usual_seconds
from nbflow.stores.sqlite import SqliteRecorder


class Copy(nbflow.Task):
    """Writes its text; fails on demand."""

    text = nbflow.StrParameter()
    runs: ClassVar[list[str]] = []

    def output(self):
        return nbflow.LocalTarget(f"out/{self.text}.txt")

    def run(self):
        Copy.runs.append(self.text)
        print(f"copying {self.text}")
        if self.text == "bad":
            raise ValueError("cannot copy")
        with self.output().open("w") as file:
            file.write(self.text)


class Join(nbflow.Task):
    texts = nbflow.TupleParameter()

    def requires(self):
        return [Copy(text) for text in self.texts]

    def output(self):
        return nbflow.LocalTarget("out/joined.json")

    def run(self):
        with self.output().open("w") as file:
            file.write("[" + ", ".join(f'"{Path(t.path).read_text()}"' for t in self.input()) + "]")


@pytest.fixture(autouse=True)
def _fresh(project):
    Copy.runs.clear()


def test_a_run_tells_what_ran_and_hands_out_what_was_made():
    result = nbflow.run(Join(("a", "b")))

    assert result
    assert (result.ran, result.complete, result.failed) == (3, 0, 0)
    assert result.load() == ["a", "b"]
    assert result.load(Copy("a")) == "a"
    assert result.output().path == "out/joined.json"
    assert nbflow.last is result


def test_what_is_complete_does_not_run_again():
    nbflow.run(Join(("a", "b")))
    Copy.runs.clear()

    again = nbflow.run(Join(("a", "b")))

    assert (again.ran, again.complete) == (0, 1)
    assert Copy.runs == []


def test_a_forced_run_does_the_named_task_again():
    nbflow.run(Join(("a",)))
    Copy.runs.clear()

    assert nbflow.run(Join(("a",)), force=True).ran == 1
    assert Copy.runs == []
    assert nbflow.run(Join(("a",)), force="Copy*").ran == 1
    assert Copy.runs == ["a"]


def test_a_failed_run_raises_with_the_users_frame_and_keeps_the_result():
    with pytest.raises(nbflow.RunFailedError, match=r"1 task failed: Copy\(text=bad\)") as caught:
        nbflow.run(Join(("a", "bad")))

    result = caught.value.result
    assert not result
    assert result["Copy(text=a)"].state is TaskState.DONE
    assert result["Join"].state is TaskState.UPSTREAM_FAILED
    assert result.errors[0].error.message == "cannot copy"
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.traceback[-1].name == "run"
    assert nbflow.last is result


def test_build_returns_the_result_of_a_failed_run():
    result = nbflow.build([Copy("bad"), Copy("a")], local_scheduler=True, workers=1)

    assert not result
    assert result.exit_code == 1
    assert Path("out/a.txt").exists()


@pytest.mark.parametrize("wrong", [Copy, "Copy", 3])
def test_something_that_is_no_task_is_refused_by_name(wrong):
    with pytest.raises(NotATaskError):
        nbflow.run(wrong)


def test_an_unknown_option_is_refused_with_a_suggestion():
    with pytest.raises(TypeError, match="Did you mean workers"):
        nbflow.run(Copy("a"), worker=2)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"workers": 0}, BadFlagValueError),
        ({"retry": -1}, BadFlagValueError),
        ({"timeout": 0}, BadFlagValueError),
        ({"executor": "proces"}, PluginError),
        ({"workers": 2, "executor": "inline"}, NotSupportedHereError),
    ],
)
def test_options_outside_of_their_range_are_refused(options, error):
    with pytest.raises(error):
        nbflow.run(Copy("a"), **options)
    assert Copy.runs == []


# -- history and logs ------------------------------------------------------------------------------


def test_runs_are_found_in_the_history():
    nbflow.run(Copy("a"), name="first")
    nbflow.build([Copy("bad")])

    frame = nbflow.history()

    assert list(frame["status"].str.upper()) == ["FAILED", "SUCCEEDED"]
    assert list(frame["ran"]) == [0, 1]
    assert len(nbflow.history("Copy*", status="failed")) == 1
    assert len(nbflow.history(by="task")) == 2
    assert list(nbflow.history(by="failure")["error"]) == ["ValueError"]
    assert list(nbflow.history(by="family")["succeeded"]) == [1]


@pytest.mark.parametrize("given", [{"by": "day"}, {"by": "failure", "status": "failed"}])
def test_history_knows_its_kinds_of_rows(given):
    with pytest.raises(ValueError, match="by="):
        nbflow.history(**given)


def test_usual_seconds_are_known_after_two_successes():
    nbflow.run(Copy("a"))
    assert usual_seconds(["Copy"]) == {}
    nbflow.run(Copy("b"))
    assert list(usual_seconds(["Copy", "Join"])) == ["Copy"]


def test_a_run_with_the_memory_store_leaves_no_database():
    result = nbflow.run(Copy("a"), store="memory:")

    assert not Path(".nbflow/nbflow.db").exists()
    assert not result.stored


def test_the_output_of_a_task_is_in_its_log(capsys):
    result = nbflow.run(Join(("a", "b")))

    assert result.log() == "copying a\ncopying b\n"
    assert result.log("Copy(text=b)") == "copying b\n"
    assert capsys.readouterr().out == "copying a\ncopying b\n"


def test_a_background_run_echoes_nothing(capsys):
    nbflow.start(Copy("a")).result(30)

    assert capsys.readouterr().out == ""


def test_a_silent_run_leaves_no_log_file():
    class Silent(nbflow.Task):
        pass

    nbflow.run(Silent())

    assert not list(Path(".nbflow/logs").glob("*")) if Path(".nbflow/logs").exists() else True


def test_only_the_newest_logs_are_kept_and_each_is_capped(project):
    (project / "nbflow.toml").write_text('logs_kept = 2\nlog_cap = "1 kB"\n')

    class Prints(nbflow.Task):
        number = nbflow.IntParameter()

        def run(self):
            print(f"{self.number} " * 2_000)

    results = [nbflow.run(Prints(number)) for number in range(3)]

    assert len(list(Path(".nbflow/logs").glob("*.log"))) == 2
    assert results[0].log() == ""
    assert 0 < len(results[2].log()) < 2_000


def test_private_values_are_nowhere_on_the_disk():
    class Secret(nbflow.Task):
        token = nbflow.StrParameter(visibility=nbflow.ParameterVisibility.PRIVATE)

        def run(self):
            raise ValueError("failed without its secret")

    result = nbflow.build([Secret(token="hunter2")])

    found = [p for p in Path(".nbflow").rglob("*") if p.is_file() and b"hunter2" in p.read_bytes()]
    assert found == []
    assert "hunter2" not in repr(result) + repr(Secret(token="hunter2"))


# -- the result as an object ------------------------------------------------------------------------


def test_a_result_survives_pickling_without_its_live_parts():
    result = nbflow.build([Copy("bad")])

    copy = pickle.loads(pickle.dumps(result))

    assert copy.exit_code == 1
    assert copy.errors[0].error.message == "cannot copy"
    assert copy.log() == "copying bad\n"
    with pytest.raises(NotSupportedHereError):
        copy.output()


def test_an_unknown_task_of_a_result_is_an_error_with_a_suggestion():
    result = nbflow.run(Copy("a"))

    with pytest.raises(UnknownTaskError, match=r"Did you mean Copy\(text=a\)"):
        result["Copy(text=b)"]


def test_a_result_as_plain_data():
    data = nbflow.run(Copy("a")).to_dict()

    assert data["status"] == "SUCCEEDED"
    assert data["counts"] == {"done": 1}
    assert data["outputs"] == {Copy("a").task_id: ["out/a.txt"]}


def test_a_result_can_be_run_again():
    result = nbflow.build([Join(("a", "b"))])
    Copy.runs.clear()
    Path("out/joined.json").unlink()

    again = result.rerun()
    assert (again.ran, Copy.runs) == (1, [])
    assert result.rerun(failed_only=False).ran == 3
    assert Copy.runs == ["a", "b"]
    with pytest.raises(NotSupportedHereError):
        pickle.loads(pickle.dumps(result)).rerun()


def test_a_result_has_the_graph_of_its_run():
    dag = nbflow.build([Join(("a", "bad"))]).dag

    assert {str(node.state) for node in dag.graph.nodes.values()} == {
        "done",
        "failed",
        "upstream failed",
    }


# -- plans and graphs -------------------------------------------------------------------------------


def test_a_plan_says_what_would_run_and_runs_nothing():
    nbflow.run(Copy("a"))
    Copy.runs.clear()

    plan = nbflow.plan(Join(("a", "b")))

    assert plan.to_run == ["Copy(text=b)", 'Join(texts=["a", "b"])']
    assert plan.complete == ["Copy(text=a)"]
    assert Copy.runs == []
    assert not Path("out/b.txt").exists()


def test_a_dag_shows_also_what_lies_under_complete_tasks():
    nbflow.run(Join(("a", "b")))

    assert len(nbflow.plan(Join(("a", "b")))) == 1
    assert len(nbflow.dag(Join(("a", "b")))) == 3


# -- background runs --------------------------------------------------------------------------------


class Waits(nbflow.Task):
    """Runs until it is let go."""

    number = nbflow.IntParameter(default=0)
    gate: ClassVar[threading.Event] = threading.Event()
    started: ClassVar[threading.Event] = threading.Event()

    def run(self):
        Waits.started.set()
        assert Waits.gate.wait(30)


@pytest.fixture
def gate():
    Waits.gate.clear()
    Waits.started.clear()
    yield Waits.gate
    Waits.gate.set()


def test_a_background_run_returns_at_once(gate):
    run = nbflow.start(Waits())

    assert Waits.started.wait(10)
    assert not run.done()
    with pytest.raises(TimeoutError):
        run.result(0.01)
    gate.set()
    assert run.result(10).ok


def test_a_background_run_is_cancelled_after_its_running_task(gate):
    class After(nbflow.Task):
        def requires(self):
            return Waits()

    run = nbflow.start(After())
    assert Waits.started.wait(10)
    run.cancel()
    gate.set()

    result = run.wait(10)

    assert result.status is RunStatus.CANCELLED
    with pytest.raises(nbflow.RunFailedError, match="cancelled"):
        run.result()


def test_a_background_run_can_be_awaited(gate):
    async def both():
        run = nbflow.start(Waits())
        gate.set()
        return await run, await run

    first, second = asyncio.run(both())

    assert first.ok
    assert second is first


def test_awaiting_a_failed_run_raises():
    async def wait():
        await nbflow.start(Copy("bad"))

    with pytest.raises(nbflow.RunFailedError):
        asyncio.run(wait())


def test_no_more_than_four_runs_are_in_the_background(gate):
    runs = [nbflow.start(Waits(number)) for number in range(4)]

    with pytest.raises(NotSupportedHereError, match="4 runs"):
        nbflow.start(Waits(9))
    gate.set()
    assert all(run.result(20) for run in runs)


@pytest.mark.parametrize("options", [{}, {"executor": "thread", "workers": 2}])
def test_a_time_limit_holds_where_no_alarm_rings(options):
    run = nbflow.start(Sleeps(), timeout=0.5, **options)

    assert run.wait(20).errors[0].error.type == "TaskTimeout"


def test_no_thread_is_left_after_a_run():
    nbflow.run(Copy("a"))
    nbflow.start(Copy("b")).result(10)

    deadline = time.monotonic() + 5
    while any(t.name.startswith("nbflow") for t in threading.enumerate()):
        assert time.monotonic() < deadline, threading.enumerate()


# -- time limits and interrupts ---------------------------------------------------------------------


class Sleeps(nbflow.Task):
    def run(self):
        time.sleep(60)


def test_a_task_that_runs_too_long_is_stopped():
    started = time.monotonic()

    result = nbflow.build([Sleeps()], timeout=0.2)

    assert time.monotonic() - started < 10
    assert result.errors[0].error.type == "TaskTimeout"
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_a_task_that_catches_everything_is_stopped_all_the_same():
    class Catches(nbflow.Task):
        def run(self):
            for _ in range(3):
                try:
                    time.sleep(20)
                except Exception as error:
                    print(type(error).__name__)
            raise OSError("at its end")

    started = time.monotonic()
    result = nbflow.build([Catches()], timeout=0.2)

    assert time.monotonic() - started < 15
    assert result.failed == 1


def test_an_interrupt_stops_the_run_and_leaves_the_handler_as_it_was():
    before = signal.getsignal(signal.SIGINT)

    class Both(nbflow.Task):
        def requires(self):
            return [Copy("a"), Sleeps()]

    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(nbflow.RunInterrupted) as caught:
        nbflow.run(Both())

    assert caught.value.result.status is RunStatus.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before
    assert Path("out/a.txt").exists() or Copy.runs == []
    assert nbflow.run(Copy("a"))


def test_an_interrupt_while_the_rest_is_recorded_loses_nothing(monkeypatch):
    close = SqliteRecorder.close

    def close_late(recorder):
        signal.raise_signal(signal.SIGINT)
        close(recorder)

    monkeypatch.setattr(SqliteRecorder, "close", close_late)

    assert nbflow.run(Copy("a")).status is RunStatus.SUCCEEDED
    assert nbflow.history()["status"].tolist() == ["succeeded"]
    assert nbflow.history(by="task")["state"].tolist() == ["done"]


def test_a_cycle_is_raised_by_its_path():
    class Self(nbflow.Task):
        def requires(self):
            return Self()

    with pytest.raises(nbflow.CycleError, match=r"Self\(\) -> Self\(\)"):
        nbflow.run(Self())


# -- two processes ----------------------------------------------------------------------------------

SCRIPT = dedent(
    """
    import os, sys, time
    import nbflow

    class Shared(nbflow.Task):
        def output(self):
            return nbflow.LocalTarget("shared.txt")

        def run(self):
            with open("ran.txt", "a") as file:
                file.write(f"{os.getpid()}\\n")
            time.sleep(1)
            with self.output().open("w") as file:
                file.write("x")

    print(nbflow.build([Shared()]).status)
    """
)


def test_two_processes_that_want_one_task_run_it_once(project):
    script = project / "shared.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    answers = [process.communicate(timeout=60)[0].strip() for process in both]

    assert answers == ["SUCCEEDED", "SUCCEEDED"]
    assert len((project / "ran.txt").read_text().split()) == 1
    frame = nbflow.history()
    assert sorted(frame["ran"]) == [0, 1]
    assert sorted(frame["complete"]) == [0, 1]


def test_a_scheduler_may_have_numbers_of_its_own():
    class Greedy(Copy):
        resources = {"licence": 2}

    numbers = SchedulerConfig(resources={"licence": 2})

    assert nbflow.start(Greedy("a"), background=False).wait().ran == 0
    assert nbflow.run(Greedy("a"), scheduler=numbers).ran == 1


def test_options_are_a_value():
    assert RunOptions() == RunOptions()
    with pytest.raises(AttributeError):
        RunOptions().workers = 3


def test_run_is_called_by_the_parameters_that_are_shown_everywhere(project):
    class Foldered(nbflow.Task):
        n: int
        folder: str = nbflow.Parameter(default="data", visibility=nbflow.ParameterVisibility.HIDDEN)

        def run(self):
            pass

    result = nbflow.run(Foldered(n=1))

    assert result.root == "Foldered(n=1)"
    assert list(nbflow.history(limit=1)["params"]) == ["n=1"]
