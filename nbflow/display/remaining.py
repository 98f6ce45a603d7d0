"""How long a run still takes, as far as finished tasks of the same families tell.

Nothing is said on less ground than that: one unfinished task of a family of which fewer than two
have ever finished, and there is no estimate.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from nbflow.core.graph import topological_order
from nbflow.core.status import FINAL_STATES, TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nbflow.core.summary import RunSummary, TaskSummary

#: Finished tasks of a family from which on its usual time is known.
FEWEST = 2
#: Share of itself that a task must have told before its own pace counts.
_TELLING = 0.05
#: An estimate that took so long to make is kept for so many times that long.
_PATIENCE = 50
#: States that keep other tasks from running.
_TROUBLE = (TaskState.FAILED, TaskState.MISSING, TaskState.UNPLANNED, TaskState.DISABLED)


def remaining_seconds(
    summary: RunSummary, usual: Mapping[str, float], *, now: float
) -> float | None:
    """Seconds until the run ends, or None where there is no ground for an estimate.

    What is left is shared among the workers, but no run is shorter than its longest chain of
    requirements.

    Parameters
    ----------
    usual
        Median seconds by family, from the history; only of families with at least `FEWEST`
        successes. A family that has as many in this run is judged by these.
    now
        Unix seconds.
    """
    waiting = _unfinished(summary)
    if not waiting:
        return 0.0 if summary.total else None
    known = {**usual, **_medians(summary.in_state(TaskState.DONE))}
    left: dict[str, float] = {}
    for task_id, task in waiting.items():
        seconds = 0.0 if task.record.is_wrapper else known.get(task.record.family)
        if seconds is None:
            return None
        left[task_id] = _left(task, seconds, now)
    workers = summary.info.workers if summary.info else 1
    return max(sum(left.values()) / workers, _longest_chain(waiting, left))


class Estimate:
    """The seconds that one run still takes, made anew no more often than is cheap.

    Parameters
    ----------
    usual
        Median seconds by family, of those families that it is asked for and that have finished
        often enough; may read files, and is asked once for each family.
    """

    def __init__(self, usual: Callable[[Iterable[str]], Mapping[str, float]]) -> None:
        self._ask = usual
        self._usual: dict[str, float] = {}
        self._asked: set[str] = set()
        self._seconds: float | None = None
        self._made = 0.0
        self._cost = 0.0

    def prepare(self, families: Iterable[str]) -> None:
        """Ask for the usual times of families that are new."""
        new = set(families) - self._asked
        if new:
            self._asked |= new
            self._usual |= self._ask(sorted(new))

    def seconds(self, summary: RunSummary, *, now: float) -> float | None:
        """As `remaining_seconds`; between two estimates the clock runs on."""
        if now - self._made < _PATIENCE * self._cost:
            passed = now - self._made
            return None if self._seconds is None else max(self._seconds - passed, 0.0)
        began = perf_counter()
        self._seconds = remaining_seconds(summary, self._usual, now=now)
        self._made = now
        self._cost = perf_counter() - began
        return self._seconds


def remaining_words(seconds: float | None) -> str:
    """`about 25 s left`, no finer than an estimate can be; empty for none."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5)} s left"
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return f"about {minutes} min left"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"about {hours} h {rest:02} min left" if rest else f"about {hours} h left"


def _unfinished(summary: RunSummary) -> dict[str, TaskSummary]:
    """Tasks that still run or can run."""
    troubled = any(summary.counts[state] for state in _TROUBLE)
    blocked = summary.blocked() if troubled else frozenset[str]()
    return {
        task_id: task
        for task_id, task in summary.tasks.items()
        if task.state not in FINAL_STATES and task_id not in blocked
    }


def _medians(finished: Iterable[TaskSummary]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {}
    for task in finished:
        seconds.setdefault(task.record.family, []).append(task.seconds)
    return {family: median(each) for family, each in seconds.items() if len(each) >= FEWEST}


def _left(task: TaskSummary, usual: float, now: float) -> float:
    if task.state is not TaskState.RUNNING or not task.started:
        return usual
    elapsed = max(now - task.started, 0.0)
    if task.fraction is not None and task.fraction >= _TELLING:
        return elapsed * (1 - task.fraction) / task.fraction
    return max(usual - elapsed, 0.0)


def _longest_chain(waiting: Mapping[str, TaskSummary], left: Mapping[str, float]) -> float:
    """Seconds of the longest chain of unfinished tasks, each requiring the one before."""
    deps = {task_id: [d for d in task.deps if d in left] for task_id, task in waiting.items()}
    ends: dict[str, float] = {}
    for task_id in topological_order(deps):
        under = max((ends.get(dep, 0.0) for dep in deps[task_id]), default=0.0)
        ends[task_id] = under + left[task_id]
    return max(ends.values())
