"""The loop that asks, runs and reports, against good and bad schedulers."""

from __future__ import annotations

import itertools
import random
import signal
import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import ClassVar

import pytest

import nbflow
from nbflow.core.call import Done, Failed
from nbflow.core.errors import CycleError, SchedulerError
from nbflow.core.events import RetryPolicy, RunInfo, TaskStarted, TaskSucceeded
from nbflow.core.interfaces import ExecutorSettings
from nbflow.core.interrupt import InterruptGuard
from nbflow.core.policy import LUIGI, NATIVE
from nbflow.core.scheduler.commands import (
    FinishTask,
    NothingReady,
    Pause,
    Refused,
    RequestTask,
    Resume,
)
from nbflow.core.status import RunStatus, TaskState
from nbflow.executors.execute import record_target
from nbflow.executors.inline import InlineExecutor
from nbflow.executors.locks import NoLocks
from nbflow.runtime.plan import Planner
from nbflow.runtime.worker import SLICE, Worker
from nbflow.testing import Clock, FakeScheduler


class Rig:
    """A worker with its scheduler, for one run."""

    def __init__(self, *, policy=NATIVE, scheduler=None, executor=None, retry=None, **options):
        self.guard = InterruptGuard()
        self.service = FakeScheduler(clock=Clock(1000.0))
        self.clock = self.service.clock
        self.events = self.service.events
        self.summary = self.service.summary
        self.policy = policy
        self.executor = executor or InlineExecutor(
            ExecutorSettings(
                workers=1,
                run_id="r",
                policy=policy,
                guard=self.guard,
                locks=NoLocks(),
                locks_path="",
                log=None,
            )
        )
        self.scheduler = scheduler(self.service) if scheduler else self.service
        self.retry = retry
        self.options = options

    def run(self, *roots):
        planner = Planner(
            run_id="r", worker_id="w", policy=self.policy, guard=self.guard, retry=self.retry
        )
        self.worker = Worker(
            self.scheduler,
            self.executor,
            planner,
            self.guard,
            info=RunInfo(roots=tuple(root.task_id for root in roots)),
            look=record_target,
            last_seq=lambda: self.service.last_seq,
            clock=self.clock,
            sleep=self.clock.sleep,
            **self.options,
        )
        self.worker.run(roots)
        return self.summary

    def states(self):
        return {task.record.family: task.state for task in self.summary.tasks.values()}


class Step(nbflow.Task):
    """A link of a chain; says when it runs."""

    number = nbflow.IntParameter()
    ran: ClassVar[list[int]] = []
    fails: ClassVar[dict[int, int]] = {}

    def requires(self):
        return Step(self.number - 1) if self.number else []

    def complete(self):
        return self.number in Step.ran

    def run(self):
        if Step.fails.get(self.number, 0) > 0:
            Step.fails[self.number] -= 1
            raise ValueError(f"step {self.number}")
        Step.ran.append(self.number)


@pytest.fixture(autouse=True)
def _fresh(project):
    Step.ran.clear()
    Step.fails.clear()


def test_a_chain_runs_in_order_and_the_run_succeeds():
    summary = Rig().run(Step(3))

    assert Step.ran == [0, 1, 2, 3]
    assert summary.status is RunStatus.SUCCEEDED
    assert summary.exit_code == 0


def test_a_failure_keeps_what_does_not_depend_on_it_going():
    class Fork(nbflow.Task):
        def requires(self):
            return [Broken(), Step(1)]

    class Broken(nbflow.Task):
        def run(self):
            raise ValueError("no")

    rig = Rig()
    summary = rig.run(Fork())

    assert Step.ran == [0, 1]
    assert rig.states()["Fork"] is TaskState.UPSTREAM_FAILED
    assert summary.status is RunStatus.FAILED
    assert summary.exit_code == 1
    assert isinstance(rig.worker.exceptions[Broken().task_id], ValueError)


def test_fail_fast_starts_nothing_more():
    class Many(nbflow.Task):
        def requires(self):
            return [Fails(i) for i in range(5)]

    class Fails(nbflow.Task):
        number = nbflow.IntParameter()

        def run(self):
            raise ValueError(self.number)

    rig = Rig(fail_fast=True)

    assert rig.run(Many()).failed == 1
    assert rig.summary.exit_code == 1


