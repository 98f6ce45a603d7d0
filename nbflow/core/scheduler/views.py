"""The scheduler's state as plain data, for pages, widgets and tests.

Everything here reads; nothing refers back into the state.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.core.status import RunStatus, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.core.scheduler.entities import Run, Task, Worker
    from nbflow.core.scheduler.state import SchedulerState


class UpstreamStatus(StrEnum):
    """Why a pending task waits: the worst that is said of what it requires (Luigi S-70)."""

    NONE = ""
    RUNNING = "UPSTREAM_RUNNING"
    MISSING_INPUT = "UPSTREAM_MISSING_INPUT"
    FAILED = "UPSTREAM_FAILED"
    DISABLED = "UPSTREAM_DISABLED"


_SEVERITY = {status: rank for rank, status in enumerate(UpstreamStatus)}
_UPSTREAM_OF = {
    TaskStatus.RUNNING: UpstreamStatus.RUNNING,
    TaskStatus.BATCH_RUNNING: UpstreamStatus.RUNNING,
    TaskStatus.PENDING: UpstreamStatus.MISSING_INPUT,
    TaskStatus.FAILED: UpstreamStatus.FAILED,
    TaskStatus.DISABLED: UpstreamStatus.DISABLED,
}


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it stands. Times are Unix seconds."""

    task_id: str
    family: str
    name: str
    status: TaskStatus
    deps: tuple[str, ...]
    run_ids: tuple[str, ...]
    priority: float
    attempt: int
    failures: int
    #: Before this time nothing happens to it; None: no such time.
    due: float | None
    #: It cannot run unless somebody acts.
    hopeless: bool
    worker_id: str = ""
    started_at: float | None = None
    fraction: float | None = None
    message: str = ""
    tracking_url: str = ""


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it stands."""

    worker_id: str
    host: str
    pid: int
    slots: int
    assistant: bool
    disabled: bool
    started_at: float
    contact: float
    run_ids: tuple[str, ...]
    running: tuple[str, ...]


class ResourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, and who uses how much of it."""

    name: str
    total: int
    used: int
    holders: dict[str, int]


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands. `alive` tasks wait and may still run."""

    run_id: str
    status: RunStatus
    roots: tuple[str, ...]
    started_at: float
    ended_at: float | None
    exit_code: int | None
    cancelled: bool
    tasks: int
    alive: int
    running: int


def view_task(task: Task) -> TaskView:
    """One task."""
    record, execution = task.record, task.execution
    return TaskView(
        task_id=task.task_id,
        family=record.family if record is not None else guess_family(task.task_id),
        name=record.describe() if record is not None else task.task_id,
        status=task.status,
        deps=tuple(dep.task_id for dep in task.deps),
        run_ids=tuple(run.run_id for run in task.runs),
        priority=task.priority,
        attempt=task.attempt,
        failures=len(task.setbacks.failures) if task.setbacks is not None else 0,
        due=task.due,
        hopeless=task.hopeless,
        worker_id=execution.worker.worker_id if execution is not None else "",
        started_at=execution.at if execution is not None else None,
        fraction=execution.fraction if execution is not None else None,
        message=execution.message if execution is not None else "",
        tracking_url=execution.tracking_url if execution is not None else "",
    )


def guess_family(task_id: str) -> str:
    """The family of a task that is known by its id alone (Luigi S-27)."""
    return task_id.partition("(")[0].partition("_")[0]


def list_tasks(
    state: SchedulerState, *, run_id: str | None = None, status: TaskStatus | None = None
) -> list[TaskView]:
    """The tasks of a run (None: of all), in order of first mention."""
    run = state.runs.get(run_id) if run_id is not None else None
    tasks = state.tasks.values() if run_id is None else run.tasks if run is not None else ()
    return [view_task(task) for task in tasks if status is None or task.status is status]


def count_tasks(state: SchedulerState, run_id: str) -> dict[TaskStatus, int]:
    """How many tasks of a run have each status; statuses that none has are absent."""
    counts: dict[TaskStatus, int] = {}
    run = state.runs.get(run_id)
    for task in run.tasks if run is not None else ():
        counts[task.status] = counts.get(task.status, 0) + 1
    return counts


def list_workers(state: SchedulerState) -> list[WorkerView]:
    """All workers, in order of joining."""
    return [_view_worker(worker) for worker in state.workers.values()]


def _view_worker(worker: Worker) -> WorkerView:
    return WorkerView(
        worker_id=worker.worker_id,
        host=worker.host,
        pid=worker.pid,
        slots=worker.slots,
        assistant=worker.assistant,
        disabled=worker.disabled,
        started_at=worker.started_at,
        contact=worker.contact,
        run_ids=tuple(run.run_id for run in worker.runs),
        running=tuple(task.task_id for task in worker.running),
    )


def list_resources(state: SchedulerState) -> list[ResourceView]:
    """All resources that were named, in order of first mention."""
    return [
        ResourceView(
            name=resource.name,
            total=resource.total,
            used=resource.used,
            holders={entry[2].task_id: amount for entry, amount in resource.held},
        )
        for resource in state.resources.values()
    ]


def list_runs(state: SchedulerState) -> list[RunView]:
    """All runs that are not forgotten, in order of their start."""
    return [_view_run(run) for run in state.runs.values()]


def _view_run(run: Run) -> RunView:
    return RunView(
        run_id=run.run_id,
        status=run.status,
        roots=run.info.roots,
        started_at=run.started_at,
        ended_at=run.ended_at,
        exit_code=run.exit_code,
        cancelled=run.cancelled,
        tasks=len(run.tasks),
        alive=run.alive,
        running=run.running,
    )


def upstream_status(
    state: SchedulerState, task_id: str, known: dict[str, UpstreamStatus] | None = None
) -> UpstreamStatus:
    """The worst that is said of what a pending task requires, directly or not.

    Parameters
    ----------
    known
        Answers of earlier calls on the same state; filled in, so that asking for every task of a
        graph walks each edge once.
    """
    answers: dict[str, UpstreamStatus] = {} if known is None else known
    root = state.tasks.get(task_id)
    if root is None or root.status is not TaskStatus.PENDING:
        return UpstreamStatus.NONE
    stack = [(root, iter(root.deps))]
    entered = {root.task_id}
    while stack:
        task, deps = stack[-1]
        if task.task_id in answers:
            stack.pop()
        elif (dep := _next_open(deps, answers, entered)) is not None:
            entered.add(dep.task_id)
            stack.append((dep, iter(dep.deps)))
        else:
            answers[task.task_id] = max(
                (_said_of(dep, answers) for dep in task.deps),
                key=_SEVERITY.__getitem__,
                default=UpstreamStatus.NONE,
            )
            stack.pop()
    return answers[task_id]


def _next_open(
    deps: Iterator[Task], answers: dict[str, UpstreamStatus], entered: set[str]
) -> Task | None:
    """The next requirement about which its own requirements have to be asked first."""
    for dep in deps:
        pending = dep.status is TaskStatus.PENDING and dep.deps
        if pending and dep.task_id not in answers and dep.task_id not in entered:
            return dep
    return None


def _said_of(dep: Task, answers: dict[str, UpstreamStatus]) -> UpstreamStatus:
    if dep.status is TaskStatus.PENDING and dep.deps:
        return answers.get(dep.task_id, UpstreamStatus.NONE)
    return _UPSTREAM_OF.get(dep.status, UpstreamStatus.NONE)


def view_graph(
    state: SchedulerState,
    task_id: str,
    *,
    inverse: bool = False,
    include_done: bool = True,
    limit: int = 100_000,
) -> list[TaskView]:
    """What a task requires (or, inverse, what requires it), nearest first, itself included.

    Stops after `limit` tasks.
    """
    root = state.tasks.get(task_id)
    queue = deque([root] if root is not None else [])
    seen = set(queue)
    found: list[TaskView] = []
    while queue and len(found) < limit:
        task = queue.popleft()
        found.append(view_task(task))
        for other in task.dependents if inverse else task.deps:
            if other not in seen and (include_done or other.status is not TaskStatus.DONE):
                seen.add(other)
                queue.append(other)
    return found


def snapshot(state: SchedulerState) -> dict[str, Any]:
    """All that the events determine, as plain data: equal for equal states."""
    return {
        "next_seq": state.next_seq,
        "last_token": state.last_token,
        "paused": state.paused,
        "tasks": [(view_task(task), _hidden(task)) for task in state.tasks.values()],
        "runs": [(_view_run(run), *_hidden_of_run(run)) for run in state.runs.values()],
        "workers": [
            (_view_worker(worker), sorted(worker.batchers), sorted(worker.batches))
            for worker in state.workers.values()
        ],
        "resources": list_resources(state),
        "batches": {
            batch.batch_id: (
                [member.task_id for member in batch.members],
                batch.task.task_id if batch.task is not None else None,
                batch.synthetic,
            )
            for batch in state.batches.values()
        },
        "sessions": {
            name: (list(session.answers), session.forgotten, session.at)
            for name, session in state.sessions.items()
        },
    }


def _hidden(task: Task) -> tuple[Any, ...]:
    setbacks = task.setbacks
    return (
        task.record,
        task.changed,
        task.ran_in,
        task.resumes_on,
        task.retry,
        task.timeout,
        task.entry is not None,
        task.execution.token if task.execution is not None else None,
        tuple(run.run_id for run in task.runners),
        None
        if setbacks is None
        else (
            tuple(setbacks.failures),
            setbacks.first_failure,
            setbacks.disabled_until,
            setbacks.busy,
            setbacks.missing,
        ),
    )


def _hidden_of_run(run: Run) -> tuple[Any, ...]:
    queues = (*run.queues.values(), *run.batches.values())
    return (
        [[task.task_id for task in queue.first(None)] for queue in queues],
        sorted({at for at, _, task in run.timers if task.due == at}),
        run.slots,
        run.deserted_at,
    )
