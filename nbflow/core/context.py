"""The task that runs in this thread: how its outputs are published and its progress reported.

A target publishes through `current()`, so that a scheduler can later refuse a late one; outside of
a run there is no context and a target publishes by itself.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


#: Seconds between two reports of one task on the average, and how many may come at once.
REPORT_SECONDS = 0.1
REPORTS_AT_ONCE = 4


class Reporter(Protocol):
    """Where a running task says how it stands. May be called from any thread of the task."""

    def report_progress(
        self,
        *,
        fraction: float | None = None,
        message: str | None = None,
        tracking_url: str | None = None,
    ) -> None:
        """Say how far the task is (`fraction` 0 to 1), what it does, where it can be watched."""
        ...

    def decrease_resources(self, amounts: Mapping[str, int]) -> None:
        """Give back part of the resources that the task holds."""
        ...


class TaskContext:
    """One execution of one task.

    Parameters
    ----------
    task_id, run_id
        Which task of which run.
    attempt
        1 for the first.
    token
        Fencing token of the attempt; rises with each.
    reporter
        Where progress goes; None where nobody listens.
    fsync
        Whether outputs are flushed to the disk before they are published.
    """

    __slots__ = (
        "_news",
        "_next_report",
        "attempt",
        "fsync",
        "messages",
        "reporter",
        "run_id",
        "task_id",
        "token",
    )

    def __init__(
        self,
        task_id: str,
        run_id: str = "",
        *,
        attempt: int = 1,
        token: int = 0,
        reporter: Reporter | None = None,
        fsync: bool = False,
        messages: Any = None,
    ) -> None:
        self.task_id = task_id
        self.run_id = run_id
        self.attempt = attempt
        self.token = token
        self.reporter = reporter
        self.fsync = fsync
        self.messages = messages
        self._news: dict[str, Any] | None = None
        #: When the next report would be due if all had kept their distance.
        self._next_report = 0.0

    def report(self, **news: Any) -> None:
        """Pass on what the task says of itself, some ten times a second; the rest waits.

        A few may follow each other at once, so that a message is not held back by the progress
        before it. Takes the arguments of `Reporter.report_progress`; what is None changes nothing.
        """
        said = {name: value for name, value in news.items() if value is not None}
        self._news = {**self._news, **said} if self._news else said
        now = monotonic()
        due = max(self._next_report, now)
        if due - now < REPORTS_AT_ONCE * REPORT_SECONDS:
            self._next_report = due + REPORT_SECONDS
            self.flush()

    def flush(self) -> None:
        """Pass on what waits."""
        news, self._news = self._news, None
        if news and self.reporter is not None:
            self.reporter.report_progress(**news)

    def publish(self, temporary: str, final: str) -> None:
        """Make the finished file or folder `temporary` appear as `final`, atomically."""
        if self.fsync:
            publish(temporary, final, fsync=True)
        else:
            os.replace(temporary, final)


_current: ContextVar[TaskContext | None] = ContextVar("nbflow_task_context", default=None)

#: What `running` does at its ends, for who runs a task and has a `try` block there anyway.
enter = _current.set
leave = _current.reset


def current() -> TaskContext | None:
    """The context of the task that runs here, or None outside of a run."""
    return _current.get()


@contextmanager
def running(context: TaskContext) -> Iterator[TaskContext]:
    """Make `context` the current one inside the `with` block."""
    token = enter(context)
    try:
        yield context
    finally:
        leave(token)


def publish(temporary: str, final: str, *, fsync: bool = False) -> None:
    """Rename `temporary` onto `final`, replacing it; with `fsync`, the data is on disk before."""
    if fsync:
        _flush(temporary)
    os.replace(temporary, final)
    if fsync:
        _flush(os.path.dirname(final) or ".")


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
