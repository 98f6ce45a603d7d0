"""The same commands to nbflow's deciding core and to Luigi's scheduler: the same tasks are handed
out, and all statuses agree.

Shared are adding, asking, finishing, failing with retries and disabling, priorities, resources,
pausing and what people may do (contract S-20 to S-44, S-80 to S-82). Not compared is what nbflow
does otherwise by design: stale observations, silent workers, and which of several tasks *behind*
the head of a queue reserve resources, so each worker has its own resource beside the shared one.
"""

from __future__ import annotations

import logging
import types
import warnings

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from nbflow.core.events import RetryPolicy
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.status import TaskStatus

WORKERS = ("A", "B")
NUMBERS = {"retry_delay": 100.0, "retry_count": 2, "disable_window": 1_000.0}
TOTALS = {"shared": 2}


class Luigi:
    """Luigi's scheduler, with a clock of its own."""

    def __init__(self, monkeypatch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Luigi's own import
            from luigi import scheduler
        self.now = 0.0
        clock = types.SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr(scheduler, "time", clock)
        self.scheduler = scheduler.Scheduler(
            resources=dict(TOTALS),
            prune_on_get_work=True,
            disable_persist=500,
            remove_delay=1e9,
            stable_done_cooldown_secs=0,
            worker_disconnect_delay=1e9,
            **NUMBERS,
        )

    def add(self, worker, task):
        self.scheduler.add_task(
            worker=worker,
            task_id=task.task_id,
            family="T",
            status=task.status,
            deps=list(task.deps),
            priority=task.priority,
            resources=dict(task.resources),
            runnable=task.runnable,
        )

    def ask(self, worker):
        return self.scheduler.get_work(worker=worker, host="h")["task_id"]

    def finish(self, worker, task, status):
        self.scheduler.add_task(
            worker=worker,
            task_id=task.task_id,
            family="T",
            status=status,
            priority=task.priority,
            resources=dict(task.resources),
        )

    def statuses(self):
        self.scheduler.prune()
        state = self.scheduler._state
        return {task.id: task.status for task in state.get_active_tasks()}


class Nbflow:
    """The deciding core: each worker has a run of its own, as with Luigi's."""

    def __init__(self, make):
        retry = RetryPolicy(**NUMBERS)
        self.scheduler = make(
            SchedulerConfig(
                resources=dict(TOTALS),
                retry=retry,
                disable_persist=500.0,
                lease_seconds=1e9,
                worker_disconnect_delay=1e9,
            )
        )
        for worker in WORKERS:
            self.scheduler.start(worker)
            self.scheduler.join(worker)

    def add(self, worker, task):
        self.scheduler.add(
            task.task_id,
            task.deps,
            TaskStatus(task.status),
            run=worker,
            worker=worker,
            priority=float(task.priority),
            resources=task.resources,
            runnable=task.runnable,
            as_of=self.scheduler.state.next_seq,
        )

    def ask(self, worker):
        self.scheduler.handle(cmd.Tick())
        return self.scheduler.take(worker, run=worker)

    def finish(self, worker, task, status):
        if status == "DONE":
            self.scheduler.finish(task.task_id, worker=worker, run=worker)
        else:
            self.scheduler.fail(task.task_id, worker=worker, run=worker)

    def statuses(self):
        self.scheduler.handle(cmd.Tick())
        return {task_id: str(task.status) for task_id, task in self.scheduler.state.tasks.items()}


@st.composite
def graphs(draw):
    """Tasks whose requirements come before them, each with the workers that add it."""
    tasks = []
    for i in range(draw(st.integers(2, 9))):
        owners = draw(st.sampled_from([("A",), ("A",), ("B",), ("A", "B")]))
        # A requirement is added by every worker that adds a task above it, as workers do.
        possible = [task.task_id for task in tasks if set(owners) <= set(task.owners)]
        tasks.append(
            types.SimpleNamespace(
                task_id=f"T_{i}",
                owners=owners,
                deps=draw(st.lists(st.sampled_from(possible), max_size=2, unique=True))
                if possible
                else [],
                status=draw(st.sampled_from(["PENDING"] * 8 + ["DONE", "DISABLED", "UNKNOWN"])),
                priority=draw(st.integers(0, 3)),
                resources=draw(
                    st.sampled_from([{}, {}, {"shared": 1}, {"shared": 2}, {owners[0]: 1}])
                ),
                runnable=draw(st.sampled_from([True] * 6 + [False])),
            )
        )
    return tasks


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(WORKERS)),
        st.tuples(st.just("ask"), st.sampled_from(WORKERS)),
        st.tuples(st.just("end"), st.sampled_from(["DONE", "DONE", "FAILED", "FAILED"])),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 101.0, 501.0])),
        st.tuples(st.just("again"), st.integers(0, 8)),
        st.tuples(
            st.sampled_from(["forgive", "enable", "mark_done", "decrease"]), st.integers(0, 8)
        ),
        st.tuples(st.sampled_from(["pause", "resume"]), st.just(0)),
    ),
    min_size=4,
    max_size=50,
)


