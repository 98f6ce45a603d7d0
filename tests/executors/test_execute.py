"""One execution of one task."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

import nbflow
from nbflow.core.call import (
    Busy,
    Done,
    Failed,
    FoundComplete,
    Interrupted,
    Missing,
    Suspended,
    TaskCall,
)
from nbflow.core.context import current
from nbflow.core.interrupt import InterruptGuard
from nbflow.core.policy import LUIGI, NATIVE
from nbflow.executors.execute import TaskRunner
from nbflow.executors.locks import Locks, NoLocks


class Listener:
    """Keeps what a task says of itself."""

    def __init__(self) -> None:
        self.said = []

    def report_progress(self, **news):
        self.said.append(news)

    def decrease_resources(self, amounts):
        self.said.append(amounts)


@pytest.fixture
def runner(project):
    return TaskRunner(policy=NATIVE, locks=NoLocks(), guard=InterruptGuard())


@pytest.fixture
def locks(project):
    with Locks(str(project / "locks")) as locks:
        yield locks


def call_of(task, **fields):
    return TaskCall(run_id="r", task_id=task.task_id, family=task.task_family, **fields)


def execute(runner, task, **fields):
    return runner.execute(call_of(task, **fields), task, Listener())


class Writes(nbflow.Task):
    text = nbflow.StrParameter(default="new")

    def output(self):
        return nbflow.LocalTarget("out.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write(self.text)


def test_a_task_that_writes_its_output_is_done(runner):
    outcome = execute(runner, Writes())

    assert isinstance(outcome, Done)
    assert [(record.path, record.size) for record in outcome.outputs] == [("out.txt", 3)]


def test_a_task_that_somebody_else_did_meanwhile_does_not_run(runner):
    Path("out.txt").write_text("theirs")

    assert execute(runner, Writes()) == FoundComplete()
    assert Path("out.txt").read_text() == "theirs"


def test_a_forced_task_runs_although_it_is_complete(runner):
    Path("out.txt").write_text("old")

    assert isinstance(execute(runner, Writes(), forced=True), Done)
    assert Path("out.txt").read_text() == "new"
    assert sorted(os.listdir()) == ["nbflow.toml", "out.txt"]


def test_the_old_output_is_put_back_when_a_forced_run_fails(runner):
    class Breaks(Writes):
        def run(self):
            assert not self.output().exists()
            raise ValueError("half-way")

    Path("out.txt").write_text("old")

    outcome = execute(runner, Breaks(), forced=True)

    assert isinstance(outcome, Failed)
    assert outcome.error.message == "half-way"
    assert Path("out.txt").read_text() == "old"


def test_an_output_that_cannot_be_moved_aside_is_left_and_said(runner):
    class Stubborn(nbflow.Target):
        def exists(self):
            return True

        def __str__(self):
            return "stubborn"

    class Makes(nbflow.Task):
        def output(self):
            return Stubborn()

    outcome = execute(runner, Makes(), forced=True)

    assert outcome.note == "its old output was left in place: stubborn"


def test_a_declared_output_that_is_missing_is_the_producers_failure(runner):
    class Forgets(Writes):
        def run(self):
            pass

    outcome = execute(runner, Forgets())

    assert isinstance(outcome, Failed)
    assert outcome.error.type == "IncompleteOutput"
    assert "out.txt" in outcome.error.message


def test_luigi_does_not_verify_outputs(project):
    class Forgets(Writes):
        def run(self):
            pass

    runner = TaskRunner(policy=LUIGI, locks=NoLocks(), guard=InterruptGuard())

    assert isinstance(execute(runner, Forgets()), Done)


def test_a_policy_may_ask_for_completeness_after_run(project):
    class Says(nbflow.Task):
        def run(self):
            pass

    policy = replace(LUIGI, check_complete_after_run=True)
    runner = TaskRunner(policy=policy, locks=NoLocks(), guard=InterruptGuard())
    outcome = execute(runner, Says())

    assert isinstance(outcome, Failed)
    assert outcome.error.type == "IncompleteOutput"
    assert isinstance(execute(runner, Writes()), Done)


def test_luigi_asks_also_for_the_requirements_of_a_wrapper(project):
    class Around(nbflow.WrapperTask):
        def requires(self):
            return Writes()

    runner = TaskRunner(policy=LUIGI, locks=NoLocks(), guard=InterruptGuard())

    assert isinstance(execute(runner, Around()), Missing)


def test_a_task_without_output_is_done_for_this_run(runner):
    class Says(nbflow.Task):
        def run(self):
            print("hello")

    assert execute(runner, Says()) == Done(seconds=pytest.approx(0, abs=1))


def test_a_task_whose_own_complete_still_says_no_is_done_with_a_note(runner):
    class Never(nbflow.Task):
        def complete(self):
            return False

    assert execute(runner, Never()).note == "complete() still says no"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), GeneratorExit()])
def test_whatever_run_raises_fails_the_task(runner, error):
    class Breaks(nbflow.Task):
        def run(self):
            raise error

    outcome = execute(runner, Breaks())

    assert isinstance(outcome, Failed)
    assert outcome.exception is error
    assert outcome.error.function == "run"


def test_an_interrupt_in_run_is_no_failure(runner):
    class Stopped(nbflow.Task):
        def run(self):
            raise KeyboardInterrupt

    assert execute(runner, Stopped()) == Interrupted()


def test_a_stop_request_that_came_just_before_run_begins_is_not_forgotten(project, locks):
    class Long(nbflow.Task):
        def complete(self):
            guard.stop()  # as a signal does, in the moment before run()
            return False

        def run(self):
            raise AssertionError("it began")

    guard = InterruptGuard()
    runner = TaskRunner(policy=NATIVE, locks=locks, guard=guard)

    assert execute(runner, Long()) == Interrupted()
    with locks.hold(Long().task_id):  # it is free
        pass


@pytest.mark.parametrize("error", [OSError("storage is away"), SystemExit("storage is away")])
def test_a_complete_that_raises_under_the_lock_fails_only_that_task(project, error, locks):
    class Breaks(nbflow.Task):
        def complete(self):
            raise error

    runner = TaskRunner(policy=NATIVE, locks=locks, guard=InterruptGuard())

    assert execute(runner, Breaks()).error.message == "storage is away"
    with locks.hold(Breaks().task_id):
        pass


def test_a_task_that_is_locked_elsewhere_is_busy(project, locks):
    runner = TaskRunner(policy=NATIVE, locks=locks, guard=InterruptGuard())

    with locks.hold(Writes().task_id):
        assert execute(runner, Writes()) == Busy(pid=os.getpid())
    assert isinstance(execute(runner, Writes()), Done)


# -- requirements that are found while running ---------------------------------------------------


class Part(nbflow.Task):
    number = nbflow.IntParameter()

    def output(self):
        return nbflow.LocalTarget(f"part-{self.number}.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write(str(self.number))


class Dynamic(nbflow.Task):
    entered: ClassVar[int] = 0
    closed: ClassVar[int] = 0

    def output(self):
        return nbflow.LocalTarget("sum.txt")

    def run(self):
        Dynamic.entered += 1
        try:
            first = yield Part(1)
            more = yield {"a": Part(2), "b": [Part(3)]}
        finally:
            Dynamic.closed += 1
        total = sum(int(Path(t.path).read_text()) for t in (first, more["a"], more["b"][0]))
        with self.output().open("w") as file:
            file.write(str(total))


@pytest.fixture
def counted():
    Dynamic.entered = Dynamic.closed = 0


def test_a_generator_goes_on_where_it_was(runner, counted):
    task = Dynamic()

    first = execute(runner, task)
    assert isinstance(first, Suspended)
    assert first.requirements == (Part(1),)
    execute(runner, Part(1))
    second = execute(runner, task, satisfied=(Part(1).task_id,))
    assert second.requirements == (Part(2), Part(3))
    for number in (2, 3):
        execute(runner, Part(number))
    last = execute(runner, task)

    assert isinstance(last, Done)
    assert Path("sum.txt").read_text() == "6"
    assert Dynamic.entered == 1


def test_requirements_that_are_complete_do_not_suspend(runner, counted):
    for number in (1, 2, 3):
        execute(runner, Part(number))

    assert isinstance(execute(runner, Dynamic()), Done)


def test_luigi_starts_run_again_after_each_yield(project, counted):
    runner = TaskRunner(policy=LUIGI, locks=NoLocks(), guard=InterruptGuard())

    assert isinstance(execute(runner, Dynamic()), Suspended)
    execute(runner, Part(1))
    assert isinstance(execute(runner, Dynamic()), Suspended)
    for number in (2, 3):
        execute(runner, Part(number))
    assert isinstance(execute(runner, Dynamic()), Done)
    assert Dynamic.entered == 3


def test_a_suspended_task_keeps_its_lock_until_it_is_forgotten(project, counted, locks):
    runner = TaskRunner(policy=NATIVE, locks=locks, guard=InterruptGuard())
    other = TaskRunner(policy=NATIVE, locks=locks, guard=InterruptGuard())
    execute(runner, Dynamic())

    assert isinstance(execute(other, Dynamic()), Busy)
    runner.forget(Dynamic().task_id)

    assert Dynamic.closed == 1
    assert isinstance(execute(other, Dynamic()), Suspended)
    other.close()


def test_a_yielded_value_that_is_no_task_fails_with_its_name(runner):
    class Wrong(nbflow.Task):
        def run(self):
            yield nbflow.LocalTarget("x.txt")

    outcome = execute(runner, Wrong())

    assert isinstance(outcome, Failed)
    assert "yielded LocalTarget" in outcome.error.message


def test_a_requirement_without_output_that_was_done_in_this_run_counts(runner):
    class NoOutput(nbflow.Task):
        pass

    class Asks(nbflow.Task):
        def run(self):
            yield NoOutput()

    assert isinstance(execute(runner, Asks()), Suspended)
    runner.close()
    assert isinstance(execute(runner, Asks(), satisfied=(NoOutput().task_id,)), Done)


# -- hooks and reports ----------------------------------------------------------------------------


def test_handlers_and_hooks_are_called_in_luigis_order(runner):
    told = []

    class Hooked(nbflow.Task):
        fails = nbflow.BoolParameter()

        def run(self):
            told.append("run")
            if self.fails:
                raise ValueError("no")

        def on_success(self):
            told.append("on_success")

        def on_failure(self, exception):
            told.append("on_failure")

    for event in (
        nbflow.Event.START,
        nbflow.Event.SUCCESS,
        nbflow.Event.FAILURE,
        nbflow.Event.PROCESSING_TIME,
    ):
        Hooked.event_handler(event)(lambda *args, event=event: told.append(event))

    execute(runner, Hooked())
    assert told == [
        nbflow.Event.START,
        "run",
        nbflow.Event.PROCESSING_TIME,
        "on_success",
        nbflow.Event.SUCCESS,
    ]
    told.clear()
    execute(runner, Hooked(fails=True))
    assert told == [nbflow.Event.START, "run", nbflow.Event.FAILURE, "on_failure"]


def test_an_on_success_that_raises_fails_the_task(runner):
    class Hooked(nbflow.Task):
        def on_success(self):
            raise ValueError("no")

    assert isinstance(execute(runner, Hooked()), Failed)


def test_what_a_task_says_of_itself_reaches_the_reporter_last_word_included(runner):
    class Talks(nbflow.Task):
        def run(self):
            for done in range(1, 101):
                self.progress(done, 100, "rows")
            self.set_tracking_url("http://localhost/job")

    listener = Listener()
    task = Talks()
    runner.execute(call_of(task), task, listener)

    assert len(listener.said) < 10
    merged = {name: value for news in listener.said for name, value in news.items()}
    assert merged == {
        "fraction": 1.0,
        "message": "100/100 rows",
        "tracking_url": "http://localhost/job",
    }


def test_there_is_no_current_task_after_a_run(runner):
    seen = []

    class Looks(nbflow.Task):
        def run(self):
            seen.append(current().task_id)

    execute(runner, Looks())

    assert seen == [Looks().task_id]
    assert current() is None


def test_luigi_asks_the_requirements_once_more(project):
    class Needs(nbflow.Task):
        def requires(self):
            return Part(1)

    runner = TaskRunner(policy=LUIGI, locks=NoLocks(), guard=InterruptGuard())

    outcome = execute(runner, Needs())

    assert isinstance(outcome, Missing)
    assert outcome.task_ids == (Part(1).task_id,)


def test_a_wrapper_without_run_of_its_own_costs_no_question(runner):
    class All(nbflow.WrapperTask):
        def requires(self):
            raise AssertionError("asked")

    assert execute(runner, All()) == Done()


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()])
def test_an_on_failure_that_is_left_in_any_way_keeps_the_first_error(project, error, locks):
    class Breaks(nbflow.Task):
        def run(self):
            raise ValueError("no")

        def on_failure(self, exception):
            raise error

    runner = TaskRunner(policy=NATIVE, locks=locks, guard=InterruptGuard())

    outcome = execute(runner, Breaks())

    assert outcome.error.message == "no"
    assert outcome.error.notes == (f"on_failure() raised too: {type(error).__name__}: {error}",)
    with locks.hold(Breaks().task_id):
        pass


def test_a_stop_request_ends_an_on_failure_that_hangs(project):
    class Hangs(nbflow.Task):
        def run(self):
            raise ValueError("no")

        def on_failure(self, exception):
            signal.raise_signal(signal.SIGINT)
            went_on.append("on_failure")

    went_on = []
    guard = InterruptGuard()
    runner = TaskRunner(policy=NATIVE, locks=NoLocks(), guard=guard)

    with guard:
        assert isinstance(execute(runner, Hangs()), Failed)

    assert not went_on
    assert guard.is_set


def test_a_stop_request_ends_the_clean_up_of_a_generator_that_hangs(project, locks):
    class Needed(nbflow.Task):
        def complete(self):
            return False

    class Hangs(nbflow.Task):
        def run(self):
            try:
                yield Needed()
            finally:
                signal.raise_signal(signal.SIGINT)
                went_on.append("finally")

    went_on = []
    guard = InterruptGuard()
    runner = TaskRunner(policy=NATIVE, locks=locks, guard=guard)

    with guard:
        assert isinstance(execute(runner, Hangs()), Suspended)
        runner.close()

    assert not went_on
    with locks.hold(Hangs().task_id):
        pass
