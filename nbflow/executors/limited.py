"""Worker processes for the calls of another executor that have a time limit which it cannot keep.

Source: a time limit forces a process of its own also in Luigi (T-23).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import ExecutorSettings
    from nbflow.core.model.task import Task
    from nbflow.executors.process import ProcessExecutor


class LimitedCalls:
    """Processes that are started with the first call."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._executor: ProcessExecutor | None = None

    def submit(self, call: TaskCall, task: Task, reporter: Reporter) -> Future[Outcome]:
        """Run `task` in a worker process, which is ended when the time is up."""
        if self._executor is None:
            from nbflow.executors.process import ProcessExecutor

            self._executor = ProcessExecutor(self._settings)
        return self._executor.submit(call, task, reporter)

    def interrupt(self) -> None:
        """Ask what runs here to end."""
        if self._executor is not None:
            self._executor.interrupt()

    def kill(self, task_id: str) -> bool:
        """End a task that runs here; False where none does."""
        return self._executor is not None and self._executor.kill(task_id)

    def forget(self, task_id: str) -> None:
        """Drop a suspended generator."""
        if self._executor is not None:
            self._executor.forget(task_id)

    def close(self, *, wait: bool) -> None:
        """End the processes."""
        if self._executor is not None:
            self._executor.close(wait=wait)
