"""What was recorded, as rows of plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from nbflow.core.call import FileRecord
    from nbflow.core.status import RunStatus, TaskState


class RunRow(NamedTuple):
    """A run as it was recorded. Times are Unix seconds."""

    run_id: str
    #: INTERRUPTED also where the run's process is gone and could not say so.
    status: RunStatus
    started: float
    ended: float | None
    #: Tasks that ran and succeeded, were complete before, failed; all tasks.
    ran: int
    complete: int
    failed: int
    tasks: int
    exit_code: int | None
    name: str
    invocation: str
    #: "cell In[3]", "cli", "python".
    where: str
    user: str
    host: str
    pid: int
    workers: int
    executor: str
    policy: str
    nbflow: str
    python: str
    git_commit: str
    git_dirty: bool | None
    #: Task ids.
    roots: tuple[str, ...]
    #: `Family(a=1)` of each root.
    root_names: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        """How long the run took; None where it has no end."""
        return None if self.ended is None else self.ended - self.started


class TaskRunRow(NamedTuple):
    """A task in one run. Times are Unix seconds; None and '' where there is nothing to say."""

    run_id: str
    #: The task's number in the run, in the order of planning.
    n: int
    task_id: str
    family: str
    module: str
    #: JSON object of parameter name to serialized value; private ones are absent.
    params: str
    #: Names in `params` that are not shown.
    unshown: tuple[str, ...]
    state: TaskState
    #: The first start, the last end, and the seconds inside the last `run()` that ended.
    started: float | None
    ended: float | None
    seconds: float | None
    attempts: int
    worker: str
    message: str
    fraction: float | None
    tracking_url: str
    note: str
    #: The last failure, also of a task that succeeded later.
    error_type: str
    error_message: str
    error_traceback: str
    error_file: str
    error_line: int | None
    error_function: str
    error_notes: tuple[str, ...]
    code_hash: str
    code_version: int
    #: Paths that the task declared; the files that it made; the files that it read.
    declared: tuple[str, ...]
    outputs: tuple[FileRecord, ...]
    inputs: tuple[FileRecord, ...]
    #: Numbers of the tasks that it required, in `requires()` and from within `run()`.
    deps: tuple[int, ...]
    new_deps: tuple[int, ...]

    @property
    def name(self) -> str:
        """`Family(a=1)` of the parameters that are shown."""
        return _name(self.family, self.params, self.unshown)


class EventRow(NamedTuple):
    """An event as it was kept; `data` has what the rows of runs and tasks do not say."""

    seq: int
    at: float
    kind: str
    task_id: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds inside `run()` of a family's latest successes; the quantiles are None for none."""

    count: int
    p50: float | None
    p90: float | None


class FamilyRow(NamedTuple):
    """How long the latest 500 successes of a family took."""

    family: str
    durations: Durations
    #: End of the latest, Unix seconds.
    ended: float


class FailureRow(NamedTuple):
    """One failure of a task, also of an attempt that was followed by another."""

    run_id: str
    task_id: str
    family: str
    #: See `TaskRunRow`.
    params: str
    unshown: tuple[str, ...]
    #: 0: the task could not be planned.
    attempt: int
    #: Unix seconds.
    at: float
    type: str
    message: str
    #: The user's innermost frame: `In[3]`, `report.ipynb:cell 5 (id 3f2a)` or a path.
    file: str
    line: int
    function: str

    @property
    def name(self) -> str:
        """`Family(a=1)` of the parameters that are shown."""
        return _name(self.family, self.params, self.unshown)


class LastValue(NamedTuple):
    """A value that a parameter had, and what became of the latest task that had it."""

    value: str
    state: TaskState
    at: float


def _name(family: str, params: str, unshown: tuple[str, ...]) -> str:
    shown = (f"{name}={value}" for name, value in json.loads(params).items() if name not in unshown)
    return f"{family}({', '.join(shown)})"