def test_a_failed_task_is_tried_again_after_its_delay():
    Step.fails[1] = 2
    rig = Rig(retry=RetryPolicy(retry_count=3, retry_delay=30.0))

    summary = rig.run(Step(2))

    assert summary.status is RunStatus.SUCCEEDED
    starts = [e.at for e in rig.events if isinstance(e, TaskStarted) and "_1_" in e.task_id]
    assert [round(b - a) for a, b in itertools.pairwise(starts)] == [30, 30]


@pytest.mark.parametrize(("seconds", "tries"), [(0.0, 1), (10.0, 1), (40.0, 2)])
def test_a_run_waits_for_a_retry_no_longer_than_the_policy_allows(seconds, tries):
    Step.fails[0] = 1
    policy = replace(NATIVE, idle_seconds=seconds)
    rig = Rig(policy=policy, retry=RetryPolicy(retry_count=3, retry_delay=30.0))
    begun = rig.clock()

    assert rig.run(Step(0)).ran == tries - 1
    assert sum(isinstance(e, TaskStarted) for e in rig.events) == tries
    assert rig.clock() - begun <= min(seconds, 30) + 1


def test_retries_end_with_the_policy():
    Step.fails[0] = 10
    rig = Rig(retry=RetryPolicy(retry_count=3, retry_delay=1.0))

    assert rig.run(Step(0)).failed == 1
    assert sum(isinstance(e, TaskStarted) for e in rig.events) == 3
    assert rig.summary.exit_code == 1


def test_a_missing_external_input_ends_the_run_with_its_own_code():
    class Input(nbflow.ExternalTask):
        def output(self):
            return nbflow.LocalTarget("nowhere.csv")

    class Uses(nbflow.Task):
        def requires(self):
            return Input()

    rig = Rig()

    assert rig.run(Uses()).exit_code == 3
    assert rig.states() == {"Input": TaskState.MISSING, "Uses": TaskState.UPSTREAM_FAILED}


def test_a_cycle_is_raised_before_anything_runs():
    class Self(nbflow.Task):
        def requires(self):
            return [Step(1), Self()]

    rig = Rig()

    with pytest.raises(CycleError):
        rig.run(Self())
    assert Step.ran == []
    assert rig.summary.status is RunStatus.FAILED


def test_a_cycle_of_luigis_leaves_its_tasks_pending():
    class Self(nbflow.Task):
        def requires(self):
            return Self()

        def complete(self):
            return False

    assert Rig(policy=LUIGI).run(Self()).ran == 0


# -- dynamic requirements -------------------------------------------------------------------------


class Yields(nbflow.Task):
    entered: ClassVar[int] = 0

    def run(self):
        Yields.entered += 1
        yield Step(0)
        yield [Step(1), Step(2)]


@pytest.mark.parametrize(("policy", "times"), [(NATIVE, 1), (LUIGI, 3)])
def test_yielded_requirements_run_and_the_task_goes_on(policy, times):
    Yields.entered = 0
    rig = Rig(policy=policy)

    summary = rig.run(Yields())

    assert summary.status is RunStatus.SUCCEEDED
    assert Step.ran == [0, 1, 2]
    assert Yields.entered == times


def test_a_yielded_requirement_that_fails_leaves_its_parent_unfinished():
    Step.fails[0] = 1
    rig = Rig()

    assert rig.run(Yields()).exit_code == 1
    assert rig.states()["Yields"] is TaskState.UPSTREAM_FAILED


class Hollow(nbflow.Task):
    """It runs, and is still not complete."""

    def complete(self):
        return False


@pytest.mark.parametrize("policy", [NATIVE, LUIGI])
def test_yielding_a_task_that_never_completes_does_not_loop(policy):
    class Asks(nbflow.Task):
        def run(self):
            yield Hollow()

    rig = Rig(policy=policy)
    rig.run(Asks())

    assert rig.states()["Asks"] in {TaskState.DONE, TaskState.FAILED}
    assert sum(isinstance(e, TaskStarted) for e in rig.events) < 6


def test_an_error_in_a_yielded_requirement_fails_only_the_task_that_yields():
    class Impossible(nbflow.Task):
        def requires(self):
            raise OSError("no list")

    class Asks(nbflow.Task):
        def run(self):
            yield Impossible()

    class Both(nbflow.Task):
        def requires(self):
            return [Asks(), Step(0)]

    rig = Rig()
    rig.run(Both())

    assert Step.ran == [0]
    assert rig.states()["Impossible"] is TaskState.UNPLANNED
    assert rig.summary.exit_code == 3


