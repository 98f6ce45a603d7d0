"""Runs each task in the calling thread, so that `%debug`, plots and prints work."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbflow.executors.execute import TaskRunner, check_timeout
from nbflow.executors.limited import LimitedCalls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import ExecutorSettings
    from nbflow.core.interrupt import InterruptGuard
    from nbflow.core.model.task import Task


class InlineExecutor:
    """One task at a time, here and now.

    A time limit is kept by the alarm signal, which reaches the main thread only; in another thread
    a task that has one runs in a worker process (Luigi T-23).
    """

    slots = 1

    def __init__(self, settings: ExecutorSettings) -> None:
        self._limited = LimitedCalls(settings)
        self._guard = settings.guard
        self._runner = TaskRunner(
            policy=settings.policy,
            locks=settings.locks,
            guard=settings.guard,
            fsync=settings.fsync,
            name_file=settings.name_file,
        )

    def submit(self, call: TaskCall, task: Task, reporter: Reporter) -> Outcome | Future[Outcome]:
        """Run `task` and return its outcome."""
        if call.timeout is None:
            return self._runner.execute(call, task, reporter)
        if threading.current_thread() is not threading.main_thread():
            return self._limited.submit(call, task, reporter)
        with _alarm(call.timeout, task, self._guard):
            return self._runner.execute(call, task, reporter)

    def interrupt(self) -> None:
        """Ask those that run in a process to end; in this thread nothing runs by now."""
        self._limited.interrupt()

    def kill(self, task_id: str) -> bool:
        """End a task that runs in a process; any other has this thread, and cannot be ended."""
        return self._limited.kill(task_id)

    def forget(self, task_id: str) -> None:
        """Drop a suspended generator."""
        self._runner.forget(task_id)
        self._limited.forget(task_id)

    def close(self, *, wait: bool = True) -> None:
        """Close what is suspended."""
        self._runner.close()
        self._limited.close(wait=wait)


@contextmanager
def _alarm(seconds: float, task: Task, guard: InterruptGuard) -> Iterator[None]:
    """Raise TaskTimeoutError in the user's code after `seconds`.

    And every second from then on: code that catches every exception must end, too.
    """

    def ring(_number: int, _frame: Any) -> None:
        if guard.inside:
            raise check_timeout(seconds, task)

    previous = signal.signal(signal.SIGALRM, ring)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, previous)
