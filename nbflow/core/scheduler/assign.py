"""Which task a worker gets next.

The highest-ranked ready task of the worker's run whose resources are free. Ready tasks stand in
one queue for each run and set of needs, so only the heads of queues are looked at. A head that
could have its resources if lower-ranked tasks did not use them, and whose run has a free slot,
reserves them: nothing below it is given what it waits for.

Source: the rules are Luigi's (S-30 to S-39c). It walks all ready tasks and lets each reserve; here
only the head of each queue does (and of those that need nothing, only the first of a run takes up a
slot), for a request must not cost more when more tasks wait. A worker's slots are those of its run.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from heapq import heappop, heappush
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from nbflow.core.call import TaskCall
from nbflow.core.events import BatchFormed, TaskAdded, TaskRequeued, TaskStarted
from nbflow.core.scheduler.commands import Assignment, BatchAssignment, NothingReady, Refused
from nbflow.core.scheduler.decision import Decision, Draft, heard
from nbflow.core.scheduler.entities import Task
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow.core.events import RunEvent
    from nbflow.core.scheduler.commands import ClaimBatch, RequestTask
    from nbflow.core.scheduler.entities import (
        Batch,
        BatchKey,
        Entry,
        ReadyQueue,
        Resource,
        Run,
        Signature,
        Worker,
    )
    from nbflow.core.scheduler.state import SchedulerState

#: Tasks whose time has come that one request takes up.
DUE_AT_ONCE = 4


def next_task(state: SchedulerState, command: RequestTask, now: float) -> Decision:
    """Answer a worker that asks for something to do."""
    worker = state.workers.get(command.worker_id)
    run = state.runs.get(command.run_id)
    if run is not None and run.ended_at is not None:
        run = None
    assistant = worker is not None and worker.assistant
    if run is None and not assistant:
        return Decision(
            Refused(code="unknown_run", reason=f"there is no run {command.run_id!r} going on")
        )
    events = heard(state, command.worker_id, run, now, asks=True)
    freed = False
    if worker is not None:
        if worker.disabled:
            return Decision(NothingReady(worker_disabled=True), events)
        if command.running is not None:
            lost = _lost(worker, command.running) if worker.running else None
            if lost is not None:
                return Decision(Assignment(call=_grant(lost)), events)
            freed = _free_unclaimed(worker, state, now, events) if worker.batches else False
    if state.paused or (run is not None and run.cancelled):
        return Decision(_nothing(state, run, _next_timer(run, [])), events)

    due = _due(run, now) if run is not None and run.timers and not assistant else []
    chosen, looked_at = _choose(state, run, due, assistant=assistant)
    if chosen is None:
        _take_up(due, [], run, Draft(state, now, events))
        wake_at = now if freed else _next_timer(run, due)
        return Decision(_nothing(state, run, wake_at), events, looked_at)
    home = run if run is not None and run in chosen.runners else chosen.runners[0]
    if worker is not None and chosen.batch_key is not None:
        members = _batch(worker, home, chosen.batch_key, due)
        if len(members) > 1:
            draft = Draft(state, now, events)
            _take_up(due, members, run, draft)
            batch = _form(state, command.worker_id, home, members, draft)
            return Decision(batch, events, looked_at)
    if due:
        _take_up(due, [chosen], run, Draft(state, now, events))
    assignment = _start(
        state, command.worker_id, home, chosen, now=now, events=events, ahead=command.ahead
    )
    return Decision(assignment, events, looked_at)


def _choose(
    state: SchedulerState, run: Run | None, due: list[Task], *, assistant: bool
) -> tuple[Task | None, int]:
    """The task to hand out, and how many were looked at."""
    queues: Iterable[ReadyQueue]
    if assistant or run is None:
        queues = [state.unneedy.ready, *(one.ready for one in state.signatures.values())]
    else:
        queues = run.queues.values()
    heads: list[Entry] = [queue.entries[0] for queue in queues if queue.entries]
    if due:
        heads += [task.rank() for task in due if not task.undone and run in task.runners]
    if not heads:
        return None, 0
    best = min(heads) if len(heads) > 1 else heads[0]
    if not best[2].signature.needs:
        return best[2], len(heads)
    if not assistant and len(state.runs) - len(state.ended) > 1:
        heads += [one.ready.entries[0] for one in state.signatures.values() if one.ready.entries]
    looked_at = {entry[2] for entry in heads}
    chosen = _first_that_fits(run, sorted(heads), state.unneedy, looked_at, assistant=assistant)
    return chosen, len(looked_at)


def _first_that_fits(
    run: Run | None,
    heads: list[Entry],
    free: Signature,
    looked_at: set[Task],
    *,
    assistant: bool,
) -> Task | None:
    reserved: dict[Resource, int] = {}
    seats: dict[Run, int] = {}
    last: Entry | None = None
    for entry in heads:
        if entry is last:  # it heads the queue of its run and that of all runs
            continue
        last = entry
        task = entry[2]
        needs = task.signature.needs
        if any(
            resource.outranking(entry) + reserved.get(resource, 0) + amount > resource.total
            for resource, amount in needs
        ):
            continue
        if (assistant or run in task.runners) and all(
            resource.used + amount <= resource.total for resource, amount in needs
        ):
            return task
        if assistant or _has_seat(task, entry, seats, free, looked_at):
            for resource, amount in needs:
                reserved[resource] = reserved.get(resource, 0) + amount
    return None


def _has_seat(
    task: Task, entry: Entry, seats: dict[Run, int], free: Signature, looked_at: set[Task]
) -> bool:
    """Take a slot that nothing above the task uses or will, if one of its runs has one."""
    for run in task.runners:
        taken = seats.get(run, 0)
        above = bisect_left(run.ranks, entry)
        queue = run.queues.get(free)
        if queue is not None and queue.entries:
            looked_at.add(queue.entries[0][2])
            above += queue.entries[0] < entry
        if run.slots > above + taken:
            seats[run] = taken + 1
            return True
    return False


def _start(
    state: SchedulerState,
    worker_id: str,
    run: Run,
    task: Task,
    *,
    now: float,
    events: list[RunEvent],
    ahead: bool,
) -> Assignment:
    token = state.last_token + 1
    attempt = task.attempt if task.resumes_on == worker_id else task.attempt + 1
    members: tuple[str, ...] = ()
    batch_id = ""
    if state.suspended_batches and (batch := state.suspended_batches.get(task)) is not None:
        members = tuple([one.task_id for one in batch.members])
        batch_id = batch.batch_id
    events.append(
        TaskStarted(
            seq=state.next_seq + len(events),
            at=now,
            run_id=run.run_id,
            task_id=task.task_id,
            worker_id=worker_id,
            attempt=attempt,
            token=token,
            members=members,
            batch_id=batch_id,
            ahead=ahead,
        )
    )
    call = _call(task, run, attempt=attempt, token=token, members=members)
    return Assignment(call=call)


def _call(task: Task, run: Run, *, attempt: int, token: int, members: tuple[str, ...]) -> TaskCall:
    record = task.described()
    return TaskCall(
        run_id=run.run_id,
        task_id=task.task_id,
        family=record.family,
        module=record.module,
        params=record.params,
        attempt=attempt,
        token=token,
        timeout=task.timeout,
        members=members,
    )


# -- answers that were lost -------------------------------------------------------------------


def _lost(worker: Worker, running: tuple[str, ...]) -> Task | None:
    """The highest task that the worker was given and does not know of (Luigi S-34)."""
    known = set(running)
    lost = [
        execution.rank
        for task in worker.running
        if task.task_id not in known and (execution := task.execution) is not None
    ]
    return min(lost)[2] if lost else None


def _grant(task: Task) -> TaskCall:
    """The same grant once more."""
    execution = task.executing()
    batch = execution.batch
    return _call(
        task,
        execution.run,
        attempt=task.attempt,
        token=execution.token,
        members=() if batch is None else tuple([one.task_id for one in batch.members]),
    )


def _free_unclaimed(
    worker: Worker, state: SchedulerState, now: float, events: list[RunEvent]
) -> bool:
    """Give back batches of which the worker has not made a task (Luigi S-57)."""
    draft = Draft(state, now, events)
    before = len(events)
    for batch in worker.batches.values():
        if batch.task is None or batch.task.status not in _STILL_AT_IT:
            draft.requeue_batch(batch, "its batch was not started")
    return len(events) > before


_STILL_AT_IT = (TaskStatus.RUNNING, TaskStatus.SUSPENDED, TaskStatus.PENDING)


# -- tasks that wait for a time ---------------------------------------------------------------


def _timers(run: Run) -> Iterator[tuple[float, Task]]:
    """The run's tasks that wait for a time, by that time; looks only as far as it is asked."""
    timers = run.timers
    frontier = [(timers[0], 0)] if timers else []
    seen: set[Task] = set()
    while frontier:
        (at, _, task), index = heappop(frontier)
        if task.due == at and task not in seen:
            seen.add(task)
            yield at, task
        for child in (2 * index + 1, 2 * index + 2):
            if child < len(timers):
                heappush(frontier, (timers[child], child))


