"""Workers that always answer bring every run to its end, also when the scheduler crashes meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.core.call import Busy, Done, ErrorInfo, Failed, FoundComplete
from nbflow.core.events import RetryPolicy, RunInfo, TaskRecord, TaskStarted
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.decide import decide
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.scheduler.state import SchedulerState
from nbflow.core.status import TaskStatus

CONFIG = SchedulerConfig(resources={"r": 1})
ERROR = ErrorInfo(type="ValueError", message="no")
OUTCOMES = {
    "done": Done(1.0),
    "failed": Failed(ERROR),
    "busy": Busy(pid=1),
    "complete": FoundComplete(),
}
FINAL = {TaskStatus.DONE, TaskStatus.FAILED, TaskStatus.DISABLED}

plans = st.lists(
    st.fixed_dictionaries(
        {
            "deps": st.lists(st.integers(1, 4), max_size=3),  # how far back in the list
            "outcomes": st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=3),
            "yields": st.sampled_from([0, 0, 0, 1]),
            "priority": st.integers(0, 2),
            "resources": st.sampled_from([None, {"r": 1}]),
            "external": st.sampled_from([False] * 8 + [True]),
            "delay": st.sampled_from([None, 0.0, 3.0]),
            "count": st.sampled_from([None, 2]),
        }
    ),
    min_size=1,
    max_size=10,
)


class Crashing:
    """A service whose process dies at chosen commands, before or after it keeps the events.

    The next one has only what was kept, and the sender, without an answer, sends again.
    """

    def __init__(self, crashes: dict[int, bool]) -> None:
        self.state = SchedulerState(CONFIG)
        self.kept = []
        self.now = 0.0
        self.crashes = crashes
        self.handled = 0

    def handle(self, command):
        self.handled += 1
        keeps = self.crashes.get(self.handled)
        if keeps is not None:
            if keeps:
                self._decide_and_keep(command)
            self.state = SchedulerState(CONFIG)
            for event in self.kept:
                self.state.apply(event)
        return self._decide_and_keep(command)

    def _decide_and_keep(self, command):
        decision = decide(self.state, command, self.now)
        for event in decision.events:
            self.kept.append(event)
            self.state.apply(event)
        return decision.reply


class HonestWorker:
    """Plans, asks, runs, reports, and goes when the answer to its question says that it may."""

    def __init__(self, name, service, plan) -> None:
        self.name = name
        self.service = service
        self.plan = plan
        self.outcomes = {}
        self.sequence = 0
        self.ended = False
        self.executed = []
        self.yielded = set()
        self.send(cmd.StartRun, run_id=name, info=RunInfo(roots=(f"T_{len(plan) - 1}",)))
        for i in range(len(plan)):
            self.add(i)

    def send(self, kind, **fields):
        self.sequence += 1
        return self.service.handle(kind(session=self.name, sequence=self.sequence, **fields))

    def add(self, i):
        node = self.plan[i]
        record = TaskRecord(
            task_id=f"T_{i}",
            family="T",
            priority=float(node["priority"]),
            resources=node["resources"],
        )
        self.send(
            cmd.AddTask,
            run_id=self.name,
            worker_id=self.name,
            task=record,
            deps=tuple(f"T_{i - back}" for back in node["deps"] if back <= i),
            runnable=not node["external"],
            retry=RetryPolicy(retry_delay=node["delay"], retry_count=node["count"]),
        )

    def turn(self):
        """One question, and the report that follows; None or the time to wait for."""
        reply = self.send(cmd.RequestTask, run_id=self.name, worker_id=self.name)
        if isinstance(reply, cmd.Assignment):
            self.execute(reply.call)
        elif reply.pending == 0 or (reply.running == 0 and reply.wake_at is None):
            self.ended = True
            self.left_pending = reply.pending
            self.send(cmd.EndRun, run_id=self.name)

    def execute(self, call):
        index = int(call.task_id.partition("_")[2])
        node = self.plan[index]
        self.executed.append((call.task_id, call.token))
        report = {
            "run_id": call.run_id,
            "worker_id": self.name,
            "task_id": call.task_id,
            "attempt": call.attempt,
            "token": call.token,
        }
        if node["yields"] and index and call.task_id not in self.yielded:
            self.yielded.add(call.task_id)
            self.send(cmd.SuspendTask, new_deps=(f"T_{index - 1}",), **report)
            return
        script = self.outcomes.setdefault(call.task_id, list(node["outcomes"]))
        outcome = OUTCOMES[script.pop(0) if script else "done"]
        self.send(cmd.FinishTask, outcome=outcome, **report)


def work(plan, names, crashes):
    """Let the workers take turns until all have gone; the service and the workers."""
    service = Crashing(crashes)
    workers = [HonestWorker(name, service, plan) for name in names]
    for _ in range(500):
        for worker in workers:
            if not worker.ended:
                worker.turn()
        service.now += 1.0
        if all(worker.ended for worker in workers):
            return service, workers
    raise AssertionError("a run did not end")


def statuses(service):
    return {task_id: task.status for task_id, task in service.state.tasks.items()}


SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(plans)
def test_every_run_ends_and_what_it_leaves_is_blocked_for_a_reason(plan):
    service, workers = work(plan, ["A"], {})

    assert workers[0].left_pending == 0
    for task in service.state.tasks.values():
        if task.status not in FINAL:
            blocked = [dep for dep in task.deps if dep.status is not TaskStatus.DONE]
            external = plan[int(task.task_id[2:])]["external"]
            assert blocked or external


@SETTINGS
@given(plans, st.dictionaries(st.integers(1, 60), st.booleans(), max_size=4))
def test_a_crash_at_any_point_changes_neither_what_runs_nor_how_it_ends(plan, crashes):
    undisturbed, quiet = work(plan, ["A", "B"], {})
    disturbed, shaken = work(plan, ["A", "B"], crashes)

    assert statuses(disturbed) == statuses(undisturbed)
    assert [one.executed for one in shaken] == [one.executed for one in quiet]
    tokens = [event.token for event in disturbed.kept if isinstance(event, TaskStarted)]
    assert len(set(tokens)) == len(tokens)


@pytest.mark.parametrize("keeps", [False, True], ids=["before keeping", "after keeping"])
def test_a_grant_whose_answer_was_lost_is_the_same_grant_again(keeps):
    plan = [
        {
            "deps": [],
            "outcomes": [],
            "yields": 0,
            "priority": 0,
            "resources": None,
            "external": False,
            "delay": None,
            "count": None,
        }
    ]
    service, workers = work(plan, ["A"], {3: keeps})

    assert workers[0].executed == [("T_0", 1)]
    assert sum(isinstance(event, TaskStarted) for event in service.kept) == 1
