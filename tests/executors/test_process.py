"""Worker processes: what travels, who dies with whom, and what is told of it."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from textwrap import dedent
from typing import ClassVar

import psutil
import pytest

import nbflow
from nbflow.core.events import TaskStarted
from nbflow.core.status import TaskState
from nbflow.core.summary import RunSummary
from nbflow.executors import process
from nbflow.executors.forkserver import new_process

#: Longest that anything may take that is promised within two seconds.
DEADLINE = 6.0
#: Seconds that a run gives its tasks after it was stopped.
GRACE = 5.0
#: Runs that get a signal together; a night has twenty times as many.
RUNS_AT_ONCE = 5

HELPER = "first"


def helper():
    return HELPER


class Here(nbflow.Task):
    """Says in which process it ran."""

    number = nbflow.IntParameter(default=0)

    def output(self):
        return nbflow.LocalTarget(f"here-{self.number}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write(f"{os.getpid()} {helper()}")


class Every(nbflow.WrapperTask):
    count = nbflow.IntParameter(default=4)

    def requires(self):
        return [Here(number) for number in range(self.count)]


@pytest.fixture(autouse=True)
def _fresh(project):
    pass


def run_script(project: Path, body: str, *arguments: str, **options) -> subprocess.Popen[str]:
    script = project / "script.py"
    script.write_text("import os, signal, sys, time\nimport nbflow\n" + dedent(body))
    command = [sys.executable, str(script), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=project, **options)


def wait_until(condition, seconds=DEADLINE):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_exit_code_is_the_same_for_all_threads_that_ask(monkeypatch):
    def read_after_another_asked(descriptor):
        reading.set()
        asked.wait(DEADLINE)
        return read(descriptor)

    child = new_process(os._exit, (7,), preload=())
    child.start()
    read, reading, asked = forkserver.read_signed, threading.Event(), threading.Event()
    monkeypatch.setattr(forkserver, "read_signed", read_after_another_asked)
    first = threading.Thread(target=child.join)
    first.start()
    assert reading.wait(DEADLINE)

    # As each start of another process does.
    codes = [child.exitcode]
    asked.set()
    first.join()
    codes.append(child.exitcode)

    assert codes == [None, 7]
    child.close()


# -- what travels ------------------------------------------------------------------------------------


def test_tasks_run_in_other_processes_and_at_most_as_many_as_were_asked_for():
    result = nbflow.run(Every(6), workers=2)

    found = {Path(f"here-{n}.txt").read_text().split()[0] for n in range(6)}
    assert result.ran == 7
    assert 1 <= len(found) <= 2
    assert str(os.getpid()) not in found


def test_classes_and_helpers_of_the_main_module_travel_by_value(project):
    process = run_script(
        project,
        """
        FACTOR = 3

        def scale(x):
            return x * FACTOR

        class Cell(nbflow.Task):
            x = nbflow.IntParameter()

            def run(self):
                print(scale(self.x))

        result = nbflow.run(Cell(2), workers=2)
        FACTOR = 5
        again = nbflow.run(Cell(2), workers=2, force=True)
        print(result.log() + again.log())
        """,
    )
    out, err = process.communicate(timeout=60)

    assert out.split() == ["6", "10"], err


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(project):
    process = run_script(
        project,
        """
        with open("started.txt", "a") as file:
            file.write("x")

        class Cell(nbflow.Task):
            pass

        print(nbflow.run(Cell(), workers=2).ran)
        """,
    )
    out, err = process.communicate(timeout=60)

    assert out.strip() == "1", err
    assert (project / "started.txt").read_text() == "x"


def test_a_task_redefined_between_two_runs_is_the_new_one_in_the_workers():
    def define(text):
        class Redefined(nbflow.Task):
            def run(self):
                print(text)

        return Redefined

    logs = [nbflow.run(define(text)(), workers=2).log() for text in ("old", "new")]

    assert logs == ["old\n", "new\n"]


class Holds(nbflow.Task):
    number = nbflow.IntParameter(default=0)

    def run(self):
        print(self.note)


def test_attributes_that_were_set_on_a_task_travel_with_it():
    task = Holds(1)
    task.note = "set before"

    assert nbflow.run(task, workers=2).log() == "set before\n"


def test_an_attribute_that_cannot_travel_is_named():
    import sqlite3

    task = Holds(2)
    task.note = sqlite3.connect(":memory:")

    result = nbflow.build([task, Holds(3)], workers=2)
    task.note.close()

    messages = [failure.error.message for failure in result.errors]
    assert "attribute self.note is a sqlite3.Connection" in messages[0]
    assert result.errors[0].error.type == "NotPicklable"


class Secret(nbflow.Task):
    token = nbflow.StrParameter(visibility=nbflow.ParameterVisibility.PRIVATE)

    def run(self):
        assert self.token == "hunter2"


class Hands(nbflow.Task):
    def run(self):
        yield Secret(token="hunter2")


def test_private_values_reach_workers_and_yielded_tasks():
    assert nbflow.run(Secret(token="hunter2"), workers=2)
    assert nbflow.run(Hands(), workers=2)


# -- what comes back ----------------------------------------------------------------------------------


class Talks(nbflow.Task):
    def run(self):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        self.progress(3, 4, "rows")


def test_output_and_progress_come_back():
    result = nbflow.run(Talks(), workers=2)

    assert sorted(result.log().split("\n")) == ["", "to stderr", "to stdout"]
    task = result["Talks"]
    assert (task.fraction, task.message) == (0.75, "3/4 rows")


class Fails(nbflow.Task):
    def run(self):
        raise KeyError("amount")


def test_a_failure_comes_back_with_its_line():
    result = nbflow.build([Fails()], workers=2)

    error = result.errors[0].error
    assert (error.type, error.function, error.file) == ("KeyError", "run", __file__)


class Steps(nbflow.Task):
    entered: ClassVar[str] = "entered.txt"

    def run(self):
        with open(self.entered, "a") as file:
            file.write("x")
        first = yield Here(1)
        more = yield [Here(2), Here(3)]
        print(first.path, *(target.path for target in more))


def test_a_generator_goes_on_in_the_process_that_keeps_it():
    result = nbflow.run(Steps(), workers=2)

    assert result.log() == "here-1.txt here-2.txt here-3.txt\n"
    assert Path("entered.txt").read_text() == "x"


class Loses(nbflow.Task):
    """Its process dies while its generator is suspended."""

    def run(self):
        with open("entered.txt", "a") as file:
            file.write("x")
        yield Kills(pid=os.getpid())
        print("went on")


class Kills(nbflow.Task):
    pid = nbflow.IntParameter()

    def output(self):
        return nbflow.LocalTarget("killed.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")
        if self.pid != os.getpid():
            os.kill(self.pid, signal.SIGKILL)


def test_run_starts_again_where_its_process_is_gone():
    result = nbflow.build([Loses()], workers=2, timeout=20)

    entered = Path("entered.txt").read_text()
    assert (result.ok, entered) in {(True, "xx"), (True, "x")}


# -- processes that end ---------------------------------------------------------------------------------


class Ends(nbflow.Task):
    how = nbflow.StrParameter()

    def run(self):
        if self.how == "exit":
            os._exit(0)
        if self.how == "code":
            os._exit(3)
        if self.how in {"SIGKILL", "SIGSEGV", "SIGTERM"}:
            os.kill(os.getpid(), getattr(signal, self.how))
            # The signal may take a moment to arrive; run() must not end before that.
            time.sleep(30)


class AllEnds(nbflow.WrapperTask):
    def requires(self):
        hows = ("exit", "code", "SIGKILL", "SIGSEGV", "SIGTERM", "not")
        return [Ends(how) for how in hows] + [Here(1)]


def test_a_process_that_ends_fails_its_task_at_once_and_no_other():
    started = time.monotonic()

    result = nbflow.build([AllEnds()], workers=2)

    assert time.monotonic() - started < 30
    assert (result.ran, result.failed) == (2, 5)
    told = {failure.task: failure.error.message for failure in result.errors}
    assert "exit code 0" in told["Ends(how=exit)"]
    assert "exit code 3" in told["Ends(how=code)"]
    for name in ("SIGKILL", "SIGSEGV", "SIGTERM"):
        assert name in told[f"Ends(how={name})"]
    assert {failure.error.type for failure in result.errors} == {"WorkerDied"}


class Spoils(nbflow.Task):
    """Does what ends the talk between its process and the run."""

    how = nbflow.StrParameter()

    def run(self):
        connection = next(
            each
            for each in gc.get_objects()
            if isinstance(each, Connection) and each.readable and each.writable
        )
        if self.how == "closes":
            os.closerange(3, 100)
            # A task that goes on without its pipe: it is the run's business to end it.
            time.sleep(30)
        elif self.how == "writes":
            os.write(connection.fileno(), b"a line that was meant for a file")
            # A task that goes on after it spoilt its pipe: it is the run's business to end it.
            time.sleep(30)
        elif self.how == "dies in a report":
            if os.fork() == 0:
                time.sleep(30)  # it has the pipe open, too
                os._exit(0)
            os.write(connection.fileno(), b"nb")
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.how == "yields its own class":

            class Inner(nbflow.Task):
                pass

            yield Inner()


class AllSpoil(nbflow.WrapperTask):
    def requires(self):
        hows = ("closes", "writes", "dies in a report", "yields its own class")
        return [Spoils(how) for how in hows] + [Here(1)]


def test_what_ends_the_talk_with_its_process_fails_its_task_at_once_and_no_other():
    started = time.monotonic()

    result = nbflow.build([AllSpoil()], workers=2)

    assert time.monotonic() - started < 25
    assert (result.ran, result.failed) == (1, 4)
    told = {failure.task: failure.error.message for failure in result.errors}
    for how in ("closes", "writes"):
        assert "closed the connection to the run, or wrote to it" in told[f"Spoils(how={how})"]
    assert "SIGKILL" in told["Spoils(how=dies in a report)"]
    assert "no task named 'Inner'" in told["Spoils(how=yields its own class)"]


@pytest.fixture
def ends_at_start(project, monkeypatch):
    """Let worker processes end while they start, as many as there are files."""

    def let(count):
        for number in range(count):
            Path(f"end-{number}").touch()
        Path("ending_module.py").write_text(
            "import glob, os\n"
            "for file in glob.glob('end-*'):\n"
            "    try:\n"
            "        os.unlink(file)\n"
            "    except FileNotFoundError:  # another process took it\n"
            "        continue\n"
            "    os._exit(1)\n"
        )
        monkeypatch.syspath_prepend(project)
        monkeypatch.setattr(process, "in_workers", ["ending_module"])

    return let


def test_process_that_ends_before_it_is_up_fails_no_task(ends_at_start):
    """Ctrl-C reaches a process that has no session of its own yet."""
    ends_at_start(2)

    result = nbflow.build([Here(1)], workers=2)

    assert (result.ok, result.ran) == (True, 1)


def test_processes_that_never_come_up_are_told_and_end_the_run(ends_at_start):
    ends_at_start(20)

    result = nbflow.build([Every(2)], workers=2)

    assert result.failed == 2
    assert "exit code 1 before run() was over" in result.errors[0].error.message


class Quick(nbflow.Task):
    """Is over at once, unless it is to end its process or to take its time; counts its runs."""

    number = nbflow.IntParameter()
    ends = nbflow.BoolParameter(default=False)
    waits = nbflow.FloatParameter(default=0.0)

    def run(self):
        with open(f"quick-{self.number}.txt", "a") as file:
            file.write("x")
        if self.ends:
            os._exit(3)
        time.sleep(self.waits)  # a task that takes its time, to be told from quick ones


class ManyQuick(nbflow.WrapperTask):
    ending: tuple[int, ...] = nbflow.ListParameter(default=())
    count = nbflow.IntParameter(default=200)

    def requires(self):
        return [Quick(number, ends=number in self.ending) for number in range(self.count)]


def test_of_quick_tasks_that_were_sent_ahead_only_those_fail_whose_process_ended(project):
    ending = (60, 61, 130)

    result = nbflow.build([ManyQuick(ending)], workers=2)

    assert (result.ran, result.failed) == (197, 3)
    assert {failure.task for failure in result.errors} == {
        f"Quick(number={number}, ends=True, waits=0.0)" for number in ending
    }
    runs = [(project / f"quick-{number}.txt").read_text() for number in range(200)]
    assert set(runs) == {"x"}


def test_tasks_are_sent_ahead_while_they_are_quick(project):
    def most_at_once(waits):
        most = 0
        running = set()

        def follow(events):
            nonlocal most
            for event in events:
                if type(event).__name__ == "TaskStarted":
                    running.add(event.task_id)
                elif type(event).__name__ == "TaskSucceeded":
                    running.discard(event.task_id)
                most = max(most, len(running))

        tasks = [Quick(number, waits=waits) for number in range(60)]
        nbflow.run(*tasks, workers=2, store="memory:", subscribers=[follow])
        return most

    assert most_at_once(waits=0.0) > 4
    assert most_at_once(waits=0.02) == 2


def test_what_waits_behind_another_task_is_pending_until_its_turn(project):
    summary, shown, most = RunSummary(), set(), 0

    def follow(events):
        nonlocal most
        for event in events:
            summary.apply(event)
            most = max(most, summary.running)
            shown.update(task.name for task in summary.in_state(TaskState.RUNNING))

    slow = [Quick(number, waits=0.3) for number in range(40, 44)]
    quick = [Quick(number) for number in range(40)]
    nbflow.run(*quick, *slow, workers=2, store="memory:", subscribers=[follow])

    assert most == 2
    assert shown >= {str(task) for task in slow}


def test_one_slow_task_among_quick_ones_ends_the_sending_ahead(project):
    """What a family's tasks take may differ: a row of quick ones must come first."""
    begun = []

    def follow(events):
        begun.extend(event.ahead for event in events if isinstance(event, TaskStarted))

    tasks = [Quick(number, waits=0.01 * (number % 4 == 0)) for number in range(40)]
    nbflow.run(*tasks, workers=2, store="memory:", subscribers=[follow])

    assert not any(begun)