def _due(run: Run, now: float) -> list[Task]:
    """Some of the run's tasks whose time has come, the longest due first."""
    if run.timers[0][0] > now:
        return []
    due = takewhile(lambda timer: timer[0] <= now, _timers(run))
    return [task for _, task in islice(due, DUE_AT_ONCE)]


def _next_timer(run: Run | None, taken_up: list[Task]) -> float | None:
    """When the next task of the run is due, but for those that were taken up."""
    if run is None or not run.timers:
        return None
    return next((at for at, task in _timers(run) if task not in taken_up), None)


def _take_up(due: list[Task], but: list[Task], run: Run | None, draft: Draft) -> None:
    """Let the tasks that are due wait no longer, except those in `but`."""
    for task in due:
        if task in but:
            continue
        draft.add(
            TaskRequeued,
            run_id="" if run is None else run.run_id,
            task_id=task.task_id,
            reason="tried again" if task.status is TaskStatus.FAILED else "its time has come",
        )


def _nothing(state: SchedulerState, run: Run | None, wake_at: float | None) -> NothingReady:
    if run is None:
        active = [one for one in state.runs.values() if one.ended_at is None]
        return NothingReady(
            pending=sum(one.alive for one in active),
            running=sum(one.running for one in active),
            paused=state.paused,
        )
    return NothingReady(
        pending=0 if run.cancelled else run.alive,
        running=run.running,
        wake_at=None if run.cancelled else wake_at,
        paused=state.paused,
    )


