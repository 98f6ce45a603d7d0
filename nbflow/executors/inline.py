"""Runs each task in the calling thread, so that `%debug`, plots and prints work."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbflow.executors.execute import TaskRunner, check_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.interfaces import ExecutorSettings
    from nbflow.core.interrupt import InterruptGuard
    from nbflow.core.model.task import Task


class InlineExecutor:
    """One task at a time, here and now.

    Time limits need the main thread: the alarm signal reaches no other.
    """

    slots = 1

    def __init__(self, settings: ExecutorSettings) -> None:
        self._guard = settings.guard
        self._runner = TaskRunner(
            policy=settings.policy,
            locks=settings.locks,
            guard=settings.guard,
            fsync=settings.fsync,
            name_file=settings.name_file,
        )

    def submit(self, call: TaskCall, task: Task, reporter: Reporter) -> Outcome:
        """Run `task` and return its outcome."""
        if call.timeout is None:
            return self._runner.execute(call, task, reporter)
        with _alarm(call.timeout, task, self._guard):
            return self._runner.execute(call, task, reporter)

    def kill(self, task_id: str) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing can be ended from here: the task has this thread."""
        return False

    def forget(self, task_id: str) -> None:
        """Drop a suspended generator."""
        self._runner.forget(task_id)

    def close(self, *, wait: bool = True) -> None:  # noqa: ARG002 - the protocol's
        """Close what is suspended."""
        self._runner.close()


@contextmanager
def _alarm(seconds: float, task: Task, guard: InterruptGuard) -> Iterator[None]:
    """Raise TaskTimeoutError in the user's code after `seconds`; main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: Any) -> None:
        if guard.inside:
            raise check_timeout(seconds, task)

    previous = signal.signal(signal.SIGALRM, ring)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, previous)
