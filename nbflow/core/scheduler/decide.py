"""What follows from a command: one branch a command, reading the state and changing nothing.

A command of a session that was answered before gets the first answer again. What a slow or
repeated sender may get wrong is answered by `Refused`; nothing raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.core import events as ev
from nbflow.core.call import (
    Busy,
    Done,
    ErrorInfo,
    Failed,
    FoundComplete,
    Interrupted,
    Missing,
)
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.assign import claim_batch, next_task
from nbflow.core.scheduler.decision import Decision, Draft, heard
from nbflow.core.scheduler.policy import merge_retry
from nbflow.core.scheduler.retry import enable, fail, forget_runs, tick
from nbflow.core.status import ExitCode, RunStatus, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.scheduler.commands import Command
    from nbflow.core.scheduler.entities import Execution, Run, Task
    from nbflow.core.scheduler.state import SchedulerState

PENDING = TaskStatus.PENDING
DONE = TaskStatus.DONE
UNKNOWN = TaskStatus.UNKNOWN
DISABLED = TaskStatus.DISABLED
SUSPENDED = TaskStatus.SUSPENDED

_ACKNOWLEDGED = cmd.Acknowledged()
_NOBODY_SAID = ErrorInfo(type="UnknownError", message="the worker did not say why")


def decide(state: SchedulerState, command: Command, now: float) -> Decision:
    """What follows from `command` at time `now` (Unix seconds). Reads `state`, changes nothing."""
    if command.session:
        return _decide_once(state, command, now)
    return BRANCHES[type(command)](state, command, now)


def _decide_once(state: SchedulerState, command: Command, now: float) -> Decision:
    session, sequence = command.session, command.sequence
    answer = state.answer(session, sequence)
    if answer is not None:
        return Decision(msgspec.json.decode(answer, type=cmd.AnyReply))
    known = state.sessions.get(session)
    if known is not None and sequence <= known.forgotten:
        return _refuse(
            "answer_forgotten",
            f"command {sequence} of session {session!r} was answered too long ago to know how",
        )
    decision = BRANCHES[type(command)](state, command, now)
    answered = ev.CommandAnswered(
        seq=state.next_seq + len(decision.events),
        at=now,
        session=session,
        sequence=sequence,
        reply=msgspec.Raw(msgspec.json.encode(decision.reply)),
    )
    return Decision(decision.reply, [*decision.events, answered], decision.looked_at)


# -- runs -------------------------------------------------------------------------------------


def _start_run(state: SchedulerState, command: cmd.StartRun, now: float) -> Decision:
    known = state.runs.get(command.run_id)
    draft = Draft(state, now)
    forget_runs(state, draft)
    if known is not None:
        if known.ended_at is None:
            return Decision(_ACKNOWLEDGED)
        return _refuse("wrong_status", f"run {command.run_id!r} has ended; start another one")
    draft.add(ev.RunStarted, run_id=command.run_id, info=command.info)
    return Decision(_ACKNOWLEDGED, draft.events)


def _end_run(state: SchedulerState, command: cmd.EndRun, now: float) -> Decision:
    run = state.runs.get(command.run_id)
    if run is None:
        return _unknown_run(command.run_id)
    if run.ended_at is not None:
        return Decision(_ACKNOWLEDGED)
    draft = Draft(state, now)
    end_run(state, draft, run, status=command.status, exit_code=command.exit_code)
    return Decision(_ACKNOWLEDGED, draft.events)


def end_run(
    state: SchedulerState,
    draft: Draft,
    run: Run,
    *,
    status: RunStatus | None,
    exit_code: int | None,
) -> None:
    """End a run; what still runs for it is taken back, so that late reports are refused."""
    if status is None:
        status = _status_of(state, run)
    if exit_code is None:
        exit_code = _exit_code(run, status)
    for _, _, task in run.ranks:
        draft.requeue(task, "its run ended", withheld=True)
    for batch in state.batches.values():
        if batch.run is run and (batch.task is None or batch.task.execution is None):
            draft.requeue_batch(batch, "its run ended", withheld=True)
    draft.add(ev.RunFinished, run_id=run.run_id, status=status, exit_code=exit_code)


def _status_of(state: SchedulerState, run: Run) -> RunStatus:
    roots = [state.tasks.get(task_id) for task_id in run.info.roots]
    if all(root is not None and root.status is DONE for root in roots):
        return RunStatus.SUCCEEDED
    return RunStatus.CANCELLED if run.cancelled else RunStatus.FAILED


def _exit_code(run: Run, status: RunStatus) -> int:
    """The highest of the codes that hold (decisions D3)."""
    if status is RunStatus.SUCCEEDED:
        return ExitCode.COMPLETE
    if status is not RunStatus.FAILED:
        return ExitCode.INTERRUPTED
    codes = [_code_of(task, run) for task in run.tasks]
    return max(codes, default=ExitCode.COMPLETE) or ExitCode.NOT_PLANNED


def _code_of(task: Task, run: Run) -> ExitCode:
    """What a task that is not done says of its run."""
    status = task.status
    if status is DONE:
        return ExitCode.COMPLETE
    if status is TaskStatus.FAILED:
        return ExitCode.TASK_FAILED
    if status is DISABLED:
        failed_here = task.ran_in == run.run_id and task.setbacks is not None
        return ExitCode.TASK_FAILED if failed_here else ExitCode.NOT_PLANNED
    if status is UNKNOWN:
        return ExitCode.NOT_PLANNED
    if task.execution is not None:
        return ExitCode.COMPLETE if task.execution.run is run else ExitCode.ELSEWHERE
    if task.due is not None:
        return ExitCode.ELSEWHERE
    return ExitCode.COMPLETE if run in task.runners else ExitCode.NOT_PLANNED


def _cancel_run(state: SchedulerState, command: cmd.CancelRun, now: float) -> Decision:
    run = state.runs.get(command.run_id)
    if run is None:
        return _unknown_run(command.run_id)
    if run.cancelled or run.ended_at is not None:
        return Decision(_ACKNOWLEDGED)
    event = ev.RunCancelled(seq=state.next_seq, at=now, run_id=run.run_id)
    return Decision(_ACKNOWLEDGED, [event])


# -- tasks that workers know of ---------------------------------------------------------------


def _add_task(state: SchedulerState, command: cmd.AddTask, now: float) -> Decision:
    run = state.runs.get(command.run_id)
    if run is None or run.ended_at is not None:
        return _unknown_run(command.run_id)
    record = command.task
    task = state.tasks.get(record.task_id)
    worker = state.workers.get(command.worker_id)
    if worker is not None and worker.disabled and (task is None or task.execution is None):
        return _refuse("worker_disabled", f"worker {command.worker_id!r} is disabled")
    if command.status not in _OBSERVABLE:
        return _refuse(
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
            retry=merge_retry(command.retry, state.config.retry),
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


def _suspend_task(state: SchedulerState, command: cmd.SuspendTask, now: float) -> Decision:
    task, refused = _held(state, command.task_id, command.token)
    if task is None:
        return refused
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    draft.add(
        ev.TaskSuspended,
        run_id=_execution(task).run.run_id,
        task_id=task.task_id,
        new_deps=command.new_deps,
    )
    return Decision(_ACKNOWLEDGED, draft.events)


# -- how executions end -----------------------------------------------------------------------


def _finish_task(state: SchedulerState, command: cmd.FinishTask, now: float) -> Decision:
    task, refused = _held(state, command.task_id, command.token)
    if task is None:
        return refused
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    OUTCOMES[type(command.outcome)](state, draft, task, command.outcome)
    return Decision(_ACKNOWLEDGED, draft.events)


def _done(state: SchedulerState, draft: Draft, task: Task, outcome: Done) -> None:
    events = draft.events
    run_id = _execution(task).run.run_id
    for one in _with_members(task):
        events.append(
            ev.TaskSucceeded(
                seq=state.next_seq + len(events),
                at=draft.at,
                run_id=run_id,
                task_id=one.task_id,
                attempt=one.attempt,
                seconds=outcome.seconds,
                outputs=outcome.outputs,
                inputs=outcome.inputs,
                note=outcome.note,
            )
        )


def _found_complete(_: SchedulerState, draft: Draft, task: Task, outcome: FoundComplete) -> None:
    run_id = _execution(task).run.run_id
    for one in _with_members(task):
        draft.add(ev.TaskFoundComplete, run_id=run_id, task_id=one.task_id, note=outcome.note)


def _failed(state: SchedulerState, draft: Draft, task: Task, outcome: Failed) -> None:
    fail(state, draft, task, outcome.error, outcome.seconds)


def _missing(state: SchedulerState, draft: Draft, task: Task, outcome: Missing) -> None:
    """Put the requirements back that are missing since they were done, and the task with them."""
    since = _execution(task).seq
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
    run_id = _execution(task).run.run_id
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


def _held(state: SchedulerState, task_id: str, token: int) -> tuple[Task | None, Decision]:
    """The running task of which `token` is the current one, or why there is none."""
    task = state.tasks.get(task_id)
    if task is None:
        return None, _refuse("unknown_task", f"no task {task_id!r} is known")
    execution = task.execution
    if execution is None or execution.token != token:
        return None, _refuse(
            "stale_token", f"token {token} of {task_id} is not the current one; drop this execution"
        )
    batch = execution.batch
    if batch is not None and batch.task is not None and batch.task is not task:
        return None, _refuse("wrong_status", f"{task_id} runs as part of {batch.task.task_id}")
    return task, _NO_REFUSAL


_NO_REFUSAL = Decision(_ACKNOWLEDGED)


def _execution(task: Task) -> Execution:
    assert task.execution is not None  # callers have checked the token
    return task.execution


def _with_members(task: Task) -> list[Task]:
    """The task and what its execution stands for."""
    batch = _execution(task).batch
    return [task] if batch is None or batch.task is not task else [task, *batch.members]


def _progress(state: SchedulerState, command: cmd.Progress, now: float) -> Decision:
    task, refused = _held(state, command.task_id, command.token)
    if task is None:
        return refused
    event = ev.TaskProgressed(
        seq=state.next_seq,
        at=now,
        run_id=_execution(task).run.run_id,
        task_id=task.task_id,
        fraction=command.fraction,
        message=command.message,
        tracking_url=command.tracking_url,
    )
    return Decision(_ACKNOWLEDGED, [event])


def _decrease_resources(
    state: SchedulerState, command: cmd.DecreaseResources, now: float
) -> Decision:
    task, refused = _held(state, command.task_id, command.token)
    if task is None:
        return refused
    event = ev.TaskResourcesDecreased(
        seq=state.next_seq,
        at=now,
        run_id=_execution(task).run.run_id,
        task_id=task.task_id,
        amounts=command.amounts,
    )
    return Decision(_ACKNOWLEDGED, [event])


# -- workers ----------------------------------------------------------------------------------


def _join_worker(state: SchedulerState, command: cmd.JoinWorker, now: float) -> Decision:
    event = ev.WorkerJoined(
        seq=state.next_seq,
        at=now,
        worker_id=command.worker_id,
        slots=command.slots,
        host=command.host,
        pid=command.pid,
        assistant=command.assistant,
    )
    return Decision(_ACKNOWLEDGED, [event])


def _leave_worker(state: SchedulerState, command: cmd.LeaveWorker, now: float) -> Decision:
    worker = state.workers.get(command.worker_id)
    if worker is None:
        return Decision(_ACKNOWLEDGED)
    draft = Draft(state, now)
    draft.revoke(worker, "its worker left")
    draft.add(ev.WorkerLost, worker_id=worker.worker_id)
    return Decision(_ACKNOWLEDGED, draft.events)


def _disable_worker(state: SchedulerState, command: cmd.DisableWorker, now: float) -> Decision:
    worker = state.workers.get(command.worker_id)
    if worker is None:
        return _refuse("unknown_worker", f"no worker {command.worker_id!r} is known")
    if worker.disabled:
        return Decision(_ACKNOWLEDGED)
    event = ev.WorkerDisabled(seq=state.next_seq, at=now, worker_id=worker.worker_id)
    return Decision(_ACKNOWLEDGED, [event])


def _heartbeat(state: SchedulerState, command: cmd.Heartbeat, now: float) -> Decision:
    if command.worker_id not in state.workers:
        return _refuse("unknown_worker", f"no worker {command.worker_id!r} is known; join again")
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    return Decision(_ACKNOWLEDGED, draft.events)


def _add_batcher(state: SchedulerState, command: cmd.AddBatcher, now: float) -> Decision:
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    draft.add(
        ev.BatcherAdded,
        worker_id=command.worker_id,
        family=command.family,
        parameters=command.parameters,
        max_batch_size=command.max_batch_size,
    )
    return Decision(_ACKNOWLEDGED, draft.events)


# -- what people ask for ----------------------------------------------------------------------


def _forgive_failures(state: SchedulerState, command: cmd.ForgiveFailures, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if task is None or task.status is not TaskStatus.FAILED:
        return _not_so(task, command.task_id, "failed")
    event = ev.TaskRequeued(
        seq=state.next_seq, at=now, task_id=task.task_id, reason="its failures were forgiven"
    )
    return Decision(_ACKNOWLEDGED, [event])


def _enable_task(state: SchedulerState, command: cmd.EnableTask, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if task is None or task not in state.disabled:
        return _not_so(task, command.task_id, "disabled by the scheduler")
    draft = Draft(state, now)
    enable(draft, task)
    return Decision(_ACKNOWLEDGED, draft.events)


def _mark_done(state: SchedulerState, command: cmd.MarkDone, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if task is None or task.status not in _MARKABLE:
        return _not_so(task, command.task_id, "running, failed or disabled")
    draft = Draft(state, now)
    tasks = [task] if task.execution is None else _with_members(task)
    for one in tasks:
        draft.add(ev.TaskFoundComplete, task_id=one.task_id, note="marked done by a person")
    return Decision(_ACKNOWLEDGED, draft.events)


_MARKABLE = (TaskStatus.RUNNING, TaskStatus.FAILED, DISABLED)


def _set_resources(state: SchedulerState, command: cmd.SetResources, now: float) -> Decision:
    event = ev.ResourcesSet(seq=state.next_seq, at=now, totals=command.totals)
    return Decision(_ACKNOWLEDGED, [event])


def _pause(state: SchedulerState, _: cmd.Pause, now: float) -> Decision:
    if not state.config.pause_enabled:
        return _refuse("wrong_status", "this scheduler cannot be paused (pause_enabled is off)")
    if state.paused:
        return Decision(_ACKNOWLEDGED)
    return Decision(_ACKNOWLEDGED, [ev.SchedulerPaused(seq=state.next_seq, at=now)])


def _resume(state: SchedulerState, _: cmd.Resume, now: float) -> Decision:
    if not state.paused:
        return Decision(_ACKNOWLEDGED)
    return Decision(_ACKNOWLEDGED, [ev.SchedulerResumed(seq=state.next_seq, at=now)])


def _send_message(state: SchedulerState, command: cmd.SendMessage, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if not state.config.send_messages:
        return _refuse("wrong_status", "this scheduler sends no messages (send_messages is off)")
    if task is None or task.status is not TaskStatus.RUNNING:
        return _not_so(task, command.task_id, "running")
    event = ev.MessageSent(
        seq=state.next_seq,
        at=now,
        run_id=_execution(task).run.run_id,
        task_id=task.task_id,
        message_id=command.message_id,
        content=command.content,
    )
    return Decision(_ACKNOWLEDGED, [event])


# -- refusals ---------------------------------------------------------------------------------


def _refuse(code: str, reason: str) -> Decision:
    return Decision(cmd.Refused(code=code, reason=reason))


def _unknown_run(run_id: str) -> Decision:
    return _refuse("unknown_run", f"there is no run {run_id!r} going on")


def _not_so(task: Task | None, task_id: str, expected: str) -> Decision:
    if task is None:
        return _refuse("unknown_task", f"no task {task_id!r} is known")
    return _refuse("wrong_status", f"{task_id} is {task.status}, not {expected}")


#: One branch a command; a test holds it complete.
BRANCHES: dict[type[Command], Callable[[SchedulerState, Any, float], Decision]] = {
    cmd.StartRun: _start_run,
    cmd.EndRun: _end_run,
    cmd.CancelRun: _cancel_run,
    cmd.JoinWorker: _join_worker,
    cmd.LeaveWorker: _leave_worker,
    cmd.AddBatcher: _add_batcher,
    cmd.AddTask: _add_task,
    cmd.RequestTask: next_task,
    cmd.ClaimBatch: claim_batch,
    cmd.FinishTask: _finish_task,
    cmd.SuspendTask: _suspend_task,
    cmd.Progress: _progress,
    cmd.DecreaseResources: _decrease_resources,
    cmd.Heartbeat: _heartbeat,
    cmd.Tick: tick,
    cmd.ForgiveFailures: _forgive_failures,
    cmd.EnableTask: _enable_task,
    cmd.MarkDone: _mark_done,
    cmd.SetResources: _set_resources,
    cmd.Pause: _pause,
    cmd.Resume: _resume,
    cmd.DisableWorker: _disable_worker,
    cmd.SendMessage: _send_message,
}
