"""A scheduler that checks its own laws at every step."""

from __future__ import annotations

import msgspec
import pytest

from nbflow.core.call import Done, ErrorInfo, Failed
from nbflow.core.events import AnyEvent, RunInfo, TaskRecord
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.decide import decide
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.scheduler.state import SchedulerState
from nbflow.core.scheduler.views import snapshot
from nbflow.core.status import TaskStatus

ERROR = ErrorInfo(type="ValueError", message="no")


def round_trip(value, kind):
    again = msgspec.json.decode(msgspec.json.encode(value), type=kind)
    assert again == value
    return again


class CheckedScheduler:
    """Handles commands by `decide` and `apply`, and holds the laws of the deciding core.

    After each command: the decision is the same the second time and left the state alone, what
    travels survives JSON, the state is valid. `check_fold` holds the state against its events.
    """

    def __init__(self, config: SchedulerConfig | None = None, *, careful: bool = True) -> None:
        self.state = SchedulerState(config)
        self.config = config
        self.careful = careful
        self.now = 0.0
        self.events = []
        self.looked_at = 0
        #: Who was given what: (task_id, attempt) to worker.
        self.grants: dict[tuple[str, int], str] = {}

    def handle(self, command):
        if self.careful:
            command = round_trip(command, cmd.AnyCommand)
            before = snapshot(self.state)
        decision = decide(self.state, command, self.now)
        if self.careful:
            again = decide(self.state, command, self.now)
            assert again.reply == decision.reply
            assert list(again.events) == list(decision.events)
            assert snapshot(self.state) == before
            round_trip(decision.reply, cmd.AnyReply)
        for event in decision.events:
            self.events.append(round_trip(event, AnyEvent) if self.careful else event)
            self.state.apply(event)
        if self.careful:
            self.state.validate()
        self.looked_at = decision.looked_at
        self._note_grant(command, decision.reply)
        return decision.reply

    def _note_grant(self, command, reply) -> None:
        if isinstance(reply, cmd.Assignment):
            key = (reply.call.task_id, reply.call.attempt)
            assert self.grants.setdefault(key, command.worker_id) == command.worker_id

    def check_fold(self) -> None:
        folded = SchedulerState(self.config)
        for event in self.events:
            folded.apply(event)
        assert snapshot(folded) == snapshot(self.state)

    # -- short forms ------------------------------------------------------------------------

    def start(self, run_id="r", *, roots=("root",)):
        return self.handle(cmd.StartRun(run_id=run_id, info=RunInfo(roots=tuple(roots))))

    def end(self, run_id="r", **fields):
        return self.handle(cmd.EndRun(run_id=run_id, **fields))

    def join(self, worker_id="w", **fields):
        return self.handle(cmd.JoinWorker(worker_id=worker_id, **fields))

    def add(
        self,
        task_id,
        deps=(),
        status=TaskStatus.PENDING,
        *,
        run="r",
        worker="w",
        family=None,
        params="{}",
        priority=0.0,
        resources=None,
        has_output=True,
        **fields,
    ):
        record = TaskRecord(
            task_id=task_id,
            family=family or task_id.partition("_")[0],
            params=params,
            priority=priority,
            resources=resources,
            has_output=has_output,
        )
        deps = None if deps is None else tuple(deps)
        return self.handle(
            cmd.AddTask(
                run_id=run, worker_id=worker, task=record, status=status, deps=deps, **fields
            )
        )

    def ask(self, worker="w", *, run="r", running=None):
        return self.handle(cmd.RequestTask(run_id=run, worker_id=worker, running=running))

    def take(self, worker="w", *, run="r"):
        """The id of the task that the worker is given, or None."""
        reply = self.ask(worker, run=run)
        return reply.call.task_id if isinstance(reply, cmd.Assignment) else None

    def finish(self, task_id, outcome=None, *, worker="w", run="r", token=None, **fields):
        execution = self.state.tasks[task_id].execution
        if token is None:
            token = execution.token
        return self.handle(
            cmd.FinishTask(
                run_id=run,
                worker_id=worker,
                task_id=task_id,
                attempt=1,
                token=token,
                outcome=outcome if outcome is not None else Done(seconds=1.0),
                **fields,
            )
        )

    def fail(self, task_id, *, worker="w", run="r"):
        return self.finish(task_id, Failed(error=ERROR), worker=worker, run=run)

    def status(self, task_id):
        task = self.state.tasks.get(task_id)
        return None if task is None else str(task.status)

    def kinds(self, since=0):
        """Names of the events after the first `since`."""
        return [type(event).__name__ for event in self.events[since:]]

    def count(self, kind):
        return sum(isinstance(event, kind) for event in self.events)


@pytest.fixture
def scheduler():
    """A scheduler with the default numbers, run `r` and worker `w`."""
    checked = CheckedScheduler()
    checked.start()
    checked.join()
    yield checked
    checked.check_fold()


@pytest.fixture
def new_scheduler():
    """Makes checked schedulers; each is held against its events at the end."""
    made = []

    def make(config=None, *, runs=("r",), workers=("w",), careful=True, **numbers):
        checked = CheckedScheduler(config or SchedulerConfig(**numbers), careful=careful)
        made.append(checked)
        for run_id in runs:
            checked.start(run_id)
        for worker_id in workers:
            checked.join(worker_id)
        return checked

    yield make
    for checked in made:
        if checked.careful:
            checked.check_fold()


@pytest.fixture
def checked_scheduler():
    """The class, for tests that make many."""
    return CheckedScheduler