class Pair:
    """Does each step on both sides, and compares."""

    def __init__(self, luigi_side, nbflow_side, tasks):
        self.luigi = luigi_side
        self.nbflow = nbflow_side
        self.tasks = {task.task_id: task for task in tasks}
        self.running: dict[str, str] = {}
        self.runs: list[str] = []
        for worker in WORKERS:  # who never asked reserves nothing in Luigi
            assert self.ask(worker) is None
        for task in tasks:
            for worker in task.owners:
                self.tick(1.0)
                self.luigi.add(worker, task)
                self.nbflow.add(worker, task)
        self.compare()

    def tick(self, seconds):
        self.luigi.now += seconds
        self.nbflow.scheduler.now += seconds

    def compare(self):
        assert self.nbflow.statuses() == self.luigi.statuses()

    def ask(self, worker):
        given_by_luigi = self.luigi.ask(worker)
        assert self.nbflow.ask(worker) == given_by_luigi
        if given_by_luigi is not None:
            self.running[given_by_luigi] = worker
            event(f"handed out, {len(self.running)} running")
        return given_by_luigi

    def step(self, kind, value):
        self.tick(1.0)
        if kind == "ask":
            self.ask(value)
        elif kind == "end":
            self.end(value)
        elif kind == "wait":
            self.tick(value)
        elif kind in {"pause", "resume"}:
            self.pause(on=kind == "pause")
        elif f"T_{value}" in self.tasks:
            getattr(self, kind)(self.tasks[f"T_{value}"])
        self.compare()

    def end(self, status):
        if not self.running:
            return
        task_id, worker = self.running.popitem()
        task = self.tasks[task_id]
        self.luigi.finish(worker, task, status)
        self.nbflow.finish(worker, task, status)
        event(f"ended as {self.luigi.statuses()[task_id]}")

    def pause(self, *, on):
        if on:
            self.luigi.scheduler.pause()
            self.nbflow.scheduler.handle(cmd.Pause())
        else:
            self.luigi.scheduler.unpause()
            self.nbflow.scheduler.handle(cmd.Resume())

    def again(self, task):
        """A worker plans the task once more, as its next invocation would."""
        worker = task.owners[0]
        self.luigi.add(worker, task)
        self.nbflow.add(worker, task)

    def forgive(self, task):
        self.luigi.scheduler.forgive_failures(task_id=task.task_id)
        self.nbflow.scheduler.handle(cmd.ForgiveFailures(task_id=task.task_id))

    def enable(self, task):
        self.luigi.scheduler.re_enable_task(task_id=task.task_id)
        self.nbflow.scheduler.handle(cmd.EnableTask(task_id=task.task_id))

    def mark_done(self, task):
        self.luigi.scheduler.mark_as_done(task_id=task.task_id)
        self.nbflow.scheduler.handle(cmd.MarkDone(task_id=task.task_id))
        self.running.pop(task.task_id, None)

    def decrease(self, task):
        execution = self.nbflow.scheduler.state.tasks[task.task_id].execution
        if execution is None:
            return
        amounts = {"shared": 1}
        self.luigi.scheduler.decrease_running_task_resources(
            task_id=task.task_id, decrease_resources=amounts
        )
        self.nbflow.scheduler.handle(
            cmd.DecreaseResources(task_id=task.task_id, token=execution.token, amounts=amounts)
        )


def compare_sequences(make, monkeypatch, examples):
    logging.getLogger("luigi").setLevel(logging.CRITICAL)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(graphs(), steps)
    def compare(tasks, sequence):
        pair = Pair(Luigi(monkeypatch), Nbflow(make), tasks)
        for kind, value in sequence:
            pair.step(kind, value)

    compare()


def test_sequences_of_commands_lead_to_luigis_statuses(checked_scheduler, monkeypatch):
    compare_sequences(checked_scheduler, monkeypatch, 200)


@pytest.mark.nightly
def test_many_sequences_of_commands_lead_to_luigis_statuses(checked_scheduler, monkeypatch):
    compare_sequences(checked_scheduler, monkeypatch, 5_000)
