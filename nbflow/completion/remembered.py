"""What ran before, as far as a completion may offer it; in memory, so that TAB waits for no file.

It is read from the history once, and told of each run of this process.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from nbflow.core.status import FINAL_STATES, TaskState

if TYPE_CHECKING:
    from nbflow.core.summary import RunSummary

logger = logging.getLogger("nbflow.completion")

V = TypeVar("V")

#: Values of a parameter, failed tasks, runs, and tasks of one family in a run that are kept.
KEPT = 20
#: Characters of a value that is worth offering.
_LONGEST = 200
#: Task runs of the history that are read.
_READ = 1_000


class RememberedRun(NamedTuple):
    """A run that may be named by its id."""

    run_id: str
    #: `Family(a=1)` of its roots.
    title: str
    #: In lower case.
    status: str
    #: Unix seconds.
    started: float


class Remembered:
    """Last values, failed tasks and runs; each call takes microseconds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Text to state by family and parameter; like the others with the latest last.
        self._values: dict[tuple[str, str], dict[str, TaskState]] = {}
        self._failed: dict[str, None] = {}
        self._runs: dict[str, RememberedRun] = {}
        self._reading: threading.Thread | None = None

    def values(self, family: str, parameter: str) -> list[tuple[str, TaskState]]:
        """Values that the parameter had, each with the state of its latest task; latest first."""
        with self._lock:
            return list(reversed(self._values.get((family, parameter), {}).items()))

    def failed(self) -> list[str]:
        """`Family(a=1)` of tasks that failed when they ran last, latest first."""
        with self._lock:
            return list(reversed(self._failed))

    def runs(self) -> list[RememberedRun]:
        """Runs, latest first."""
        with self._lock:
            return list(reversed(self._runs.values()))

    def note_run(self, summary: RunSummary) -> None:
        """Take how a run of this process stands."""
        title = ", ".join(summary.info.root_names) if summary.info else ""
        seen: dict[str, int] = {}
        with self._lock:
            self._note_run(
                RememberedRun(summary.run_id, title, summary.status.lower(), summary.started)
            )
            # A year's backfill has thousands of tasks of a family, of which the last tell enough.
            for task in reversed(list(summary.tasks.values())):
                family = task.record.family
                seen[family] = seen.get(family, 0) + 1
                if seen[family] <= KEPT:
                    self._note_task(family, task.record.params, task.state, task.name)

    def read(self, path: str) -> None:
        """Read the history of `path` in a thread; without threads nothing is read."""
        thread = threading.Thread(
            target=self._read, args=(path,), name="nbflow-history", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return
        self._reading = thread

    def wait(self, seconds: float) -> None:
        """Wait until the history is read, but no longer than so many seconds."""
        if self._reading is not None:
            self._reading.join(seconds)

    def close(self) -> None:
        """Wait until nothing is read any more."""
        if self._reading is not None:
            self._reading.join()

    def _read(self, path: str) -> None:
        from nbflow.core.errors import NbflowError
        from nbflow.stores import history

        try:
            runs = history.read_runs(path, limit=KEPT)
            tasks = history.read_task_runs(path, limit=_READ)
        except (NbflowError, OSError):
            logger.debug("the history could not be read", exc_info=True)
            return
        with self._lock:
            for run in reversed(runs):
                if run.run_id not in self._runs:
                    title = ", ".join(run.root_names)
                    status = run.status.lower()
                    self._note_run(RememberedRun(run.run_id, title, status, run.started))
            for task in reversed(tasks):
                self._note_task(task.family, task.params, task.state, task.name)

    def _note_run(self, run: RememberedRun) -> None:
        _put(self._runs, run.run_id, run)

    def _note_task(self, family: str, params: str, state: TaskState, name: str) -> None:
        if state not in FINAL_STATES:
            return
        for parameter, text in json.loads(params).items():
            if isinstance(text, str) and len(text) <= _LONGEST:
                _put(self._values.setdefault((family, parameter), {}), text, state)
        self._failed.pop(name, None)
        if state is TaskState.FAILED:
            _put(self._failed, name, None)


def _put(kept: dict[str, V], key: str, value: V) -> None:
    """Put `key` last, and drop what came first where there are too many."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > KEPT:
        del kept[next(iter(kept))]
