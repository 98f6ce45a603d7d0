"""The scheduler's state: the fold of all events, kept by `apply` alone.

Folding the same events into a new state gives an equal state. What follows from the facts (which
tasks are ready, which can still run) is propagated along the edges when something changes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from heapq import heappush
from typing import TYPE_CHECKING, Any

from nbflow.core import events as ev
from nbflow.core.errors import InvariantError
from nbflow.core.scheduler.entities import (
    Batch,
    Batcher,
    Execution,
    ReadyQueue,
    Run,
    Session,
    Setbacks,
    Signature,
    Task,
    Worker,
)
from nbflow.core.scheduler.index import TaskIndex
from nbflow.core.scheduler.policy import SchedulerConfig
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

    from nbflow.core.events import RunEvent
    from nbflow.core.scheduler.entities import BatchKey

PENDING = TaskStatus.PENDING
RUNNING = TaskStatus.RUNNING
BATCH_RUNNING = TaskStatus.BATCH_RUNNING
SUSPENDED = TaskStatus.SUSPENDED
DONE = TaskStatus.DONE
FAILED = TaskStatus.FAILED
DISABLED = TaskStatus.DISABLED
UNKNOWN = TaskStatus.UNKNOWN

#: What a task may be added as that may run or need not.
_HOPEFUL = (PENDING, DONE)
#: Events that are remembered for the story of a task.
STORY_LENGTH = 500


class SchedulerState(TaskIndex):
    """All that is known of tasks, runs and workers. Changed by `apply` only; read by everybody.

    Parameters
    ----------
    config
        The numbers to decide by. A fold gives an equal state under an equal config.
    """

    def __init__(self, config: SchedulerConfig | None = None) -> None:
        self.config = config or SchedulerConfig()
        super().__init__(self.config.resources)
        #: Seconds during which a worker need not say again that it lives.
        self.freshness = self.config.lease_seconds / 4
        #: Number that the next event will have.
        self.next_seq = 1
        #: The highest fencing token that was given out.
        self.last_token = 0
        self.paused = False
        self.runs: dict[str, Run] = {}
        self.workers: dict[str, Worker] = {}
        self.batches: dict[str, Batch] = {}
        #: Batches whose task waits for requirements that it yielded, by that task.
        self.suspended_batches: dict[Task, Batch] = {}
        #: Ended runs, oldest first.
        self.ended: dict[Run, None] = {}
        #: Sessions of idempotent commands, the longest silent first.
        self.sessions: dict[str, Session] = {}
        self.recent: deque[RunEvent] = deque(maxlen=STORY_LENGTH)

    def apply(self, event: RunEvent) -> None:
        """Take in one fact. Raises InvariantError for one that cannot follow the others."""
        if event.seq < self.next_seq:
            raise InvariantError(
                f"event {event.seq} came after event {self.next_seq - 1}; "
                "apply each event once, in order."
            )
        _APPLY[type(event)](self, event)
        self.next_seq = event.seq + 1
        self.recent.append(event)

    def validate(self) -> None:
        """Check that the state does not contradict itself. Slow: for tests and after a restart.

        Raises
        ------
        InvariantError
            With the rule that is broken and the story of the task concerned.
        """
        from nbflow.core.scheduler.invariants import check

        check(self)

    def story(self, task_id: str) -> list[RunEvent]:
        """The last events about a task, oldest first."""
        return [
            event
            for event in self.recent
            if getattr(event, "task_id", None) == task_id
            or task_id in getattr(event, "members", ())
            or (isinstance(event, ev.TaskAdded) and event.task.task_id == task_id)
        ]

    def answer(self, session: str, sequence: int) -> msgspec.Raw | None:
        """The first answer to a command, or None if it is new."""
        known = self.sessions.get(session)
        return None if known is None else known.answers.get(sequence)

    # -- runs ---------------------------------------------------------------------------------

    def _run_started(self, event: ev.RunStarted) -> None:
        self.runs[event.run_id] = Run(event.run_id, event.info, event.at)

    def _run_finished(self, event: ev.RunFinished) -> None:
        run = self.runs[event.run_id]
        run.status = event.status
        run.exit_code = event.exit_code
        run.ended_at = event.at
        self.ended[run] = None
        for task in run.tasks:
            if task.runners is run.alone and task.status is DONE:
                task.runners = ()
            elif run in task.runners:
                self._set_runners(task, _without(task.runners, run))
        for worker in run.workers:
            del worker.runs[run]
        run.workers.clear()
        run.slots = 0
        run.queues.clear()
        run.timers.clear()

    def _run_cancelled(self, event: ev.RunCancelled) -> None:
        self.runs[event.run_id].cancelled = True

    def _runs_forgotten(self, event: ev.RunsForgotten) -> None:
        for run_id in event.run_ids:
            run = self.runs.pop(run_id)
            self.ended.pop(run, None)
            for task in run.tasks:
                task.runs = () if task.runs is run.alone else _without(task.runs, run)
                self._forget_if_unwanted(task)
            run.tasks.clear()

    # -- what tasks there are -----------------------------------------------------------------

    def _task_added(self, event: ev.TaskAdded) -> None:
        record = event.task
        run = self.runs[event.run_id]
        task = self.tasks.get(record.task_id) or self._mention(record.task_id)
        if task.entry is not None:
            self._unqueue(task)
        is_new = task.record is None
        task.record = record
        task.retry = event.retry
        task.timeout = event.timeout
        if record.resources or task.signature is not self.unneedy:
            task.signature = self._signature(record.resources or {})
        if event.batchable or task.batch_key is not None:
            task.batch_key = self._batch_key(event, task.signature) if event.batchable else None
        if is_new and event.runnable:
            task.runs = task.runners = run.alone
            run.tasks.append(task)
        else:
            self._join(task, run, runnable=event.runnable)
        if event.batch_id:
            self.batches[event.batch_id].synthetic = True
        if event.deps or task.deps:
            self._set_deps(task, event.deps)
        task.priority = max(task.priority, record.priority)
        if task.deps:
            self._raise_deps(task)
        status = event.status
        if is_new and event.runnable and not task.dependents and status in _HOPEFUL:
            self._introduce(task, status, event.seq)
            return
        if task.execution is not None or status is task.status:
            self._settle([task])
            return
        if task.due is not None:
            self._set_due(task, None)
        if task.setbacks is not None:
            self._end_disabling(task, clear=status is DONE)
        self._change(task, status, event.seq)

    def _join(self, task: Task, run: Run, *, runnable: bool) -> None:
        alone = run.alone
        if task.runs is not alone and run not in task.runs:
            task.runs = (*task.runs, run) if task.runs else alone
            run.tasks.append(task)
            run.alive += task.alive
            run.running += task.execution is not None
            if task.due is not None:
                heappush(run.timers, (task.due, task.order, task))
        if runnable:
            if task.runners is not alone and run not in task.runners:
                task.runners = (*task.runners, run) if task.runners else alone
        elif task.runners:
            task.runners = _without(task.runners, run)

    def _plan_failed(self, event: ev.PlanFailed) -> None:
        """The status came with TaskAdded; the error is for those who read events."""

    def _task_forgotten(self, event: ev.TaskForgotten) -> None:
        task = self.tasks[event.task_id]
        if task.due is not None:
            self._set_due(task, None)
        if task.entry is not None:
            self._unqueue(task)
        batch = self.suspended_batches.pop(task, None)
        if batch is not None:
            self._leave_batch(batch, task)
        for run in task.runs:
            run.alive -= task.alive
            _remove_last(run.tasks, task)
        task.alive = False
        task.runs = task.runners = ()
        self._forget_if_unwanted(task)

    # -- executions ---------------------------------------------------------------------------

    def _task_started(self, event: ev.TaskStarted) -> None:
        task = self.tasks[event.task_id]
        run = self.runs[event.run_id]
        worker = self.workers[event.worker_id]
        rank = task.entry or task.rank()
        execution = Execution(run, worker, rank, event.token, event.at, event.seq)
        if event.batch_id:
            self._claim(task, execution, self.batches[event.batch_id])
        else:
            if task.undone:
                self._expect_done_deps(task)
            if task.signature.needs:
                execution.held = self._hold(task.signature, rank)
        task.execution = execution
        task.attempt = event.attempt
        task.resumes_on = None
        worker.running[task] = None
        insort(run.ranks, rank)
        for one in task.runs:
            one.running += 1
        self.last_token = max(self.last_token, event.token)
        if task.due is not None:
            self._set_due(task, None)
        self._run(task, event.seq)

    def _expect_done_deps(self, task: Task) -> None:
        """Nothing starts before its requirements are done; later one of them may be lost."""
        if task.undone:
            raise InvariantError(
                f"{task.task_id} starts while {task.undone} of its requirements are not done."
            )

    def _claim(self, task: Task, execution: Execution, batch: Batch) -> None:
        """Let `task` run for the batch; it takes over what the batch holds."""
        if task in batch.members:
            batch.members.remove(task)
            task.execution = None
            for run in task.runs:
                run.running -= 1
        batch.task = task
        execution.batch = batch
        self.suspended_batches.pop(task, None)
        if batch.held is not None:
            self._free(batch.held, batch.rank)
            batch.held = None
        if batch.signature.needs:
            execution.held = self._hold(batch.signature, execution.rank)

    def _stop(self, task: Task) -> Execution | None:
        """End the execution of `task`, and give back what it holds."""
        execution = task.execution
        if execution is None:
            return None
        task.execution = None
        task.ran_in = execution.run.run_id
        for run in task.runs:
            run.running -= 1
        if task.status is RUNNING:
            execution.worker.running.pop(task, None)
            ranks = execution.run.ranks
            if len(ranks) == 1:
                ranks.clear()
            else:
                del ranks[bisect_left(ranks, execution.rank)]
            if execution.held is not None:
                self._free(execution.held, execution.rank)
        if execution.batch is not None:
            self._leave_batch(execution.batch, task)
        return execution

    def _task_progressed(self, event: ev.TaskProgressed) -> None:
        execution = self.tasks[event.task_id].executing()
        if event.fraction is not None:
            execution.fraction = event.fraction
        if event.message is not None:
            execution.message = event.message
        if event.tracking_url is not None:
            execution.tracking_url = event.tracking_url

    def _task_resources_decreased(self, event: ev.TaskResourcesDecreased) -> None:
        execution = self.tasks[event.task_id].executing()
        if execution.held is None:
            return
        self._free(execution.held, execution.rank)
        left = {
            resource: max(0, amount - max(0, event.amounts.get(resource.name, 0)))
            for resource, amount in execution.held.items()
        }
        execution.held = self._take(left, execution.rank)

    def _task_suspended(self, event: ev.TaskSuspended) -> None:
        task = self.tasks[event.task_id]
        execution = task.executing()
        batch, execution.batch = execution.batch, None
        self._stop(task)
        if batch is not None and batch.members:  # they wait with it
            self.suspended_batches[task] = batch
        elif batch is not None:
            self._dissolve(batch)
        task.resumes_on = execution.worker.worker_id
        known = {dep.task_id: None for dep in task.deps}
        known.update(dict.fromkeys(event.new_deps))
        self._set_deps(task, known)
        self._raise_deps(task)
        self._change(task, SUSPENDED, event.seq)

    def _task_succeeded(self, event: ev.TaskSucceeded) -> None:
        self._finish(self.tasks[event.task_id], DONE, event.seq)

    def _task_found_complete(self, event: ev.TaskFoundComplete) -> None:
        self._finish(self.tasks[event.task_id], DONE, event.seq)

    def _task_failed(self, event: ev.TaskFailed) -> None:
        task = self.tasks[event.task_id]
        setbacks = _setbacks(task)
        if setbacks.first_failure is None:
            setbacks.first_failure = event.at
        window = task.retry.disable_window if task.retry is not None else None
        if window is not None:
            setbacks.failures = [at for at in setbacks.failures if at >= event.at - window]
        setbacks.failures.append(event.at)
        self._finish(task, FAILED, event.seq, due=event.retry_at)

    def _finish(
        self, task: Task, status: TaskStatus, seq: int, *, due: float | None = None
    ) -> None:
        self._stop(task)
        task.resumes_on = None
        if task.due != due:
            self._set_due(task, due)
        setbacks = task.setbacks
        if setbacks is not None:
            setbacks.busy = 0
            if status is DONE:
                setbacks.missing = 0
                self._end_disabling(task, clear=True)
        if status is DONE:
            self._complete(task, seq)
        else:
            self._change(task, status, seq)

    def _task_requeued(self, event: ev.TaskRequeued) -> None:
        task = self.tasks[event.task_id]
        execution = self._stop(task)
        setbacks = task.setbacks
        if execution is not None:
            task.resumes_on = execution.worker.worker_id if event.unbegun else None
            if event.unbegun:
                setbacks = _setbacks(task)
                if event.not_before is not None:
                    setbacks.busy += 1
                else:
                    setbacks.missing += 1
        if setbacks is not None:
            self._end_disabling(task, clear=False)
        if task.due != event.not_before:
            self._set_due(task, event.not_before)
        if event.withheld:
            run = self.runs[event.run_id]
            if task.entry is not None:
                self._unqueue(task)
            task.runners = _without(task.runners, run)
        self._change(task, PENDING, event.seq)

    def _task_disabled(self, event: ev.TaskDisabled) -> None:
        task = self.tasks[event.task_id]
        if event.until is not None:
            _setbacks(task).disabled_until = event.until
            self.disabled[task] = None
        if task.due is not None:
            self._set_due(task, None)
        self._change(task, DISABLED, event.seq)

    def _task_enabled(self, event: ev.TaskEnabled) -> None:
        task = self.tasks[event.task_id]
        self._end_disabling(task, clear=True)
        self._set_due(task, event.retry_at)
        self._change(task, FAILED, event.seq)

    def _end_disabling(self, task: Task, *, clear: bool) -> None:
        setbacks = task.setbacks
        if setbacks is None or setbacks.disabled_until is None:
            return
        setbacks.disabled_until = None
        self.disabled.pop(task, None)
        if clear:  # Luigi S-41: nothing else clears the failures
            setbacks.failures.clear()
            setbacks.first_failure = None

    # -- batches ------------------------------------------------------------------------------

    def _batcher_added(self, event: ev.BatcherAdded) -> None:
        self.workers[event.worker_id].batchers[event.family] = Batcher(
            event.parameters, event.max_batch_size
        )

    def _batch_key(self, event: ev.TaskAdded, signature: Signature) -> BatchKey | None:
        worker = self.workers.get(event.worker_id)
        batcher = worker.batchers.get(event.task.family) if worker is not None else None
        return batcher.key(event.task, signature) if batcher is not None else None

    def _batch_formed(self, event: ev.BatchFormed) -> None:
        run = self.runs[event.run_id]
        worker = self.workers[event.worker_id]
        members = [self.tasks[task_id] for task_id in event.members]
        batch = Batch(event.batch_id, run, worker, members, event.token)
        self.batches[event.batch_id] = worker.batches[event.batch_id] = batch
        if members[0].signature.needs:
            batch.held = self._hold(members[0].signature, batch.rank)
        for task in members:
            self._expect_done_deps(task)
            rank = task.entry or task.rank()
            execution = Execution(run, worker, rank, event.token, event.at, event.seq, batch=batch)
            task.execution = execution
            task.attempt += 1
            task.resumes_on = None
            if task.due is not None:
                self._set_due(task, None)
            for one in task.runs:
                one.running += 1
            self._change(task, BATCH_RUNNING, event.seq)
        self.last_token = max(self.last_token, event.token)

    def _leave_batch(self, batch: Batch, task: Task) -> None:
        if batch.task is task:
            batch.task = None
        else:
            batch.members.remove(task)
        if not batch.members and (batch.task is None or batch.task.execution is None):
            self._dissolve(batch)

    def _dissolve(self, batch: Batch) -> None:
        if batch.held is not None:
            self._free(batch.held, batch.rank)
        if batch.task is not None:
            self.suspended_batches.pop(batch.task, None)
        del self.batches[batch.batch_id]
        del batch.worker.batches[batch.batch_id]

    # -- workers ------------------------------------------------------------------------------

    def _worker_joined(self, event: ev.WorkerJoined) -> None:
        worker = self.workers.get(event.worker_id)
        if worker is None:
            worker = self.workers[event.worker_id] = Worker(event.worker_id, event.at)
        worker.contact = event.at
        worker.slots = event.slots
        worker.host = event.host
        worker.pid = event.pid
        if event.assistant is not worker.assistant:
            worker.assistant = event.assistant
            self._count_assistants(1 if event.assistant else -1)
        _count_slots(worker)

    def _worker_contacted(self, event: ev.WorkerContacted) -> None:
        worker = self.workers[event.worker_id]
        worker.contact = event.at
        run = self.runs.get(event.run_id)
        if run is not None and run.ended_at is None:
            worker.runs[run] = None
            run.workers[worker] = event.asks or run.workers.get(worker, False)
            run.deserted_at = None
            _count_slots(worker)

    def _worker_disabled(self, event: ev.WorkerDisabled) -> None:
        worker = self.workers[event.worker_id]
        worker.disabled = True
        _count_slots(worker)

    def _worker_lost(self, event: ev.WorkerLost) -> None:
        worker = self.workers.pop(event.worker_id)
        for run in worker.runs:
            del run.workers[worker]
            if not run.workers:
                run.deserted_at = event.at
        worker.disabled = True
        _count_slots(worker)
        if worker.assistant:
            self._count_assistants(-1)

    def _count_assistants(self, step: int) -> None:
        """Keep a queue over all runs for tasks without needs while somebody asks for it."""
        self.assistants += step
        if self.assistants == 1 and step == 1:
            for task in self.tasks.values():
                if task.entry is not None and not task.signature.needs:
                    self.unneedy.ready.push(task.entry)
        elif self.assistants == 0:
            self.unneedy.ready = ReadyQueue()

    # -- settings, messages, answers ----------------------------------------------------------

    def _resources_set(self, event: ev.ResourcesSet) -> None:
        for name, total in event.totals.items():
            self._resource(name).total = total

    def _pause(self, _: ev.SchedulerPaused) -> None:
        self.paused = True

    def _resume(self, _: ev.SchedulerResumed) -> None:
        self.paused = False

    def _message_sent(self, event: ev.MessageSent) -> None:
        """The worker follows the events; nothing is kept here."""

    def _command_answered(self, event: ev.CommandAnswered) -> None:
        sessions = self.sessions
        session = sessions.pop(event.session, None) or Session()
        sessions[event.session] = session  # to the end: the last that spoke
        session.remember(
            event.sequence, event.reply, event.at, limit=self.config.answers_per_session
        )
        silent_since = event.at - self.config.session_seconds
        while sessions[oldest := next(iter(sessions))].at < silent_since:
            del sessions[oldest]


def _setbacks(task: Task) -> Setbacks:
    if task.setbacks is None:
        task.setbacks = Setbacks()
    return task.setbacks


def _remove_last(tasks: list[Task], task: Task) -> None:
    """Remove `task`, which is among the last."""
    index = len(tasks) - 1
    while tasks[index] is not task:
        index -= 1
    del tasks[index]


def _without(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    left = tuple(one for one in runs if one is not run)
    return left[0].alone if len(left) == 1 else left


def _count_slots(worker: Worker) -> None:
    for run in worker.runs:
        run.slots = sum(one.slots for one, asks in run.workers.items() if asks and not one.disabled)


_APPLY: dict[type[RunEvent], Callable[[SchedulerState, Any], None]] = {
    ev.RunStarted: SchedulerState._run_started,
    ev.RunFinished: SchedulerState._run_finished,
    ev.RunCancelled: SchedulerState._run_cancelled,
    ev.RunsForgotten: SchedulerState._runs_forgotten,
    ev.TaskAdded: SchedulerState._task_added,
    ev.PlanFailed: SchedulerState._plan_failed,
    ev.TaskStarted: SchedulerState._task_started,
    ev.TaskProgressed: SchedulerState._task_progressed,
    ev.TaskSuspended: SchedulerState._task_suspended,
    ev.TaskSucceeded: SchedulerState._task_succeeded,
    ev.TaskFoundComplete: SchedulerState._task_found_complete,
    ev.TaskFailed: SchedulerState._task_failed,
    ev.TaskRequeued: SchedulerState._task_requeued,
    ev.TaskDisabled: SchedulerState._task_disabled,
    ev.TaskEnabled: SchedulerState._task_enabled,
    ev.TaskForgotten: SchedulerState._task_forgotten,
    ev.TaskResourcesDecreased: SchedulerState._task_resources_decreased,
    ev.WorkerJoined: SchedulerState._worker_joined,
    ev.WorkerContacted: SchedulerState._worker_contacted,
    ev.WorkerDisabled: SchedulerState._worker_disabled,
    ev.WorkerLost: SchedulerState._worker_lost,
    ev.BatcherAdded: SchedulerState._batcher_added,
    ev.BatchFormed: SchedulerState._batch_formed,
    ev.ResourcesSet: SchedulerState._resources_set,
    ev.SchedulerPaused: SchedulerState._pause,
    ev.SchedulerResumed: SchedulerState._resume,
    ev.MessageSent: SchedulerState._message_sent,
    ev.CommandAnswered: SchedulerState._command_answered,
}
