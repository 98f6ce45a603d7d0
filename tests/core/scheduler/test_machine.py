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
from nbflow.core.events import RetryPolicy, RunInfo, TaskRecord
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.status import TaskStatus

ERROR = ErrorInfo(type="ValueError", message="no")
OUTCOMES = (
    Done(1.0),
    Done(2.0),
    FoundComplete(),
    Failed(ERROR),
    Failed(ERROR),
    Busy(pid=7),
    Interrupted(),
)
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

observations = st.fixed_dictionaries(
    {
        "run": st.sampled_from(["r0", "r0", "r0", "r1", "r2"]),
        "worker": st.sampled_from(["w0", "w0", "w0", "w1", "w2"]),
        "task": tasks,
        "deps": st.none() | st.just([]) | st.lists(tasks, max_size=3),
        "status": st.sampled_from(["PENDING"] * 9 + ["DONE", "DISABLED", "UNKNOWN"]),
        "priority": st.integers(0, 3).map(float),
        "resources": st.sampled_from(RESOURCES),
        "retry": retries,
        "batchable": st.sampled_from([True, True, False]),
        "runnable": st.sampled_from([True] * 7 + [False]),
        "age": st.integers(0, 12),
        "has_output": st.booleans(),
    }
)
task_ids = st.sampled_from(TASKS)
administration = st.one_of(
    st.builds(cmd.StartRun, run_id=runs, info=st.just(RunInfo(roots=("T_8",)))),
    st.builds(cmd.EndRun, run_id=runs),
    st.builds(cmd.CancelRun, run_id=st.sampled_from(["r1", "r2"])),
    st.just(cmd.Pause()),
    st.just(cmd.Resume()),
    st.builds(cmd.ForgiveFailures, task_id=task_ids),
    st.builds(cmd.EnableTask, task_id=task_ids),
    st.builds(cmd.MarkDone, task_id=task_ids),
    st.builds(
        cmd.SetResources,
        totals=st.dictionaries(st.sampled_from(["r", "s"]), st.integers(0, 4), max_size=2),
    ),
)
worker_life = st.one_of(
    st.builds(cmd.JoinWorker, worker_id=workers, slots=st.integers(1, 3), assistant=st.booleans()),
    st.builds(cmd.LeaveWorker, worker_id=workers),
    st.builds(cmd.DisableWorker, worker_id=st.just("w2")),
    st.builds(cmd.Heartbeat, worker_id=workers),
    st.builds(
        cmd.AddBatcher,
        worker_id=workers,
        family=st.just("T"),
        parameters=st.just(("i",)),
        max_batch_size=st.none() | st.integers(1, 3),
    ),
)


class SchedulerMachine(RuleBasedStateMachine):
    """Workers and people that do whatever they like, in any order."""

    make: type
    #: All tasks may run in one batch.
    alike = False

    @initialize(
        observations=st.lists(observations, min_size=4, max_size=12),
        limit=st.none() | st.integers(1, 3),
        numbered=st.booleans(),
    )
    def begin(self, observations, limit, numbered):
        self.scheduler = self.make(CONFIG)
        self.sequences = dict.fromkeys(WORKERS, 0)
        self.last = {}
        self.numbered = numbered
        for run in ("r0", "r1"):
            self.scheduler.start(run, roots=("T_8",))
        self.scheduler.join("w0", slots=2)
        self.scheduler.handle(
            cmd.AddBatcher(worker_id="w0", family="T", parameters=("i",), max_batch_size=limit)
        )
        for observation in observations:
            self.add(observation)

    @rule(seconds=st.sampled_from([0.5, 4.0, 4.0, 21.0, 65.0]), tick=st.booleans())
    def time_passes(self, seconds, tick):
        self.scheduler.now += seconds
        if tick:
            self.scheduler.handle(cmd.Tick())

    @rule(command=administration)
    def administer(self, command):
        self.scheduler.handle(command)

    @rule(command=worker_life)
    def worker_comes_or_goes(self, command):
        self.scheduler.handle(command)

    @rule(observation=observations)
    def add(self, observation):
        fields = dict(observation)
        task, deps, age = fields.pop("task"), fields.pop("deps"), fields.pop("age")
        if deps is not None:
            deps = [TASKS[dep] for dep in deps if dep < task and not self.alike]
        if self.alike:
            fields |= {"batchable": True, "resources": {"r": 1}, "worker": "w0"}
        self.scheduler.add(
            TASKS[task],
            deps,
            TaskStatus(fields.pop("status")),
            params=f'{{"i": "{task}", "j": "{0 if self.alike else task % 2}"}}',
            family="T",
            as_of=max(0, self.scheduler.state.next_seq - age),
            **fields,
        )

    @rule(run=runs, worker=workers, say=st.sampled_from(["nothing", "all", "none"]))
    def request(self, run, worker, say):
        once = self.numbered
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

    @rule(worker=st.sampled_from(["w0", "w1"]), outcomes=st.lists(st.sampled_from(OUTCOMES)))
    def work(self, worker, outcomes):
        """The usual: ask, run, report; a batch is made into one of its members."""
        for outcome in outcomes:
            reply = self.scheduler.ask(worker, run="r0")
            if isinstance(reply, cmd.BatchAssignment):
                made = self.scheduler.state.tasks[reply.members[-1]].record
                reply = self.scheduler.handle(
                    cmd.ClaimBatch(
                        run_id="r0", worker_id=worker, batch_id=reply.batch_id, task=made
                    )
                )
            if not isinstance(reply, cmd.Assignment):
                return
            self.scheduler.finish(reply.call.task_id, outcome, worker=worker, run="r0")

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
    @rule(data=st.data(), lie=st.sampled_from([0] * 8 + [-1, 1]))
    def report(self, data, lie):
        once = self.numbered
        task = data.draw(st.sampled_from(self._executing()))
        execution = task.execution
        outcome = data.draw(
            st.sampled_from([*OUTCOMES, Missing(tuple(dep.task_id for dep in task.deps), ERROR)])
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
        tokens = [event.token for event in self.scheduler.events if getattr(event, "token", None)]
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


def run_machine(make, *, alike, examples, steps):
    machine = type("Machine", (SchedulerMachine,), {"make": make, "alike": alike})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("alike", [False, True], ids=["graphs", "batches"])
def test_the_laws_hold_under_arbitrary_commands(checked_scheduler, alike):
    run_machine(checked_scheduler, alike=alike, examples=50, steps=40)


@pytest.mark.nightly
@pytest.mark.parametrize("alike", [False, True], ids=["graphs", "batches"])
def test_the_laws_hold_under_many_arbitrary_commands(checked_scheduler, alike):
    run_machine(checked_scheduler, alike=alike, examples=2_000, steps=60)
