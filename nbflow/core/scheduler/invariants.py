"""What must always hold of the scheduler's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.errors import InvariantError
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from nbflow.core.scheduler.entities import ReadyQueue, Resource, Run, Task
    from nbflow.core.scheduler.state import SchedulerState

_EXECUTING = (TaskStatus.RUNNING, TaskStatus.BATCH_RUNNING)
_WAITING = (TaskStatus.PENDING, TaskStatus.SUSPENDED)


def check(state: SchedulerState) -> None:
    """Raise InvariantError where the state contradicts itself. Looks at everything."""
    edges = {(dep, task) for task in state.tasks.values() for dep in task.deps}
    backwards = {(dep, task) for dep in state.tasks.values() for task in dep.dependents}
    for dep, task in sorted(edges ^ backwards, key=lambda edge: edge[0].order):
        _hold(state, task, holds=False, rule=f"it requires {dep.task_id}, which knows that")
    for task in state.tasks.values():
        _check_edges(state, task)
        _check_consequences(state, task)
        _check_execution(state, task)
    for run in state.runs.values():
        _check_run(state, run)
    for resource in state.resources.values():
        _check_resource(resource)
    for signature in (state.unneedy, *state.signatures.values()):
        _check_queue(state, signature.ready)
    _check_workers(state)


def _check_edges(state: SchedulerState, task: Task) -> None:
    _hold(state, task, state.tasks.get(task.task_id) is task, "it is filed under its id")
    _hold(state, task, bool(task.runs or task.dependents), "a run wants it or a task requires it")
    for dep in task.deps:
        _hold(state, task, state.tasks.get(dep.task_id) is dep, f"its {dep.task_id} is known")
    for run in task.runners:
        _hold(state, task, run in task.runs, "a run that can run it wants it")


def _check_consequences(state: SchedulerState, task: Task) -> None:
    undone = sum(dep.status is not TaskStatus.DONE for dep in task.deps)
    _hold(state, task, task.undone == undone, f"{undone} of its requirements are not done")
    blocked = sum(dep.hopeless for dep in task.deps)
    _hold(state, task, task.hopeless_deps == blocked, f"{blocked} requirements are hopeless")
    waiting = task.status in _WAITING
    failed = task.status is TaskStatus.FAILED
    hopeless = (
        (waiting and (blocked > 0 or not task.runners))
        or (failed and task.due is None)
        or task.status in {TaskStatus.UNKNOWN, TaskStatus.DISABLED}
    )
    _hold(state, task, task.hopeless is hopeless, f"it is {'' if hopeless else 'not '}hopeless")
    alive = (waiting or failed) and not hopeless
    _hold(state, task, task.alive is alive, f"it is {'' if alive else 'not '}alive")
    ready = alive and task.status is TaskStatus.PENDING and task.undone == 0 and task.due is None
    _hold(state, task, (task.entry is not None) is ready, f"it is {'' if ready else 'not '}ready")
    if task.entry is not None:
        _hold(state, task, task.entry == task.rank(), "its place in the queue is its rank")
    if task.status is TaskStatus.SUSPENDED:
        _hold(state, task, task.undone > 0, "a suspended task waits for something")
    _hold(state, task, not task.deps or _urgent(task), "its requirements are as urgent as it is")


def _urgent(task: Task) -> bool:
    return all(dep.priority >= task.priority for dep in task.deps)


def _check_execution(state: SchedulerState, task: Task) -> None:
    execution = task.execution
    executing = task.status in _EXECUTING
    _hold(state, task, (execution is not None) is executing, "what runs has an execution")
    if execution is None:
        return
    _hold(state, task, execution.token <= state.last_token, "its token was given out")
    worker = execution.worker
    known = state.workers.get(worker.worker_id) is worker
    _hold(state, task, known, "its worker is known")
    _hold(state, task, execution.run.ended_at is None, "it runs for a run that goes on")
    batch = execution.batch
    if task.status is TaskStatus.RUNNING:
        _hold(state, task, task in worker.running, "its worker knows that it runs")
        _hold(state, task, execution.rank in execution.run.ranks, "its run knows that it runs")
        _hold(state, task, batch is None or batch.task is task, "it runs for its batch")
    else:
        _hold(state, task, batch is not None and task in batch.members, "it is in its batch")


def _check_run(state: SchedulerState, run: Run) -> None:
    alive = sum(task.alive for task in run.tasks)
    running = sum(task.execution is not None for task in run.tasks)
    if run.alive != alive or run.running != running:
        raise InvariantError(
            f"run {run.run_id}: {run.alive} alive and {run.running} running are counted, "
            f"{alive} and {running} there are."
        )
    if len(set(run.tasks)) != len(run.tasks) or any(run not in task.runs for task in run.tasks):
        raise InvariantError(f"run {run.run_id}: its tasks and their runs do not match.")
    for queue in (*run.queues.values(), *run.batches.values()):
        _check_queue(state, queue)
    queued = sum(queue.count for queue in run.queues.values())
    ready = sum(task.entry is not None and run in task.runners for task in run.tasks)
    if queued != ready:
        raise InvariantError(f"run {run.run_id}: {queued} tasks are queued, {ready} are ready.")
    timed = {(at, task) for at, _, task in run.timers}
    for task in run.tasks if run.ended_at is None else ():
        waits = task.due is None or (task.due, task) in timed
        _hold(state, task, waits, f"run {run.run_id} has a timer for it")
    if run.timers and run.timers[0][2].due != run.timers[0][0]:
        raise InvariantError(f"run {run.run_id}: the first timer is of a task that does not wait.")


def _check_queue(state: SchedulerState, queue: ReadyQueue) -> None:
    valid = [entry for entry in queue.entries if entry[2].entry is entry]
    if len(valid) != queue.count or (
        queue.entries and queue.entries[0][2].entry is not queue.entries[0]
    ):
        first = queue.entries[0][2] if queue.entries else None
        _hold(state, first, holds=False, rule="the head of a queue is ready and all are counted")


def _check_resource(resource: Resource) -> None:
    held = sum(amount for _, amount in resource.held)
    if held != resource.used:
        raise InvariantError(
            f"resource {resource.name}: {resource.used} are counted as used, {held} are held."
        )


def _check_workers(state: SchedulerState) -> None:
    for worker in state.workers.values():
        for task in worker.running:
            mine = task.execution is not None and task.execution.worker is worker
            _hold(state, task, mine, f"worker {worker.worker_id} runs it")
    for batch in state.batches.values():
        made = batch.task
        if not batch.members and (made is None or made.execution is None):
            raise InvariantError(f"batch {batch.batch_id} stands for nothing.")


def _hold(state: SchedulerState, task: Task | None, holds: bool, rule: str) -> None:
    if holds:
        return
    task_id = task.task_id if task is not None else "?"
    story = "\n".join(f"  {event!r}" for event in state.story(task_id))
    raise InvariantError(f"{task!r}: it does not hold that {rule}.\n{story}")