def test_large_tasks_are_not_sent_to_a_worker_that_may_be_writing(project):
    process = run_script(
        project,
        """
        class Carries(nbflow.Task):
            number = nbflow.IntParameter()

            def run(self):
                if self.number == 30:
                    for _ in range(40):
                        print("x" * 100_000)

        tasks = [Carries(number) for number in range(60)]
        for task in tasks:
            task.load = "y" * 300_000
        print(nbflow.build(tasks, workers=2).ran)
        """,
    )
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()

    assert out.strip() == "60", err


STUBBORN = """
    import subprocess

    class Stubborn(nbflow.Task):
        number = nbflow.IntParameter(default=0)

        def run(self):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen([sys.executable, "-c", (
                "import signal, time\\n"
                "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
                "time.sleep(60)"
            )])
            with open(f"pids-{self.number}.txt", "w") as file:
                file.write(f"{os.getpid()} {child.pid}")
            time.sleep(60)

    class Two(nbflow.WrapperTask):
        def requires(self):
            return [Stubborn(0), Stubborn(1)]
"""


def pids_of(project: Path) -> list[int]:
    files = [project / f"pids-{number}.txt" for number in range(2)]
    found = [int(pid) for file in files if file.exists() for pid in file.read_text().split()]
    return found if len(found) == 4 else []


