"""Runs tasks in threads of this process: for tasks that wait, or that compute outside of the GIL.

A thread cannot be ended from outside: a stop request waits for the running tasks, and a task with a
time limit runs in a process of its own.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING

from nbflow.core.interrupt import InterruptGuard
from nbflow.executors.execute import TaskRunner
from nbflow.executors.limited import LimitedCalls

if TYPE_CHECKING:
    from concurrent.futures import Future

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import ExecutorSettings
    from nbflow.core.model.task import Task


class ThreadExecutor:
    """Up to `workers` tasks at once, each in a thread. What they share they must share safely."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self.slots = settings.workers
        self._limited = LimitedCalls(settings)
        self._runner = TaskRunner(
            policy=settings.policy,
            locks=settings.locks,
            # An interrupt reaches the main thread only, so these tasks need no guard of the run's.
            guard=InterruptGuard(),
            fsync=settings.fsync,
            name_file=settings.name_file,
        )
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="nbflow-task")

    def submit(self, call: TaskCall, task: Task, reporter: Reporter) -> Future[Outcome]:
        """Run `task` in a free thread; a suspended one may go on in another."""
        if call.timeout is not None:
            return self._limited.submit(call, task, reporter)
        # In the run's context: a task makes others, with the values that the command gave.
        return self._pool.submit(copy_context().run, self._runner.execute, call, task, reporter)

    def interrupt(self) -> None:
        """Ask those that run in a process to end; a thread cannot be asked."""
        self._limited.interrupt()

    def kill(self, task_id: str) -> bool:
        """End a task that runs in a process; a thread cannot be ended."""
        return self._limited.kill(task_id)

    def forget(self, task_id: str) -> None:
        """Drop a suspended generator."""
        self._runner.forget(task_id)
        self._limited.forget(task_id)

    def close(self, *, wait: bool = True) -> None:
        """Let running tasks end, and close what is suspended."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
        self._runner.close()
        self._limited.close(wait=wait)
