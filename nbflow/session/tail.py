"""The last lines of what a run's tasks write, on their way to the log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow.core.interfaces import LogSink

#: Lines that are given.
LINES = 8
#: Characters of a task's output that are kept: enough for as many lines of usual length.
_KEPT = 2_000
#: Tasks whose output is kept: those that wrote last.
_TASKS = 16


class OutputTail:
    """Hands output on to `sink` and remembers its end; see `LogSink`. Thread-safe."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        #: Reentrant, for the handler of a signal may print in the middle of a print.
        self._lock = threading.RLock()
        #: By task id, and "" for all together; who wrote last is last.
        self._ends: dict[str, str] = {"": ""}

    def write(self, task_id: str, attempt: int, text: str) -> None:
        """Append text of one execution."""
        self._sink.write(task_id, attempt, text)
        with self._lock:
            ends = self._ends
            ends[""] = (ends[""] + text)[-_KEPT:]
            ends[task_id] = (ends.pop(task_id, "") + text)[-_KEPT:]
            if len(ends) > _TASKS:
                del ends[next(each for each in ends if each)]

    def lines(self, task_id: str = "") -> tuple[str, ...]:
        """The last lines of a task, or of all; of a line that was overwritten only its end."""
        with self._lock:
            end = self._ends.get(task_id, "")
        lines = (line.rpartition("\r")[2] for line in end.replace("\r\n", "\n").split("\n"))
        return tuple([line for line in lines if line.strip()][-LINES:])