def living(pids: list[int]) -> list[int]:
    def lives(pid):
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return [pid for pid in pids if lives(pid)]


def test_a_task_past_its_limit_is_killed_with_its_children(project):
    process = run_script(
        project, STUBBORN + "\n    print(nbflow.build([Two()], workers=2, timeout=2).failed)\n"
    )
    assert wait_until(lambda: pids_of(project), 30)

    out, err = process.communicate(timeout=60)

    assert out.strip() == "2", err
    assert wait_until(lambda: not living(pids_of(project))), living(pids_of(project))


@pytest.mark.parametrize(
    "rounds", [1, pytest.param(20, marks=pytest.mark.nightly)], ids=["gate", "nightly"]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_of_a_run_outlives_its_parent(project, number, rounds):
    for _ in range(rounds):
        folders = [project / f"run-{n}" for n in range(RUNS_AT_ONCE)]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / "nbflow.toml").touch()
        body = STUBBORN + "\n    nbflow.build([Two()], workers=2)\n"
        runs = [run_script(folder, body, start_new_session=True) for folder in folders]
        assert wait_until(lambda folders=folders: all(map(pids_of, folders)), 60)
        pids = [pid for folder in folders for pid in pids_of(folder)]

        for run in runs:
            run.send_signal(number)
        for run in runs:
            run.communicate(timeout=30)

        assert wait_until(lambda pids=pids: not living(pids)), living(pids)


