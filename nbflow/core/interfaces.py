"""The narrow protocols between the parts: scheduler, executor, subscriber, log, locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from nbflow.core.call import Outcome, TaskCall
    from nbflow.core.context import Reporter
    from nbflow.core.events import RunEvent
    from nbflow.core.interrupt import InterruptGuard
    from nbflow.core.model.task import Task
    from nbflow.core.policy import RunPolicy
    from nbflow.core.scheduler.commands import Command, Reply


class Scheduler(Protocol):
    """Anything that answers commands; in process or behind HTTP."""

    def handle(self, command: Command) -> Reply:
        """Decide, keep and tell; the reply is given only for what is kept."""
        ...


class Subscriber(Protocol):
    """Something that follows the event stream: gets batches, in order, never under a lock."""

    def __call__(self, events: Sequence[RunEvent]) -> None:
        """Take the next events."""
        ...


class Executor(Protocol):
    """Where a task runs. Only `submit` raises (ExecutorError); a task's failure is an Outcome."""

    #: Calls that it takes at once; may rise and fall.
    slots: int

    def submit(self, call: TaskCall, task: Task, reporter: Reporter) -> Outcome | Future[Outcome]:
        """Run `task`; an Outcome where it is over already, a Future only where it is pending."""
        ...

    def interrupt(self) -> None:
        """Ask what runs to end: KeyboardInterrupt in the user's code, where that can be done here.

        Nothing that still waits is begun.
        """
        ...

    def kill(self, task_id: str) -> bool:
        """End a running task at once; False where that cannot be done here."""
        ...

    def forget(self, task_id: str) -> None:
        """Drop what is kept between executions of the task (a suspended generator)."""
        ...

    def close(self, *, wait: bool = True) -> None:
        """Give back processes and threads."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """What an executor is made from; the entry points of `nbflow.executors` take one.

    `locks` is for tasks that run in this process, `locks_path` for those that run in others
    (empty: they are not locked).
    """

    workers: int
    run_id: str
    policy: RunPolicy
    guard: InterruptGuard
    locks: TaskLocks
    locks_path: str
    log: LogSink
    fsync: bool = False
    name_file: Callable[[str], str] | None = None


class LogSink(Protocol):
    """Where the output of tasks goes. Thread-safe."""

    def write(self, task_id: str, attempt: int, text: str) -> None:
        """Append text of one execution."""
        ...


class TaskLocks(Protocol):
    """Never one task twice at a time, across the processes of a project."""

    def hold(self, task_id: str) -> AbstractContextManager[None]:
        """Hold the task's lock inside the block; raises LockBusy (with a pid) when it is taken."""
        ...


class Recorder(Protocol):
    """A store of runs: fed by the event stream, read for history."""

    def __call__(self, events: Sequence[RunEvent]) -> None:
        """Take events to be written soon; never blocks, never raises."""
        ...

    def flush(self) -> None:
        """Return when everything taken so far is written, or cannot be."""
        ...

    def close(self) -> None:
        """Flush and end; no thread or open file is left."""
        ...
