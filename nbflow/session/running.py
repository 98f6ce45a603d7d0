"""Which runs there are in this process, and their end when the process ends. Thread-safe."""

from __future__ import annotations

import atexit
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from nbflow.session.handle import Run
    from nbflow.session.result import RunResult

#: Seconds that background runs get when the process ends, and until what still runs is killed.
#: Jupyter terminates a kernel that has not ended 2.5 s after it was told to.
EXIT_GRACE = 2.0
_KILL_AFTER = 1.0

_changing = threading.Lock()
_background: WeakSet[Run] = WeakSet()
#: Runs that go on, by id.
_active: dict[str, Run] = {}
_last: list[RunResult] = []


def note_begun(run: Run) -> None:
    """Count `run` among those that go on."""
    with _changing:
        _active[run.run_id] = run
        if run.is_background:
            _background.add(run)
            # Registered last it is called first: multiprocessing ends worker processes by itself.
            atexit.unregister(_end_background_runs)
            atexit.register(_end_background_runs)


def note_ended(run: Run, result: RunResult | None = None) -> None:
    """Count `run` no more; without a `result` it never was."""
    with _changing:
        _active.pop(run.run_id, None)
        if result is None:
            _background.discard(run)
        else:
            _last[:] = [result]


def last_result() -> RunResult | None:
    """The result of the run of this process that ended last; None before the first."""
    return _last[0] if _last else None


def active_runs() -> list[Run]:
    """Runs of this process that go on, in the foreground too, the latest first."""
    with _changing:
        return sorted(_active.values(), key=lambda run: run.run_id, reverse=True)


def background_runs() -> list[Run]:
    """Runs of this process that were started in the background and are still held."""
    with _changing:
        return sorted(_background, key=lambda run: run.run_id)


def _end_background_runs() -> None:
    """Stop what still runs when the process ends, so that its end is recorded."""
    began = time.monotonic()
    runs = [run for run in background_runs() if not run.done()]
    for seconds, now in ((_KILL_AFTER, False), (EXIT_GRACE, True)):
        for run in runs:
            run.interrupt(now=now)
        for run in runs:
            run.is_over(within=began + seconds - time.monotonic())