def test_two_interrupts_within_half_a_second_are_safe(project):
    process = run_script(project, STUBBORN + "\n    nbflow.build([Two()], workers=2)\n")
    assert wait_until(lambda: pids_of(project), 30)
    pids = pids_of(project)
    started = time.monotonic()

    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # the promise is about two interrupts this close
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert time.monotonic() - started < DEADLINE
    assert wait_until(lambda: not living(pids)), living(pids)


def test_an_interrupt_leaves_what_was_done_and_says_so(project):
    process = run_script(
        project,
        """
        class Quick(nbflow.Task):
            def output(self):
                return nbflow.LocalTarget("quick.txt")

            def run(self):
                with self.output().open("w") as file:
                    file.write("x")

        class Hangs(nbflow.Task):
            def requires(self):
                return Quick()

            def output(self):
                return nbflow.LocalTarget("out/hangs.txt")

            def run(self):
                with self.output().open("w") as file:
                    file.write("half")
                    open("hangs.txt", "w").close()
                    time.sleep(60)  # a long task, which the interrupt is to end

        try:
            nbflow.run(Hangs(), workers=2)
        except nbflow.RunInterrupted as stopped:
            print(stopped.result.status, stopped.result.ran)
        """,
    )
    assert wait_until((project / "hangs.txt").exists, 30)
    pressed = time.monotonic()

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert out.strip() == "INTERRUPTED 1", err
    assert (project / "quick.txt").exists()
    # Nobody waited until the task was ended from outside: it was asked, and left no half file.
    assert time.monotonic() - pressed < GRACE
    assert os.listdir(project / "out") == []