# -- batches ----------------------------------------------------------------------------------


def _batch(worker: Worker, run: Run, key: BatchKey, due: list[Task]) -> list[Task]:
    """The ready tasks with `key`, as far as the worker can run them together (Luigi S-50)."""
    batcher = worker.batchers.get(key[0])
    if batcher is None or batcher.parameters != key[1]:
        return []
    queue = run.batches.get(key)
    members = queue.first(batcher.max_batch_size) if queue is not None else []
    members += [task for task in due if task.batch_key == key and not task.undone]
    members.sort(key=Task.rank)
    return members[: batcher.max_batch_size]


def _form(
    state: SchedulerState, worker_id: str, run: Run, members: list[Task], draft: Draft
) -> BatchAssignment:
    token = state.last_token + 1
    task_ids = tuple([task.task_id for task in members])
    record = members[0].described()
    batch_id = f"{record.family}-batch-{token}"
    draft.add(
        BatchFormed,
        run_id=run.run_id,
        batch_id=batch_id,
        worker_id=worker_id,
        members=task_ids,
        token=token,
    )
    return BatchAssignment(
        batch_id=batch_id,
        family=record.family,
        module=record.module,
        params=_merged_params(members),
        members=task_ids,
        token=token,
    )


def _merged_params(members: list[Task]) -> str:
    """The parameters of a batch: lists in rank order for those that differ by design."""
    key = members[0].batch_key
    batched = key[1] if key is not None else ()
    values = [json.loads(task.described().params) for task in members]
    return json.dumps(
        {
            name: [one[name] for one in values] if name in batched else value
            for name, value in values[0].items()
        }
    )


def claim_batch(state: SchedulerState, command: ClaimBatch, now: float) -> Decision:
    """Start the one task that a worker has made of a batch."""
    batch = state.batches.get(command.batch_id)
    if batch is None or batch.worker.worker_id != command.worker_id or batch.task is not None:
        return Decision(
            Refused(
                code="stale_token",
                reason=f"batch {command.batch_id!r} is not waiting for worker "
                f"{command.worker_id!r}; ask for something to do again",
            )
        )
    record = command.task
    task = state.tasks.get(record.task_id)
    if task is not None and not _may_run_for(task, batch):
        return Decision(
            Refused(
                code="wrong_status",
                reason=f"{record.describe()} is {task.status} and cannot run for its batch",
            )
        )
    draft = Draft(state, now, heard(state, command.worker_id, batch.run, now, asks=True))
    if task is None or task.record is None:
        draft.add(
            TaskAdded,
            run_id=batch.run.run_id,
            task=record,
            worker_id=command.worker_id,
            timeout=batch.members[0].timeout,
            batch_id=batch.batch_id,
        )
    token = state.last_token + 1
    members = tuple(member.task_id for member in batch.members)
    attempt = 1 if task is None else task.attempt + (task not in batch.members)
    draft.add(
        TaskStarted,
        run_id=batch.run.run_id,
        task_id=record.task_id,
        worker_id=command.worker_id,
        attempt=attempt,
        token=token,
        members=members,
        batch_id=batch.batch_id,
    )
    call = TaskCall(
        run_id=batch.run.run_id,
        task_id=record.task_id,
        family=record.family,
        module=record.module,
        params=record.params,
        attempt=attempt,
        token=token,
        timeout=batch.members[0].timeout,
        members=members,
    )
    return Decision(Assignment(call=call), draft.events)


def _may_run_for(task: Task, batch: Batch) -> bool:
    if task in batch.members:
        return True
    return task.execution is None and not task.undone and task.status in _CLAIMABLE


_CLAIMABLE = (TaskStatus.PENDING, TaskStatus.UNKNOWN, TaskStatus.FAILED, TaskStatus.DONE)
