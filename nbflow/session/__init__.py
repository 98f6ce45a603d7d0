"""Run, start, build, plan and look back: where the parts are put together for a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from nbflow.core.errors import NotATaskError
from nbflow.core.model.parameters import TimeDeltaParameter
from nbflow.core.model.registry import rebind, settle_redefinitions
from nbflow.core.model.task import BaseTask
from nbflow.core.watching import watch_runs
from nbflow.session.handle import Run, store_path
from nbflow.session.options import RunOptions
from nbflow.session.result import RunResult, TaskFailure
from nbflow.session.running import active_runs, background_runs, last_result
from nbflow.session.views import Dag, Plan, graph_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pandas import DataFrame

    from nbflow.core.interfaces import Subscriber
    from nbflow.core.model.task import Task

__all__ = [
    "Dag",
    "Plan",
    "Run",
    "RunOptions",
    "RunResult",
    "TaskFailure",
    "active_runs",
    "background_runs",
    "build",
    "dag",
    "history",
    "last_result",
    "plan",
    "run",
    "start",
    "store_path",
    "usual_seconds",
    "watch_runs",
]


def start(
    *tasks: Task,
    options: RunOptions | None = None,
    subscribers: Sequence[Subscriber] = (),
    background: bool = True,
    **given: Any,
) -> Run:
    """Start a run of `tasks` and return its handle at once.

    Parameters
    ----------
    options, given
        See `RunOptions`; names in `given` win.
    subscribers
        Called with batches of events while the run goes on.
    background
        False: the run happens when `Run.wait` or `Run.result` is called, in that thread.

    Raises
    ------
    NotATaskError
        One of `tasks` is something else.
    NotSupportedHereError
        An option cannot be had here.
    """
    return Run(_roots(tasks), RunOptions.of(options, given), subscribers, background=background)


def run(
    *tasks: Task,
    options: RunOptions | None = None,
    subscribers: Sequence[Subscriber] = (),
    **given: Any,
) -> RunResult:
    """Run `tasks` and what they require, here and now.

    Tasks that are complete do not run. Interrupt it with the stop button or Ctrl-C.

    Raises
    ------
    RunFailedError
        A root is not complete at the end; its `result` has the RunResult, its cause the first
        failed task's exception.
    RunInterrupted
        The run was stopped.
    CycleError
        A task requires itself; nothing ran.
    """
    handle = start(*tasks, options=options, subscribers=subscribers, background=False, **given)
    return handle.result()


def build(
    tasks: Iterable[Task],
    *,
    workers: int = 1,
    local_scheduler: bool = True,
    no_lock: bool = True,
    detailed_summary: bool = False,
    log_level: str = "",
    **given: Any,
) -> RunResult:
    """Run `tasks` as `luigi.build` does: the result is true on success, failures do not raise.

    `local_scheduler`, `no_lock`, `detailed_summary` and `log_level` are taken for the sake of
    Luigi's pipelines and change nothing: the scheduler is local, tasks are locked one by one, and
    the result has all details.
    """
    del local_scheduler, no_lock, detailed_summary, log_level
    return start(*tasks, background=False, workers=workers, **given).wait()


def plan(*tasks: Task, options: RunOptions | None = None, **given: Any) -> Plan:
    """What a run of `tasks` would do, and why; nothing is run or locked.

    Each task is asked `complete()` and `requires()` once.

    Raises
    ------
    CycleError
        A task requires itself.
    """
    return Plan(graph_of(_roots(tasks), RunOptions.of(options, given)))


def dag(*tasks: Task, options: RunOptions | None = None, **given: Any) -> Dag:
    """The dependency graph of `tasks`, also below complete ones, with how each stands."""
    return Dag(graph_of(_roots(tasks), RunOptions.of(options, given), descend=True))


def history(
    task: str | None = None,
    *,
    status: str | None = None,
    since: str | float | None = None,
    limit: int = 50,
    by: Literal["run", "task", "failure", "family"] = "run",
    store: str = "",
) -> DataFrame:
    """What ran in this project as a DataFrame, newest first.

    Parameters
    ----------
    task
        A glob over `Family` or `Family(a=1)` of the roots; over families where rows are not runs.
    status
        One of `RunStatus`, or of `TaskState` where rows are tasks, in any case.
    since
        Seconds, or text such as "7d", "12h": only what started within that time.
    by
        What a row is: a run; a task of a run; a failure, with type, message, cell and line, also of
        an attempt that was tried again; a family, with p50 and p90 of the seconds that it took.
    store
        As in `RunOptions`.

    Returns
    -------
    DataFrame
        See `nbflow.frames` for columns and dtypes.

    Raises
    ------
    ValueError
        `by` or `status` is none of these.
    """
    from nbflow import frames
    from nbflow.stores import history as reading

    path, started = store_path(store), _start(since)
    if status is not None and by not in {"run", "task"}:
        raise ValueError(f"by={by!r}: its rows have no status; leave status out.")
    if by == "run":
        runs = reading.read_runs(path, task_glob=task, status=status, since=started, limit=limit)
        return frames.runs_frame(runs)
    if by == "task":
        tasks = reading.read_task_runs(
            path, task_glob=task, status=status, since=started, limit=limit
        )
        return frames.task_runs_frame(tasks)
    if by == "failure":
        failures = reading.read_failures(path, task_glob=task, since=started, limit=limit)
        return frames.failures_frame(failures)
    if by == "family":
        families = reading.read_durations(path, task_glob=task, since=started)
        return frames.durations_frame(families[:limit])
    raise ValueError(f"by={by!r}: choose one of 'run', 'task', 'failure', 'family'.")


def usual_seconds(families: Iterable[str], *, store: str = "") -> dict[str, float]:
    """Median seconds by family, of those of which at least two tasks have ever succeeded."""
    from nbflow.display.remaining import FEWEST
    from nbflow.stores.history import family_durations

    path = store_path(store)
    found = {family: family_durations(path, family) for family in dict.fromkeys(families)}
    return {
        family: durations.p50
        for family, durations in found.items()
        if durations.p50 is not None and durations.count >= FEWEST
    }


def _start(since: str | float | None) -> float | None:
    """Unix seconds from which on `since` looks."""
    if since is None:
        return None
    if isinstance(since, str):
        duration: Any = TimeDeltaParameter()  # a timedelta, to a type checker
        since = float(duration.from_text(since, "since").total_seconds())
    return time.time() - since


def _roots(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """`tasks` on their newest definitions, each once.

    Raises
    ------
    NotATaskError
        One is something else, or there is none.
    """
    if not tasks:
        raise NotATaskError("no task was given; write for example nbflow.run(MyTask(...)).")
    for task in tasks:
        if isinstance(task, type) and issubclass(task, BaseTask):
            raise NotATaskError(
                f"{task.__name__} is a class; make a task of it: {task.__name__}(...)."
            )
        if not isinstance(task, BaseTask):
            raise NotATaskError(f"expected a task, found {type(task).__name__} {task!r:.100}.")
    settle_redefinitions()
    return tuple(dict.fromkeys(rebind(task) for task in tasks))
