"""What follows from failures and from time: retries, disabling, lost workers, forgotten runs.

Source: counting and windows are Luigi's (S-40 to S-42, S-60 to S-62); a task whose worker falls
silent is handed out again and not failed, which is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.events import (
    RunFinished,
    RunsForgotten,
    TaskDisabled,
    TaskEnabled,
    TaskFailed,
    TaskForgotten,
    TaskRequeued,
    WorkerLost,
)
from nbflow.core.scheduler.decision import ACKNOWLEDGED, Decision, Draft
from nbflow.core.status import ExitCode, RunStatus, TaskStatus

if TYPE_CHECKING:
    from nbflow.core.call import ErrorInfo
    from nbflow.core.events import RetryPolicy
    from nbflow.core.scheduler.commands import Tick
    from nbflow.core.scheduler.entities import Run, Setbacks, Task, Worker
    from nbflow.core.scheduler.state import SchedulerState


def fail(state: SchedulerState, draft: Draft, task: Task, error: ErrorInfo, seconds: float) -> None:
    """Fail a running task, and all that runs with it in a batch."""
    batch = task.executing().batch
    _fail_one(state, draft, task, error, seconds)
    if batch is not None and batch.task is task:
        for member in batch.members:
            _fail_one(state, draft, member, error, seconds)
        if batch.synthetic:  # its members are tried again, not it (Luigi S-54)
            draft.add(TaskForgotten, run_id=batch.run.run_id, task_id=task.task_id)


def _fail_one(
    state: SchedulerState, draft: Draft, task: Task, error: ErrorInfo, seconds: float
) -> None:
    execution = task.executing()
    batch = execution.batch
    policy = task.retry
    if batch is not None and batch.synthetic and batch.task is task:
        policy = None
    failures = _recent_failures(policy, task.setbacks, draft.at) + 1
    excessive = _is_excessive(policy, task.setbacks, failures, draft.at)
    run_id = execution.run.run_id
    draft.add(
        TaskFailed,
        run_id=run_id,
        task_id=task.task_id,
        error=error,
        attempt=task.attempt,
        seconds=seconds,
        retry_at=None if excessive else retry_at(policy, draft.at),
    )
    if excessive:
        draft.add(
            TaskDisabled,
            run_id=run_id,
            task_id=task.task_id,
            failures=failures,
            until=draft.at + state.config.disable_persist,
        )


def retry_at(policy: RetryPolicy | None, now: float) -> float | None:
    """When a task that fails now is tried again; None: not."""
    if policy is None or policy.retry_delay is None or policy.retry_delay < 0:
        return None
    return now + policy.retry_delay


def _recent_failures(policy: RetryPolicy | None, setbacks: Setbacks | None, now: float) -> int:
    if setbacks is None:
        return 0
    if policy is None or policy.disable_window is None:
        return len(setbacks.failures)
    return sum(at >= now - policy.disable_window for at in setbacks.failures)


def _is_excessive(
    policy: RetryPolicy | None, setbacks: Setbacks | None, failures: int, now: float
) -> bool:
    if policy is None:
        return False
    if policy.retry_count is not None and failures >= policy.retry_count:
        return True
    if policy.disable_hard_timeout is None:
        return False
    first = setbacks.first_failure if setbacks is not None else None
    return now >= (now if first is None else first) + policy.disable_hard_timeout


# -- time -------------------------------------------------------------------------------------


def tick(state: SchedulerState, _: Tick, now: float) -> Decision:
    """Let everything happen whose time has come."""
    draft = Draft(state, now)
    for worker in state.workers.values():
        _check_worker(state, draft, worker)
    for run in state.runs.values():
        if run.ended_at is None:
            _check_run(state, draft, run)
    for task in state.disabled:
        setbacks = task.setbacks
        until = setbacks.disabled_until if setbacks is not None else None
        if until is not None and until <= now:
            enable(draft, task)
    forget_runs(state, draft)
    return Decision(ACKNOWLEDGED, draft.events)


def enable(draft: Draft, task: Task) -> None:
    """Let a disabled task count as failed, to be tried after its delay (Luigi S-80)."""
    at = retry_at(task.retry, draft.at)
    draft.add(TaskEnabled, task_id=task.task_id, retry_at=draft.at if at is None else at)


def forget_runs(state: SchedulerState, draft: Draft) -> None:
    """Forget runs that ended long enough ago."""
    before = draft.at - state.config.remove_delay
    old = tuple(
        run.run_id for run in state.ended if run.ended_at is not None and run.ended_at <= before
    )
    if old:
        draft.add(RunsForgotten, run_ids=old)


def _check_worker(state: SchedulerState, draft: Draft, worker: Worker) -> None:
    silent = draft.at - worker.contact
    if silent >= state.config.lease_seconds:
        draft.revoke(worker, f"its worker was silent for {silent:.0f} s")
    if silent > state.config.worker_disconnect_delay:
        draft.add(WorkerLost, worker_id=worker.worker_id)


def _check_run(state: SchedulerState, draft: Draft, run: Run) -> None:
    for at, _, task in run.timers:
        if at <= draft.at and task.due == at and task.runs[0] is run:
            reason = "tried again" if task.status is TaskStatus.FAILED else "its time has come"
            draft.add(TaskRequeued, run_id=run.run_id, task_id=task.task_id, reason=reason)
    if run.deserted_at is not None and run.deserted_at + state.config.remove_delay < draft.at:
        draft.add(
            RunFinished,
            run_id=run.run_id,
            status=RunStatus.INTERRUPTED,
            exit_code=ExitCode.INTERRUPTED,
        )
