"""The seven laws of the deciding core, under arbitrary commands.

(1) The fold of the events is the state. (2) The state is valid after each step. (3) A decision is
the same the second time. (4) What travels survives JSON. (5) With workers that always answer every
run ends. (6) After a crash at any point the same commands lead to the same end. (7) No attempt of a
task is ever given to two workers.

`CheckedScheduler` (conftest.py) holds 2, 3, 4 and 7 at each command; 1, 5 and 6 are here.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nbflow.core.call import Busy, Done, ErrorInfo, Failed, FoundComplete, Interrupted, Missing
from nbflow.core.events import RetryPolicy, TaskRecord
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.status import TaskStatus

ERROR = ErrorInfo(type="ValueError", message="no")
RUNS = ("r0", "r1", "r2")
WORKERS = ("w0", "w1", "w2")
#: Levels of tasks: a task requires only such of lower levels, so that there is no cycle.
TASKS = tuple(f"T_{i}" for i in range(9))
RESOURCES = (None, {"r": 1}, {"r": 2}, {"s": 1}, {"r": 1, "s": 1})

runs = st.sampled_from(RUNS)
workers = st.sampled_from(WORKERS)
tasks = st.integers(0, len(TASKS) - 1)
retries = st.none() | st.builds(
    RetryPolicy,
    retry_count=st.none() | st.integers(1, 3),
    retry_delay=st.none() | st.sampled_from([0.0, 5.0, 30.0]),
    disable_window=st.none() | st.sampled_from([10.0, 100.0]),
    disable_hard_timeout=st.none() | st.sampled_from([0.0, 50.0]),
)
CONFIG = SchedulerConfig(
    resources={"r": 3}, remove_delay=40.0, disable_persist=60.0, answers_per_session=4
)


class SchedulerMachine(RuleBasedStateMachine):
    """Workers and people that do whatever they like, in any order."""

    make: type

    @initialize()
    def begin(self):
        self.scheduler = self.make(CONFIG)
        self.sequences = dict.fromkeys(WORKERS, 0)
        self.last = {}
        self.scheduler.start("r0", roots=("T_8",))

    # -- time and people --------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 4.0, 21.0, 65.0]))
    def time_passes(self, seconds):
        self.scheduler.now += seconds

    @rule()
    def tick(self):
        self.scheduler.handle(cmd.Tick())

    @rule(run=runs)
    def start_run(self, run):
        self.scheduler.start(run, roots=("T_8",))

    @rule(run=runs)
    def end_run(self, run):
        self.scheduler.end(run)

    @rule(run=runs)
    def cancel_run(self, run):
        self.scheduler.handle(cmd.CancelRun(run_id=run))

    @rule(pause=st.booleans())
    def pause_or_resume(self, pause):
        self.scheduler.handle(cmd.Pause() if pause else cmd.Resume())

    @rule(
        kind=st.sampled_from([cmd.ForgiveFailures, cmd.EnableTask, cmd.MarkDone]),
        task=tasks,
    )
    def act_on_a_task(self, kind, task):
        self.scheduler.handle(kind(task_id=TASKS[task]))

    @rule(totals=st.dictionaries(st.sampled_from(["r", "s"]), st.integers(0, 4), max_size=2))
    def set_resources(self, totals):
        self.scheduler.handle(cmd.SetResources(totals=totals))

    # -- workers ----------------------------------------------------------------------------

    @rule(worker=workers, slots=st.integers(1, 3), assistant=st.booleans())
    def join(self, worker, slots, assistant):
        self.scheduler.join(worker, slots=slots, assistant=assistant)

    @rule(worker=workers)
    def leave(self, worker):
        self.scheduler.handle(cmd.LeaveWorker(worker_id=worker))

    @rule(worker=workers)
    def disable_worker(self, worker):
        self.scheduler.handle(cmd.DisableWorker(worker_id=worker))

    @rule(worker=workers)
    def beat(self, worker):
        self.scheduler.handle(cmd.Heartbeat(worker_id=worker))

    @rule(worker=workers, limit=st.none() | st.integers(1, 3))
    def add_batcher(self, worker, limit):
        self.scheduler.handle(
            cmd.AddBatcher(worker_id=worker, family="T", parameters=("i",), max_batch_size=limit)
        )

    @rule(
        run=runs,
        worker=workers,
        task=tasks,
        data=st.data(),
        status=st.sampled_from([TaskStatus.PENDING] * 6 + ["DONE", "DISABLED", "UNKNOWN"]),
        priority=st.integers(0, 3),
        resources=st.sampled_from(RESOURCES),
        retry=retries,
        batchable=st.booleans(),
        runnable=st.sampled_from([True] * 5 + [False]),
        age=st.integers(0, 12),
        has_output=st.booleans(),
    )
    def add(self, run, worker, task, data, status, priority, resources, age, **fields):
        deps = data.draw(st.none() | st.lists(st.sampled_from(TASKS[: task or 1]), max_size=3))
        self.scheduler.add(
            TASKS[task],
            None if deps is None else [dep for dep in deps if dep != TASKS[task]],
            TaskStatus(status),
            run=run,
            worker=worker,
            params=f'{{"i": "{task}", "j": "{task % 2}"}}',
            family="T",
            priority=priority,
            resources=resources,
            as_of=max(0, self.scheduler.state.next_seq - age),
            **fields,
        )

    @rule(run=runs, worker=workers, say=st.sampled_from(["nothing", "all", "none"]), once=st.booleans())
    def request(self, run, worker, say, once):
        known = self.scheduler.state.workers.get(worker)
        running = [task.task_id for task in known.running] if known is not None else []
        command = cmd.RequestTask(
            run_id=run,
            worker_id=worker,
            running={"nothing": None, "all": tuple(running), "none": ()}[say],
            **self._numbered(worker, once=once),
        )
        reply = self.scheduler.handle(command)
        if once:
            self.last[worker] = (command, reply)
        if isinstance(reply, cmd.NothingReady):
            assert reply.pending >= 0
            assert reply.running >= 0

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def send_again(self, data):
        command, reply = data.draw(st.sampled_from(list(self.last.values())))
        seen = len(self.scheduler.events)
        again = self.scheduler.handle(command)
        assert again == reply or again.code == "answer_forgotten"
        assert len(self.scheduler.events) == seen

    @precondition(lambda self: self.scheduler.state.batches)
    @rule(data=st.data(), made=st.sampled_from(["T_new", "first", "other"]))
    def claim(self, data, made):
        batch = data.draw(st.sampled_from(list(self.scheduler.state.batches.values())))
        task_id = {"T_new": f"T_{batch.batch_id}", "other": "T_4"}.get(made)
        if task_id is None:
            task_id = batch.members[0].task_id if batch.members else "T_0"
        self.scheduler.handle(
            cmd.ClaimBatch(
                run_id=batch.run.run_id,
                worker_id=batch.worker.worker_id,
                batch_id=batch.batch_id,
                task=TaskRecord(task_id=task_id, family="T", params='{"i": "9"}'),
            )
        )

    @precondition(lambda self: self._executing())
    @rule(data=st.data(), lie=st.sampled_from([0] * 8 + [-1, 1]), once=st.booleans())
    def report(self, data, lie, once):
        task = data.draw(st.sampled_from(self._executing()))
        execution = task.execution
        outcome = data.draw(
            st.sampled_from(
                [
                    Done(1.0),
                    Done(2.0),
                    FoundComplete(),
                    Failed(ERROR),
                    Missing(tuple(dep.task_id for dep in task.deps), ERROR),
                    Busy(pid=7),
                    Interrupted(),
                ]
            )
        )
        seen = len(self.scheduler.events)
        reply = self.scheduler.finish(
            task.task_id,
            outcome,
            run=execution.run.run_id,
            worker=execution.worker.worker_id,
            token=execution.token + lie,
            **self._numbered(execution.worker.worker_id, once=once),
        )
        if lie:
            assert reply.code == "stale_token"
            assert len(self.scheduler.events) == seen + once

    @precondition(lambda self: self._executing())
    @rule(data=st.data())
    def suspend(self, data):
        task = data.draw(st.sampled_from(self._executing()))
        index = TASKS.index(task.task_id) if task.task_id in TASKS else len(TASKS)
        lower = TASKS[:index] or ("T_below",)
        new_deps = tuple(data.draw(st.lists(st.sampled_from(lower), max_size=2)))
        execution = task.execution
        self.scheduler.handle(
            cmd.SuspendTask(
                run_id=execution.run.run_id,
                worker_id=execution.worker.worker_id,
                task_id=task.task_id,
                attempt=task.attempt,
                token=execution.token,
                new_deps=new_deps,
            )
        )

    @precondition(lambda self: self._executing())
    @rule(data=st.data(), amount=st.integers(-1, 2))
    def progress(self, data, amount):
        task = data.draw(st.sampled_from(self._executing()))
        token = task.execution.token
        run_id = task.execution.run.run_id
        self.scheduler.handle(
            cmd.Progress(run_id=run_id, task_id=task.task_id, token=token, fraction=0.5)
        )
        self.scheduler.handle(
            cmd.DecreaseResources(task_id=task.task_id, token=token, amounts={"r": amount})
        )

    def _executing(self):
        return [task for task in self.scheduler.state.tasks.values() if task.execution is not None]

    def _numbered(self, worker, *, once):
        if not once:
            return {}
        self.sequences[worker] += 1
        return {"session": worker, "sequence": self.sequences[worker]}

    # -- laws -------------------------------------------------------------------------------

    @invariant()
    def tokens_only_rise(self):
        if not hasattr(self, "scheduler"):
            return
        tokens = [
            event.token for event in self.scheduler.events if getattr(event, "token", None)
        ]
        assert tokens == sorted(set(tokens))

    @invariant()
    def no_resource_is_given_out_beyond_its_total(self):
        if not hasattr(self, "scheduler"):
            return
        last = self.scheduler.events[-1] if self.scheduler.events else None
        if type(last).__name__ not in {"TaskStarted", "BatchFormed"}:
            return
        execution = self.scheduler.state.tasks[
            last.task_id if hasattr(last, "task_id") else last.members[0]
        ].execution
        held = execution.held or (execution.batch.held if execution.batch else None)
        claimed = getattr(last, "batch_id", "") and type(last).__name__ == "TaskStarted"
        for resource in held or ():
            assert claimed or resource.used <= resource.total

    def teardown(self):
        if not hasattr(self, "scheduler"):
            return
        self.scheduler.check_fold()
        self._finish_everything()

    def _finish_everything(self):
        """Law 5: let everybody answer, and every run ends."""
        scheduler = self.scheduler
        scheduler.careful = False
        scheduler.handle(cmd.Resume())
        scheduler.handle(cmd.SetResources(totals={"r": 3, "s": 2}))
        for _ in range(400):
            scheduler.now += 1.0
            for run in [run for run in scheduler.state.runs.values() if run.ended_at is None]:
                self._work_or_end(run)
            scheduler.handle(cmd.Tick())
            if all(run.ended_at is not None for run in scheduler.state.runs.values()):
                break
        else:
            raise AssertionError("a run did not end")
        scheduler.state.validate()

    def _work_or_end(self, run):
        scheduler = self.scheduler
        for task in self._executing():
            if task.status is TaskStatus.RUNNING:
                scheduler.finish(task.task_id, worker=task.execution.worker.worker_id)
        reply = scheduler.ask(f"late {run.run_id}", run=run.run_id, running=())
        if isinstance(reply, cmd.Assignment):
            scheduler.finish(reply.call.task_id, worker=f"late {run.run_id}")
        elif isinstance(reply, cmd.NothingReady):
            stuck = reply.running == 0 and reply.wake_at is None
            if reply.pending == 0 or stuck:
                scheduler.end(run.run_id)


def test_the_laws_hold_under_arbitrary_commands(checked_scheduler):
    class Bound(SchedulerMachine):
        make = checked_scheduler

    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.nightly
def test_the_laws_hold_under_many_arbitrary_commands(checked_scheduler):
    class Bound(SchedulerMachine):
        make = checked_scheduler

    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=3_000,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
