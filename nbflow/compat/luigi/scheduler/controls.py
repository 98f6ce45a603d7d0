"""What people and running tasks ask of Luigi's scheduler (S-44, S-80 to S-93)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from nbflow.compat.luigi.scheduler.views import SchedulerViews
from nbflow.core.scheduler import commands as cmd

if TYPE_CHECKING:
    from collections.abc import Mapping


class SchedulerControls(SchedulerViews):
    """Forgiving, pausing, totals, progress and messages."""

    def forgive_failures(self, task_id: str) -> dict[str, Any]:
        """Let a failed task run again at once (S-80)."""
        self._handle(cmd.ForgiveFailures(task_id=task_id))
        return {"task_id": task_id, "status": self._status(task_id)}

    def mark_as_done(self, task_id: str) -> dict[str, Any]:
        """Call a task done that runs, failed or is disabled (S-81)."""
        self._handle(cmd.MarkDone(task_id=task_id))
        return {"task_id": task_id, "status": self._status(task_id)}

    def re_enable_task(self, task_id: str) -> dict[str, Any]:
        """Let a task that the scheduler disabled be tried again (S-82)."""
        reply = self._handle(cmd.EnableTask(task_id=task_id))
        return {} if isinstance(reply, cmd.Refused) else self._serialize(task_id)

    def pause(self) -> None:
        """Hand out nothing new."""
        self._handle(cmd.Pause())

    def unpause(self) -> None:
        """Hand out tasks again."""
        self._handle(cmd.Resume())

    def update_resources(self, **resources: int) -> None:
        """Set totals."""
        self._totals.update(dict.fromkeys(resources))
        self._handle(cmd.SetResources(totals=resources))

    def update_resource(self, resource: str, amount: int) -> bool:
        """Set one total; False where it is none."""
        if not isinstance(amount, int) or amount < 0:
            return False
        self.update_resources(**{resource: amount})
        return True

    # -- tasks that run --------------------------------------------------------------------------

    def set_task_status_message(self, task_id: str, status_message: str) -> None:
        """A task says what it does."""
        self._notes.of(task_id).message = status_message

    def set_task_progress_percentage(self, task_id: str, progress_percentage: float) -> None:
        """A task says how far it is."""
        self._notes.of(task_id).percentage = progress_percentage

    def decrease_running_task_resources(
        self, task_id: str, decrease_resources: Mapping[str, int]
    ) -> None:
        """A task gives back part of what it holds (S-44)."""
        task = self._state.tasks.get(task_id)
        if task is not None and task.execution is not None:
            self._handle(
                cmd.DecreaseResources(
                    task_id=task_id, token=task.execution.token, amounts=dict(decrease_resources)
                )
            )

    def set_worker_processes(self, worker: str, n: int) -> None:
        """Ask a worker to use so many processes."""
        self._notes.send(worker, "set_worker_processes", n=n)

    def send_scheduler_message(self, worker: str, task: str, content: str) -> dict[str, Any]:
        """Send a running task a message by its worker (S-90)."""
        if not self._config.send_messages:
            return {"message_id": None}
        message_id = str(uuid.uuid4())
        self._notes.send(
            worker,
            "dispatch_scheduler_message",
            task_id=task,
            message_id=message_id,
            content=content,
        )
        return {"message_id": message_id}

    def add_scheduler_message_response(self, task_id: str, message_id: str, response: str) -> None:
        """A task answers a message."""
        if task_id in self._state.tasks:
            self._notes.of(task_id).responses[message_id] = response

    def get_scheduler_message_response(self, task_id: str, message_id: str) -> dict[str, Any]:
        """The answer to a message, once."""
        return {"response": self._notes.of(task_id).responses.pop(message_id, None)}
