"""What follows from a command: one branch a command, reading the state and changing nothing.

A command of a session that was answered before gets the first answer again. What a slow or
repeated sender may get wrong is answered by `Refused`; nothing raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.core import events as ev
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.add import add_task
from nbflow.core.scheduler.assign import claim_batch, next_task
from nbflow.core.scheduler.decision import (
    ACKNOWLEDGED,
    Decision,
    Draft,
    heard,
    not_so,
    refuse,
    unknown_run,
)
from nbflow.core.scheduler.finish import (
    decrease_resources,
    finish_task,
    progress,
    suspend_task,
    with_members,
)
from nbflow.core.scheduler.retry import enable, forget_runs, tick
from nbflow.core.status import ExitCode, RunStatus, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.scheduler.commands import Command
    from nbflow.core.scheduler.entities import Run, Task
    from nbflow.core.scheduler.state import SchedulerState

PENDING = TaskStatus.PENDING
DONE = TaskStatus.DONE
UNKNOWN = TaskStatus.UNKNOWN
DISABLED = TaskStatus.DISABLED
SUSPENDED = TaskStatus.SUSPENDED


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
        return refuse(
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
            return Decision(ACKNOWLEDGED)
        return refuse("wrong_status", f"run {command.run_id!r} has ended; start another one")
    draft.add(ev.RunStarted, run_id=command.run_id, info=command.info)
    return Decision(ACKNOWLEDGED, draft.events)


def _end_run(state: SchedulerState, command: cmd.EndRun, now: float) -> Decision:
    run = state.runs.get(command.run_id)
    if run is None:
        return unknown_run(command.run_id)
    if run.ended_at is not None:
        return Decision(ACKNOWLEDGED)
    draft = Draft(state, now)
    end_run(state, draft, run, status=command.status, exit_code=command.exit_code)
    return Decision(ACKNOWLEDGED, draft.events)


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
        return unknown_run(command.run_id)
    if run.cancelled or run.ended_at is not None:
        return Decision(ACKNOWLEDGED)
    event = ev.RunCancelled(seq=state.next_seq, at=now, run_id=run.run_id)
    return Decision(ACKNOWLEDGED, [event])


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
    return Decision(ACKNOWLEDGED, [event])


def _leave_worker(state: SchedulerState, command: cmd.LeaveWorker, now: float) -> Decision:
    worker = state.workers.get(command.worker_id)
    if worker is None:
        return Decision(ACKNOWLEDGED)
    draft = Draft(state, now)
    draft.revoke(worker, "its worker left")
    draft.add(ev.WorkerLost, worker_id=worker.worker_id)
    return Decision(ACKNOWLEDGED, draft.events)


def _disable_worker(state: SchedulerState, command: cmd.DisableWorker, now: float) -> Decision:
    worker = state.workers.get(command.worker_id)
    if worker is None:
        return refuse("unknown_worker", f"no worker {command.worker_id!r} is known")
    if worker.disabled:
        return Decision(ACKNOWLEDGED)
    event = ev.WorkerDisabled(seq=state.next_seq, at=now, worker_id=worker.worker_id)
    return Decision(ACKNOWLEDGED, [event])


def _heartbeat(state: SchedulerState, command: cmd.Heartbeat, now: float) -> Decision:
    if command.worker_id not in state.workers:
        return refuse("unknown_worker", f"no worker {command.worker_id!r} is known; join again")
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    return Decision(ACKNOWLEDGED, draft.events)


def _add_batcher(state: SchedulerState, command: cmd.AddBatcher, now: float) -> Decision:
    draft = Draft(state, now, heard(state, command.worker_id, None, now))
    draft.add(
        ev.BatcherAdded,
        worker_id=command.worker_id,
        family=command.family,
        parameters=command.parameters,
        max_batch_size=command.max_batch_size,
    )
    return Decision(ACKNOWLEDGED, draft.events)


# -- what people ask for ----------------------------------------------------------------------


def _forgive_failures(state: SchedulerState, command: cmd.ForgiveFailures, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if task is None or task.status is not TaskStatus.FAILED:
        return not_so(task, command.task_id, "failed")
    event = ev.TaskRequeued(
        seq=state.next_seq, at=now, task_id=task.task_id, reason="its failures were forgiven"
    )
    return Decision(ACKNOWLEDGED, [event])


def _enable_task(state: SchedulerState, command: cmd.EnableTask, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if task is None or task not in state.disabled:
        return not_so(task, command.task_id, "disabled by the scheduler")
    draft = Draft(state, now)
    enable(draft, task)
    return Decision(ACKNOWLEDGED, draft.events)


def _mark_done(state: SchedulerState, command: cmd.MarkDone, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if task is None or task.status not in _MARKABLE:
        return not_so(task, command.task_id, "running, failed or disabled")
    draft = Draft(state, now)
    tasks = [task] if task.execution is None else with_members(task)
    for one in tasks:
        draft.add(ev.TaskFoundComplete, task_id=one.task_id, note="marked done by a person")
    return Decision(ACKNOWLEDGED, draft.events)


_MARKABLE = (TaskStatus.RUNNING, TaskStatus.FAILED, DISABLED)


def _set_resources(state: SchedulerState, command: cmd.SetResources, now: float) -> Decision:
    event = ev.ResourcesSet(seq=state.next_seq, at=now, totals=command.totals)
    return Decision(ACKNOWLEDGED, [event])


def _pause(state: SchedulerState, _: cmd.Pause, now: float) -> Decision:
    if not state.config.pause_enabled:
        return refuse("wrong_status", "this scheduler cannot be paused (pause_enabled is off)")
    if state.paused:
        return Decision(ACKNOWLEDGED)
    return Decision(ACKNOWLEDGED, [ev.SchedulerPaused(seq=state.next_seq, at=now)])


def _resume(state: SchedulerState, _: cmd.Resume, now: float) -> Decision:
    if not state.paused:
        return Decision(ACKNOWLEDGED)
    return Decision(ACKNOWLEDGED, [ev.SchedulerResumed(seq=state.next_seq, at=now)])


def _send_message(state: SchedulerState, command: cmd.SendMessage, now: float) -> Decision:
    task = state.tasks.get(command.task_id)
    if not state.config.send_messages:
        return refuse("wrong_status", "this scheduler sends no messages (send_messages is off)")
    if task is None or task.status is not TaskStatus.RUNNING:
        return not_so(task, command.task_id, "running")
    event = ev.MessageSent(
        seq=state.next_seq,
        at=now,
        run_id=task.executing().run.run_id,
        task_id=task.task_id,
        message_id=command.message_id,
        content=command.content,
    )
    return Decision(ACKNOWLEDGED, [event])


#: One branch a command; a test holds it complete.
BRANCHES: dict[type[Command], Callable[[SchedulerState, Any, float], Decision]] = {
    cmd.StartRun: _start_run,
    cmd.EndRun: _end_run,
    cmd.CancelRun: _cancel_run,
    cmd.JoinWorker: _join_worker,
    cmd.LeaveWorker: _leave_worker,
    cmd.AddBatcher: _add_batcher,
    cmd.AddTask: add_task,
    cmd.RequestTask: next_task,
    cmd.ClaimBatch: claim_batch,
    cmd.FinishTask: finish_task,
    cmd.SuspendTask: suspend_task,
    cmd.Progress: progress,
    cmd.DecreaseResources: decrease_resources,
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