class Leaves(nbflow.Task):
    """Ends when it is asked to; a process that it started does not."""

    def run(self):
        deaf = "trap '' INT; echo; exec sleep 60"
        child = subprocess.Popen(["sh", "-c", deaf], stdout=subprocess.PIPE)
        child.stdout.readline()
        Path("child.txt").write_text(str(child.pid))
        time.sleep(60)  # a long task, which the interrupt is to end


def test_what_an_interrupted_task_started_ends_with_the_run():
    run = nbflow.start(Leaves(), workers=2, background=True)
    assert wait_until(lambda: Path("child.txt").exists() and Path("child.txt").read_text(), 30)

    run.cancel()
    run.wait(30)

    pids = [int(Path("child.txt").read_text())]
    assert wait_until(lambda: not living(pids)), living(pids)


class Insists(nbflow.Task):
    """Writes its output anew and does not end when it is asked to, or ends in an odd way."""

    how = nbflow.Parameter()

    def output(self):
        return nbflow.LocalTarget(f"out/{self.how}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("half")
            file.flush()
            Path(f"{self.how}.began").touch()
            if self.how == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            while True:
                try:
                    time.sleep(60)  # a long task, which no interrupt is to end
                except KeyboardInterrupt:
                    Path(f"{self.how}.asked").touch()


@pytest.mark.parametrize("how", ["dies", "stays"])
def test_what_a_killed_process_was_writing_is_removed_and_the_old_output_is_back(project, how):
    (project / "out").mkdir()
    output = project / "out" / f"{how}.txt"
    output.write_text("old")
    other = project / "out" / f"{how}.txt-nbflow-tmp-1-1"
    other.write_text("of another process")

    run = nbflow.start(Insists(how), workers=2, force=True, background=True)
    assert wait_until(Path(f"{how}.began").exists, 30)
    if how == "stays":
        run.cancel()
        assert wait_until(Path("stays.asked").exists)
        run.cancel(now=True)
    result = run.wait(30)

    assert not result.ok
    assert output.read_text() == "old"
    assert sorted(os.listdir(project / "out")) == [output.name, other.name]


def test_nothing_that_waits_is_begun_after_a_stop(project):
    run = nbflow.start(
        *[Waits(number) for number in range(6)], workers=2, force=True, background=True
    )
    assert wait_until(lambda: len(list(project.glob("waits-*"))) == 2, 30)

    run.cancel()
    result = run.wait(30)

    assert result.summary.counts[TaskState.CANCELLED] == 6
    assert len(list(project.glob("waits-*"))) == 2


class Waits(nbflow.Task):
    number = nbflow.IntParameter()

    def run(self):
        Path(f"waits-{self.number}").touch()
        time.sleep(60)  # a long task, which the interrupt is to end


class Floods(nbflow.Task):
    def run(self):
        for number in range(10_000):
            print(f"line {number}")


def test_ten_thousand_lines_of_output_arrive_in_order():
    result = nbflow.run(Floods(), workers=2)

    assert result.log().splitlines() == [f"line {number}" for number in range(10_000)]


DRAGS = """
    import warnings
    from nbflow.executors import payload

    payload.LARGE = 1024 * 1024

    def make():
        frame = bytearray(2 * 1024 * 1024)

        class ByVariable(nbflow.Task):
            def run(self):
                print(len(frame))

        return ByVariable

    class ByAttribute(nbflow.Task):
        rows = bytearray(2 * 1024 * 1024)

        def run(self):
            print(len(self.rows))

    class ByDefault(nbflow.Task):
        def run(self, given=ByAttribute.rows):
            print(len(given))

    DATA = bytearray(2 * 1024 * 1024)

    def helper():
        return len(DATA)

    class ByGlobal(nbflow.Task):
        def run(self):
            print(helper())

    for cls in (make(), ByAttribute, ByDefault, ByGlobal):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            nbflow.run(cls(), workers=2)
        for told in caught:
            print(os.path.basename(told.filename), told.message)
"""


def test_a_class_that_drags_much_data_along_is_told_with_the_name_of_it(project):
    out, err = run_script(project, DRAGS).communicate(timeout=120)

    told = [line for line in out.splitlines() if "MB" in line]
    names = ("variable frame", "attribute rows", "default of given", "global DATA")
    assert len(told) == len(names), err
    for line, cls, name in zip(
        told, ("ByVariable", "ByAttribute", "ByDefault", "ByGlobal"), names, strict=True
    ):
        assert f"script.py {cls} takes 2 MB to each worker process" in line
        assert f"most of it is the {name}. Pass it as a target" in line


def test_no_process_and_no_thread_is_left_after_a_run():
    import threading

    nbflow.run(Every(2), workers=2)

    # The server that starts workers, and its resource tracker, stay for the next run.
    servers = psutil.Process().children()
    assert [worker for server in servers for worker in server.children()] == []
    assert not [t for t in threading.enumerate() if t.name.startswith("nbflow")]


def test_threads_share_the_process():
    result = nbflow.run(Every(4), workers=2, executor="thread")

    assert result.ran == 5
    assert {Path(f"here-{n}.txt").read_text().split()[0] for n in range(4)} == {str(os.getpid())}


def test_states_are_told_of_tasks_in_processes():
    result = nbflow.build([Fails(), Here(1)], workers=2)

    assert result["Fails"].state is TaskState.FAILED
    assert result["Here"].state is TaskState.DONE
