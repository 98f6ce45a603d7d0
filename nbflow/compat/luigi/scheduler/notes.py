"""What Luigi's scheduler keeps of tasks and workers beside the deciding core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.core.events import RunEvent
    from nbflow.core.scheduler.state import SchedulerState


class Note:
    """What is kept of one task."""

    __slots__ = (
        "accepts_messages",
        "expl",
        "held",
        "message",
        "percentage",
        "responses",
        "since",
        "started",
        "status",
        "tracking_url",
        "updated",
        "worker",
    )

    def __init__(self) -> None:
        self.expl: str | None = None
        self.message: str | None = None
        self.percentage: float | None = None
        self.tracking_url: str | None = None
        self.accepts_messages = False
        self.responses: dict[str, str] = {}
        #: When it was first heard of, when its status last changed, and to what.
        self.since = self.updated = 0.0
        self.status = ""
        #: Of the execution that runs or ran last: who, since when, with what.
        self.worker: str | None = None
        self.started: float | None = None
        self.held: dict[str, int] | None = None


class Notes:
    """What is kept of tasks and workers that the deciding core need not know."""

    def __init__(self) -> None:
        self._tasks: dict[str, Note] = {}
        self._infos: dict[str, dict[str, Any]] = {}
        self._messages: dict[str, list[dict[str, Any]]] = {}

    def of(self, task_id: str) -> Note:
        """The note on a task."""
        return self._tasks.setdefault(task_id, Note())

    def info(self, worker: str) -> dict[str, Any]:
        """What a worker said of itself."""
        return self._infos.setdefault(worker, {})

    def send(self, worker: str, name: str, **fields: Any) -> None:
        """Let a message wait for a worker."""
        self._messages.setdefault(worker, []).append({"name": name, "kwargs": fields})

    def take_messages(self, worker: str) -> list[dict[str, Any]]:
        """The messages that wait for a worker, once."""
        return self._messages.pop(worker, [])

    def waiting(self, worker: str) -> int:
        """How many messages wait for a worker."""
        return len(self._messages.get(worker, ()))

    def follow(self, event: RunEvent, state: SchedulerState) -> None:
        """Note when a task's status changed."""
        for task_id in _concerned(event):
            task = state.tasks.get(task_id)
            if task is None:
                continue
            note = self.of(task_id)
            if not note.status:
                note.since = event.at
            if note.status != task.status:
                note.status, note.updated = task.status, event.at
            execution = task.execution
            if execution is not None:
                note.worker, note.started = execution.worker.worker_id, execution.at
                held = execution.held or {}
                note.held = {resource.name: amount for resource, amount in held.items()}

    def forget_all_but(self, state: SchedulerState) -> None:
        """Keep no note on what the scheduler has forgotten."""
        for task_id in [each for each in self._tasks if each not in state.tasks]:
            del self._tasks[task_id]


def _concerned(event: RunEvent) -> Iterator[str]:
    record = getattr(event, "task", None)
    if record is not None:
        yield record.task_id
    else:
        yield from [task_id] if (task_id := getattr(event, "task_id", "")) else ()
    yield from getattr(event, "members", ())