# -- batches ---------------------------------------------------------------------------------------


class Day(nbflow.Task):
    day = nbflow.IntParameter(batch_method=max)
    region = nbflow.StrParameter(default="eu")
    max_batch_size = 3
    ran: ClassVar[list[int]] = []
    there: ClassVar[set[int]] = set()

    def run(self):
        Day.ran.append(self.day)


class Days(nbflow.Task):
    def requires(self):
        return [Day(day) for day in range(1, 6)]


def test_tasks_that_differ_in_a_batched_parameter_run_together():
    Day.ran.clear()
    rig = Rig()

    summary = rig.run(Days())

    assert sorted(Day.ran) == [3, 5]
    assert summary.status is RunStatus.SUCCEEDED
    assert summary.ran == 6


def test_a_batch_that_cannot_be_made_fails_its_members():
    def broken(values):
        raise ValueError("no way to merge")

    class Bad(nbflow.Task):
        day = nbflow.IntParameter(batch_method=broken)

    class Bads(nbflow.Task):
        def requires(self):
            return [Bad(1), Bad(2)]

    rig = Rig()
    summary = rig.run(Bads())

    assert summary.failed == 2
    assert summary.exit_code == 1


# -- schedulers that misbehave ----------------------------------------------------------------------


def test_commands_that_arrive_twice_change_nothing():
    rig = Rig(session="w")
    rig.service.repeat_everything()

    assert rig.run(Yields()).status is RunStatus.SUCCEEDED
    assert Step.ran == [0, 1, 2]
    assert sum(bool(command.session) for command in rig.service.commands) > 10


class Late:
    """Says "nothing yet" a few times before it gives work."""

    def __init__(self, service):
        self.service = service
        self.random = random.Random(1)

    def handle(self, command):
        if isinstance(command, RequestTask) and self.random.random() < 0.6:
            return NothingReady(pending=1, running=0, wake_at=1000.0)
        return self.service.handle(command)


def test_a_scheduler_that_answers_late_is_waited_for():
    assert Rig(scheduler=Late).run(Step(5)).status is RunStatus.SUCCEEDED
    assert Step.ran == [0, 1, 2, 3, 4, 5]


class Refuses:
    """Tells the first report that it comes too late: another worker has the task."""

    def __init__(self, service):
        self.service = service
        self.refused = False

    def handle(self, command):
        if isinstance(command, FinishTask) and not self.refused:
            self.refused = True
            return Refused(code="stale_token", reason="somebody else has it")
        return self.service.handle(command)


def test_a_refused_report_does_not_count_but_what_it_left_does():
    rig = Rig(scheduler=Refuses)

    summary = rig.run(Step(0))

    assert Step.ran == [0]
    assert not any(isinstance(e, TaskSucceeded) for e in rig.events)
    assert (summary.status, summary.complete) == (RunStatus.SUCCEEDED, 1)


class Unknown:
    def __init__(self, service):
        self.service = service

    def handle(self, command):
        if isinstance(command, RequestTask):
            return Refused(code="unknown_run", reason="no run r")
        return self.service.handle(command)


def test_a_scheduler_that_knows_nothing_of_the_run_is_an_error():
    with pytest.raises(SchedulerError, match="no run r"):
        Rig(scheduler=Unknown).run(Step(0))


def test_a_paused_scheduler_is_waited_for():
    rig = Rig()
    rig.service.handle(Pause())
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        rig.clock.now += 1
        if len(naps) == 3:
            rig.service.handle(Resume())

    rig.clock.sleep = sleep

    assert rig.run(Step(0)).status is RunStatus.SUCCEEDED
    assert len(naps) >= 3


# -- several at once, and stopping -------------------------------------------------------------------


class Slow:
    """An executor with two places whose calls end when the test says so."""

    slots = 2

    def __init__(self):
        self.futures = {}
        self.killed = []
        self.most = 0

    def submit(self, call, task, reporter):
        future = Future()
        self.futures[call.task_id] = future
        self.most = max(self.most, sum(not f.done() for f in self.futures.values()))
        if sum(not f.done() for f in self.futures.values()) == 2 or task.task_family == "Fork":
            for waiting in self.futures.values():
                if not waiting.done():
                    waiting.set_result(Done())
        return future

    def interrupt(self):
        pass

    def kill(self, task_id):
        self.killed.append(task_id)
        self.futures[task_id].set_result(Failed(error=None))
        return True

    def forget(self, task_id):
        pass

    def close(self, *, wait=True):
        pass


