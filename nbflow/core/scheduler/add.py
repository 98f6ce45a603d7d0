"""What a worker's observation of a task means: a new task, news of a known one, or nothing.

Source: which observation wins is Luigi's (S-21 to S-26); that an older one loses to a task done
since is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core import events as ev
from nbflow.core.call import ErrorInfo
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.decision import Decision, Draft, heard, refuse, unknown_run
from nbflow.core.scheduler.policy import merge_retry
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from nbflow.core.scheduler.entities import Run, Task
    from nbflow.core.scheduler.state import SchedulerState

PENDING = TaskStatus.PENDING
DONE = TaskStatus.DONE
UNKNOWN = TaskStatus.UNKNOWN
DISABLED = TaskStatus.DISABLED
SUSPENDED = TaskStatus.SUSPENDED

_NOBODY_SAID = ErrorInfo(type="UnknownError", message="the worker did not say why")


def add_task(state: SchedulerState, command: cmd.AddTask, now: float) -> Decision:
    """Take note of what a worker knows of a task."""
    run = state.runs.get(command.run_id)
    if run is None or run.ended_at is not None:
        return unknown_run(command.run_id)
    record = command.task
    task = state.tasks.get(record.task_id)
    worker = state.workers.get(command.worker_id)
    if worker is not None and worker.disabled and (task is None or task.execution is None):
        return refuse("worker_disabled", f"worker {command.worker_id!r} is disabled")
    if command.status not in _OBSERVABLE:
        return refuse(
            "wrong_status",
            f"a worker may add a task as {', '.join(_OBSERVABLE)}, not as {command.status}",
        )
    events = heard(state, command.worker_id, run, now)
    if task is None or task.record is None:
        status, deps = command.status, command.deps or ()
    else:
        status, deps = _observed(task, command), _required(task, command)
        if not _says_more(task, run, command, status, deps):
            return Decision(_ADDED[status], events)
    default = state.config.retry
    events.append(
        ev.TaskAdded(
            seq=state.next_seq + len(events),
            at=now,
            run_id=command.run_id,
            task=record,
            status=status,
            deps=deps,
            runnable=command.runnable,
            worker_id=command.worker_id,
            retry=merge_retry(command.retry, default) if command.retry is not None else default,
            timeout=command.timeout,
            batchable=command.batchable,
        )
    )
    if status is UNKNOWN:
        error = command.error or _NOBODY_SAID
        draft = Draft(state, now, events)
        draft.add(ev.PlanFailed, run_id=run.run_id, task_id=record.task_id, error=error)
    elif status is DISABLED and (task is None or task not in state.disabled):
        Draft(state, now, events).add(ev.TaskDisabled, run_id=run.run_id, task_id=record.task_id)
    return Decision(_ADDED[status], events)


_ADDED = {status: cmd.Added(status=status) for status in TaskStatus}
_OBSERVABLE = (PENDING, DONE, DISABLED, UNKNOWN)


def _observed(task: Task, command: cmd.AddTask) -> TaskStatus:
    """The status of a known task after an observation (Luigi S-21 to S-24)."""
    old, new = task.status, command.status
    if task.execution is not None:
        return old
    if old is DONE:
        # Done for the run is enough where no output can show it; else the later fact holds.
        done_here = task.ran_in == command.run_id and not command.task.has_output
        return old if done_here or command.as_of < task.changed else new
    if old is DISABLED and task.setbacks is not None and task.setbacks.disabled_until is not None:
        return DONE if new is DONE else old
    if old is SUSPENDED and new is PENDING:
        return old
    return new


def _required(task: Task, command: cmd.AddTask) -> tuple[str, ...]:
    """The requirements of a known task after an observation."""
    known = tuple([dep.task_id for dep in task.deps])
    if command.deps is None or task.execution is not None:
        return known
    if task.status is SUSPENDED:
        return tuple(dict.fromkeys((*known, *command.deps)))
    return command.deps or (known if command.status is DONE else ())


def _says_more(
    task: Task, run: Run, command: cmd.AddTask, status: TaskStatus, deps: tuple[str, ...]
) -> bool:
    return (
        run not in task.runs
        or (run in task.runners) is not command.runnable
        or status is not task.status
        or task.record != command.task
        or task.timeout != command.timeout
        or tuple([dep.task_id for dep in task.deps]) != tuple(dict.fromkeys(deps))
        or (command.retry is not None and task.retry != command.retry)
    )
