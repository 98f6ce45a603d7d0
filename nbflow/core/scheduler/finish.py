"""What a running task's reports lead to: its end, its suspension, its progress.

A report counts only with the token of the current execution. A task that runs for a batch speaks
for its members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.core import events as ev
from nbflow.core.call import Busy, Done, Failed, FoundComplete, Interrupted, Missing
from nbflow.core.scheduler.decision import ACKNOWLEDGED, Decision, Draft, heard, refuse
from nbflow.core.scheduler.retry import fail
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.scheduler import commands as cmd
    from nbflow.core.scheduler.entities import Task
    from nbflow.core.scheduler.state import SchedulerState

DONE = TaskStatus.DONE


def finish_task(state: SchedulerState, command: cmd.FinishTask, now: float) -> Decision:
    """Take note of how an execution ended."""
    task, refused = held(state, command.task_id, command.token, members=True)
    if task is None:
        return refused
    events = heard(state, command.worker_id, None, now)
    outcome = command.outcome
    if type(outcome) is Done and task.executing().batch is None:  # as most do
        events.append(_succeeded(task, outcome, state.next_seq + len(events), now))
    else:
        OUTCOMES[type(outcome)](state, Draft(state, now, events), task, outcome)
    return Decision(ACKNOWLEDGED, events)


def _succeeded(task: Task, outcome: Done, seq: int, now: float) -> ev.TaskSucceeded:
    return ev.TaskSucceeded(
        seq=seq,
        at=now,
        run_id=task.executing().run.run_id,
        task_id=task.task_id,
        attempt=task.attempt,
        seconds=outcome.seconds,
        outputs=outcome.outputs,
        inputs=outcome.inputs,
        note=outcome.note,
    )


def _done(state: SchedulerState, draft: Draft, task: Task, outcome: Done) -> None:
    events = draft.events
    for one in with_members(task):
        events.append(_succeeded(one, outcome, state.next_seq + len(events), draft.at))


def _found_complete(_: SchedulerState, draft: Draft, task: Task, outcome: FoundComplete) -> None:
    run_id = task.executing().run.run_id
    for one in with_members(task):
        draft.add(ev.TaskFoundComplete, run_id=run_id, task_id=one.task_id, note=outcome.note)


def _failed(state: SchedulerState, draft: Draft, task: Task, outcome: Failed) -> None:
    fail(state, draft, task, outcome.error, outcome.seconds)


def _missing(state: SchedulerState, draft: Draft, task: Task, outcome: Missing) -> None:
    """Put the requirements back that are missing since they were done, and the task with them."""
    since = task.executing().seq
    lost = [
        dep
        for task_id in dict.fromkeys(outcome.task_ids)
        if (dep := state.tasks.get(task_id)) is not None
        and dep.status is DONE
        and dep.changed <= since
    ]
    times = task.setbacks.missing if task.setbacks is not None else 0
    if not lost or times >= state.config.max_reschedules:
        fail(state, draft, task, outcome.error, 0.0)
        return
    run_id = task.executing().run.run_id
    for dep in lost:
        draft.add(
            ev.TaskRequeued,
            run_id=run_id,
            task_id=dep.task_id,
            reason="it was done but is no longer complete",
        )
    draft.requeue(task, "requirements are missing", unbegun=True)


def _busy(state: SchedulerState, draft: Draft, task: Task, outcome: Busy) -> None:
    config = state.config
    times = task.setbacks.busy if task.setbacks is not None else 0
    delay = min(config.busy_delay_limit, config.busy_delay * 2 ** min(times, 60))
    holder = outcome.holder or (f"process {outcome.pid}" if outcome.pid else "another process")
    draft.requeue(task, f"{holder} is running it", not_before=draft.at + delay, unbegun=True)


def _interrupted(_: SchedulerState, draft: Draft, task: Task, outcome: Interrupted) -> None:
    draft.requeue(task, outcome.reason, withheld=True)


OUTCOMES: dict[type, Callable[[SchedulerState, Draft, Task, Any], None]] = {
    Done: _done,
    FoundComplete: _found_complete,
    Failed: _failed,
    Missing: _missing,
    Busy: _busy,
    Interrupted: _interrupted,
}


def held(
    state: SchedulerState, task_id: str, token: int, *, members: bool = False
) -> tuple[Task | None, Decision]:
    """The running task of which `token` is the current one, or why there is none.

    With `members` also a member of a batch of which the worker has not made a task yet.
    """
    task = state.tasks.get(task_id)
    if task is None:
        return None, refuse("unknown_task", f"no task {task_id!r} is known")
    execution = task.execution
    if execution is None or execution.token != token:
        return None, refuse(
            "stale_token", f"token {token} of {task_id} is not the current one; drop this execution"
        )
    batch = execution.batch
    if batch is not None and batch.task is not task and (batch.task is not None or not members):
        return None, refuse("wrong_status", f"{task_id} runs as part of {batch.batch_id}")
    return task, _NO_REFUSAL


_NO_REFUSAL = Decision(ACKNOWLEDGED)


def with_members(task: Task) -> list[Task]:
    """The task and what its execution stands for."""
    batch = task.executing().batch
    return [task] if batch is None or batch.task is not task else [task, *batch.members]


def progress(state: SchedulerState, command: cmd.Progress, now: float) -> Decision:
    """Take note of how a running task stands."""
    task, refused = held(state, command.task_id, command.token)
    if task is None:
        return refused
    event = ev.TaskProgressed(
        seq=state.next_seq,
        at=now,
        run_id=task.executing().run.run_id,
        task_id=task.task_id,
        fraction=command.fraction,
        message=command.message,
        tracking_url=command.tracking_url,
    )
    return Decision(ACKNOWLEDGED, [event])


def decrease_resources(
    state: SchedulerState, command: cmd.DecreaseResources, now: float
) -> Decision:
    """Let a running task give back part of what it holds."""
    task, refused = held(state, command.task_id, command.token)
    if task is None:
        return refused
    event = ev.TaskResourcesDecreased(
        seq=state.next_seq,
        at=now,
        run_id=task.executing().run.run_id,
        task_id=task.task_id,
        amounts=command.amounts,
    )
    return Decision(ACKNOWLEDGED, [event])


def suspend_task(state: SchedulerState, command: cmd.SuspendTask, now: float) -> Decision:
    """Let a task wait for the requirements that it yielded."""
    task, refused = held(state, command.task_id, command.token)
    if task is None:
        return refused
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    draft.add(
        ev.TaskSuspended,
        run_id=task.executing().run.run_id,
        task_id=task.task_id,
        new_deps=command.new_deps,
    )
    return Decision(ACKNOWLEDGED, draft.events)