def test_two_places_run_two_tasks_at_once():
    class Part(nbflow.Task):
        number = nbflow.IntParameter()

    class Fork(nbflow.Task):
        def requires(self):
            return [Part(i) for i in range(4)]

    executor = Slow()

    assert Rig(executor=executor).run(Fork()).status is RunStatus.SUCCEEDED
    assert executor.most == 2


def test_a_stop_request_ends_what_runs_and_starts_nothing_more():
    class Part(nbflow.Task):
        number = nbflow.IntParameter()

    class Three(nbflow.Task):
        def requires(self):
            return [Part(i) for i in range(3)]

    class Hangs(Slow):
        def submit(self, call, task, reporter):
            future = self.futures[call.task_id] = Future()
            if len(self.futures) == 2:
                rig.guard.requests += 1
            return future

    executor = Hangs()
    rig = Rig(executor=executor, grace=0.0)

    summary = rig.run(Three())

    assert summary.status is RunStatus.INTERRUPTED
    assert summary.exit_code == 130
    assert len(executor.killed) == 2
    assert summary.counts[TaskState.CANCELLED] == 4


def test_a_stop_request_is_seen_although_its_signal_took_longer_than_one_wait():
    class Waits(nbflow.Task):
        pass

    class Hangs(Slow):
        def submit(self, call, task, reporter):
            future = self.futures[call.task_id] = Future()
            main = threading.main_thread().ident
            timers.append(threading.Timer(SLICE / 2, signal.pthread_kill, [main, signal.SIGUSR1]))
            # Else a worker that does not see the request would keep this test for ever.
            timers.append(threading.Timer(5.0, end_in_time, [future]))
            for timer in timers:
                timer.start()
            return future

    def end_in_time(future):
        if not future.done():
            future.set_result(Done())

    def stop_slowly(_number, _frame):
        rig.guard.stop()
        threading.Event().wait(2 * SLICE)

    timers = []
    rig = Rig(executor=Hangs(), grace=0.0)
    before = signal.signal(signal.SIGUSR1, stop_slowly)
    try:
        rig.run(Waits())
    finally:
        signal.signal(signal.SIGUSR1, before)
        for timer in timers:
            timer.cancel()

    assert rig.states() == {"Waits": TaskState.CANCELLED}


def test_an_interrupt_inside_a_task_stops_the_run_and_keeps_what_is_done():
    class Stops(nbflow.Task):
        def requires(self):
            return Step(1)

        def run(self):
            raise KeyboardInterrupt

    rig = Rig()
    summary = rig.run(Stops())

    assert (summary.status, summary.ran) == (RunStatus.INTERRUPTED, 2)
    assert rig.states()["Stops"] is TaskState.CANCELLED


def test_a_cancelled_run_says_so():
    class Cancels(nbflow.Task):
        def run(self):
            rig.guard.request()

    class After(nbflow.Task):
        def requires(self):
            return Cancels()

    rig = Rig()

    assert rig.run(After()).status is RunStatus.CANCELLED
    assert rig.states()["After"] is TaskState.CANCELLED


# -- what is recorded --------------------------------------------------------------------------------


def test_files_of_requirements_are_recorded_as_inputs():
    class Makes(nbflow.Task):
        def output(self):
            return nbflow.LocalTarget("made.txt")

        def run(self):
            with self.output().open("w") as file:
                file.write("12345")

    class Uses(nbflow.Task):
        def requires(self):
            return Makes()

    rig = Rig()
    rig.run(Uses())
    inputs = rig.summary.tasks[Uses().task_id].inputs

    assert [(record.path, record.size) for record in inputs] == [("made.txt", 5)]


def test_luigi_plans_lost_requirements_again_once():
    class Comes(nbflow.Task):
        there: ClassVar[list[bool]] = [True, False]
        runs: ClassVar[int] = 0

        def complete(self):
            return Comes.there.pop(0) if Comes.there else True

        def run(self):
            Comes.runs += 1

    class Needs(nbflow.Task):
        def requires(self):
            return Comes()

        def complete(self):
            return False

    Comes.there[:] = [True, False, False]
    rig = Rig(policy=LUIGI)
    summary = rig.run(Needs())

    assert Comes.runs == 1
    assert summary.status is RunStatus.SUCCEEDED
