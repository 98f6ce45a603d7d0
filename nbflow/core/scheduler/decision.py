"""What a command leads to: a reply, and the events that make it so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.core.events import TaskForgotten, TaskRequeued, WorkerContacted, WorkerJoined
from nbflow.core.scheduler.commands import Acknowledged, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.events import RunEvent
    from nbflow.core.scheduler.commands import Reply
    from nbflow.core.scheduler.entities import Batch, Run, Task, Worker
    from nbflow.core.scheduler.state import SchedulerState

ACKNOWLEDGED = Acknowledged()


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The answer to a command, true once `events` are applied."""

    reply: Reply
    events: Sequence[RunEvent] = ()
    #: Ready tasks that were weighed against each other.
    looked_at: int = 0


def heard(
    state: SchedulerState, worker_id: str, run: Run | None, now: float, *, asks: bool = False
) -> list[RunEvent]:
    """The events by which it is noted that a worker was heard of; the first of their decision.

    Noted for the first time in a run, and again when a quarter of a lease has passed: tasks that
    come and go in microseconds need not each say that their worker lives.
    """
    worker = state.workers.get(worker_id)
    if worker is not None and now - worker.contact < state.freshness:
        if run is None:
            return []
        known = run.workers.get(worker)
        if known is True or known is asks:
            return []
    draft = Draft(state, now)
    if worker is None:
        draft.add(WorkerJoined, worker_id=worker_id)
    run_id = "" if run is None else run.run_id
    draft.add(WorkerContacted, run_id=run_id, worker_id=worker_id, asks=asks)
    return draft.events


class Draft:
    """The events of a decision in the making, numbered as they come."""

    __slots__ = ("_seq", "at", "events")

    def __init__(
        self, state: SchedulerState, now: float, events: list[RunEvent] | None = None
    ) -> None:
        self._seq = state.next_seq
        self.at = now
        self.events: list[RunEvent] = [] if events is None else events

    def add(self, kind: type[RunEvent], /, **fields: Any) -> None:
        """Add an event; its number and time are given here."""
        self.events.append(kind(seq=self._seq + len(self.events), at=self.at, **fields))

    def requeue(self, task: Task, reason: str, **fields: Any) -> None:
        """Take a running task back, with the batch that it runs for."""
        execution = task.executing()
        run_id = execution.run.run_id
        batch = execution.batch
        self.add(TaskRequeued, run_id=run_id, task_id=task.task_id, reason=reason, **fields)
        if batch is None or batch.task is not task:
            return
        for member in batch.members:
            self.add(TaskRequeued, run_id=run_id, task_id=member.task_id, reason=reason, **fields)
        if batch.synthetic:
            self.add(TaskForgotten, run_id=run_id, task_id=task.task_id)

    def requeue_batch(self, batch: Batch, reason: str, **fields: Any) -> None:
        """Take back a batch whose task does not run: not made yet, or suspended."""
        run_id = batch.run.run_id
        for member in batch.members:
            self.add(TaskRequeued, run_id=run_id, task_id=member.task_id, reason=reason, **fields)
        if batch.task is not None and batch.synthetic:
            self.add(TaskForgotten, run_id=run_id, task_id=batch.task.task_id)

    def revoke(self, worker: Worker, reason: str) -> None:
        """Take back all that a worker runs or was given to run as a batch."""
        for task in worker.running:
            self.requeue(task, reason)
        for batch in worker.batches.values():
            if batch.task is None or batch.task.execution is None:
                self.requeue_batch(batch, reason)


def refuse(code: str, reason: str) -> Decision:
    """Say why nothing happens; the codes are those of `Refused`."""
    return Decision(Refused(code=code, reason=reason))


def unknown_run(run_id: str) -> Decision:
    """Refuse what concerns a run that never began, or has ended."""
    return refuse("unknown_run", f"there is no run {run_id!r} going on")


def not_so(task: Task | None, task_id: str, expected: str) -> Decision:
    """Refuse what needs a task in another status; None where it is not known at all."""
    if task is None:
        return refuse("unknown_task", f"no task {task_id!r} is known")
    return refuse("wrong_status", f"{task_id} is {task.status}, not {expected}")
