"""The output of tasks, caught where it is printed and handed to a log.

While at least one run is active, `sys.stdout` and `sys.stderr` are replaced by proxies and the root
logger has one handler more. What a thread prints goes to the log of the task that runs in its
context (`nbflow.core.context`), and to the original stream where no task does. A thread that a
task starts has a context of its own and prints to the original stream, unless it was given the
task's by `contextvars.copy_context().run`; a process that it forks prints there too. Warnings are
printed to `sys.stderr` and come by it.

`logging.basicConfig()` finds the handler and does nothing while a run is active.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from nbflow.core.context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self, TextIO

    from nbflow.core.context import TaskContext
    from nbflow.core.interfaces import LogSink

    #: Called with the task's id, the text and the original stream.
    Tee = Callable[[str, str, TextIO], None]


class Capture:
    """Hands the output of a run's tasks to `sink`, inside its `with` block. Used once.

    Several may be active at once, in nested blocks or in threads, and end in any order; the
    streams are restored with the last. A stream that somebody else has replaced meanwhile is left.

    Parameters
    ----------
    sink
        Gets each text as it is written, from the thread that wrote it.
    tee
        True: the text goes to the original stream too. A callable is called with the task's id,
        the text and the original stream, and may write to it.
    run_id
        Whose tasks; empty: those of every run that no other active capture names.
    """

    __slots__ = ("_sink", "_tee", "run_id")

    def __init__(self, sink: LogSink, tee: Tee | bool | None = None, *, run_id: str = "") -> None:
        self.run_id = run_id
        self._sink = sink
        self._tee = _echo if tee is True else (tee or None)

    def __enter__(self) -> Self:
        with _changing:
            _install()
            if not _active:
                logging.getLogger().addHandler(_handler)
            _active.append(self)
            _index()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _changing:
            if self in _active:  # not in a forked child
                _active.remove(self)
            _index()
            if not _active:
                logging.getLogger().removeHandler(_handler)
                _uninstall()

    def take(self, context: TaskContext, text: str, stream: TextIO | None) -> None:
        """Hand the task's `text` over; `stream` is where it would have gone, None: nowhere."""
        self._sink.write(context.task_id, context.attempt, text)
        tee = self._tee
        if tee is not None and stream is not None:
            self._echo_or_end(lambda: tee(context.task_id, text, stream))

    def flush(self, stream: TextIO) -> None:
        """Flush the original `stream`, unless the output of tasks goes to their logs alone."""
        if self._tee is not None:
            self._echo_or_end(stream.flush)

    def _echo_or_end(self, echo: Callable[[], object]) -> None:
        """No task fails because nobody reads any more, or the disk behind the stream is full."""
        try:
            echo()
        except TimeoutError:  # by a signal's handler: the task's own
            raise
        except OSError:
            # The log has it all, and who writes the result to the stream next is told.
            self._tee = None


def _echo(task_id: str, text: str, stream: TextIO) -> None:  # noqa: ARG001 - a Tee
    stream.write(text)


_changing = threading.RLock()
_active: list[Capture] = []
_by_run: dict[str, Capture] = {}


def _index() -> None:
    """Make the latest capture of each run the one that takes its output."""
    global _by_run  # noqa: PLW0603 - replaced whole, so that readers need no lock
    _by_run = {capture.run_id: capture for capture in _active}


def _stop_after_fork() -> None:
    """Let a forked child print to the original streams: the log is its parent's."""
    global _changing  # noqa: PLW0603 - another thread of the parent may have held it
    _changing = threading.RLock()
    _active.clear()
    _index()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_stop_after_fork)


def _find_here() -> tuple[Capture, TaskContext] | None:
    """Who takes the output of this thread, and whose it is; None where no task runs."""
    context = current()
    if context is None:
        return None
    capture = _by_run.get(context.run_id) or _by_run.get("")
    return None if capture is None else (capture, context)


def _install() -> None:
    for name in ("stdout", "stderr"):
        found = getattr(sys, name)
        # pythonw has no streams; a proxy may be there for another run, or left by an earlier one.
        if found is not None and not isinstance(found, TaskStream):
            setattr(sys, name, TaskStream(found))


def _uninstall() -> None:
    for name in ("stdout", "stderr"):
        setattr(sys, name, _original(getattr(sys, name)))


def _original(stream: TextIO) -> TextIO:
    while isinstance(stream, TaskStream):
        stream = stream.original
    return stream


class TaskStream:
    """A text stream that sends what tasks write to their logs; in all else it is `original`."""

    def __init__(self, original: TextIO) -> None:
        self.original = original

    def write(self, text: str) -> int:
        """Write to the log of the task that runs here, else to the original."""
        found = _find_here()
        if found is None:
            return self.original.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        capture, context = found
        capture.take(context, text, self.original)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the original, as far as the output of the task goes there."""
        found = _find_here()
        if found is None:
            self.original.flush()
        else:
            found[0].flush(self.original)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


class _TaskHandler(logging.Handler):
    """Writes the records of tasks to their logs."""

    def emit(self, record: logging.LogRecord) -> None:
        found = _find_here()
        others = _other_handlers(record.name)
        if found is None:
            if not others:
                _print_unhandled(record)
            return
        streams = [stream for handler in others if (stream := getattr(handler, "stream", None))]
        if any(isinstance(stream, TaskStream) for stream in streams):
            # That handler writes the record to the task's log by way of the proxy.
            return
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - the arguments are the user's
            self.handleError(record)
            return
        capture, context = found
        capture.take(context, text + "\n", None if streams else _original(sys.stderr))


def _other_handlers(name: str) -> list[logging.Handler]:
    """Handlers that a record of the logger `name` meets beside ours."""
    handlers: list[logging.Handler] = []
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        handlers += [handler for handler in logger.handlers if handler is not _handler]
        logger = logger.parent if logger.propagate else None
    return handlers


def _print_unhandled(record: logging.LogRecord) -> None:
    """Do what logging does where there is no handler: print warnings and worse."""
    fallback = logging.lastResort
    if fallback is not None and record.levelno >= fallback.level:
        fallback.handle(record)


_handler = _TaskHandler()
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
