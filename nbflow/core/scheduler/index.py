"""The tasks and what follows from their statuses: which are ready, which can still run.

When a status, a requirement or a time changes, what follows is propagated along the edges at once,
so that no request has to count or search. Everything is iterative: a chain may be of any length.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from nbflow.core.scheduler.entities import ReadyQueue, Resource, Run, Signature, Task
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbflow.core.scheduler.entities import Entry

PENDING = TaskStatus.PENDING
RUNNING = TaskStatus.RUNNING
SUSPENDED = TaskStatus.SUSPENDED
DONE = TaskStatus.DONE
FAILED = TaskStatus.FAILED
DISABLED = TaskStatus.DISABLED
UNKNOWN = TaskStatus.UNKNOWN


class TaskIndex:
    """Tasks by id, with their edges, their queues and the resources that they use."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        self.tasks: dict[str, Task] = {}
        self.resources = {name: Resource(name, total) for name, total in totals.items()}
        #: Signatures by needs; `unneedy` is that of tasks that need nothing.
        self.signatures: dict[tuple[tuple[str, int], ...], Signature] = {}
        self.unneedy = Signature(())
        #: Workers that ask for tasks of all runs.
        self.assistants = 0
        #: Tasks that the scheduler disabled.
        self.disabled: dict[Task, None] = {}
        self._mentioned = 0

    # -- edges --------------------------------------------------------------------------------

    def _mention(self, task_id: str) -> Task:
        self._mentioned += 1
        task = Task(task_id, self._mentioned, self.unneedy)
        self.tasks[task_id] = task
        return task

    def _set_deps(self, task: Task, task_ids: Iterable[str]) -> None:
        tasks = self.tasks
        new = [tasks.get(task_id) or self._mention(task_id) for task_id in task_ids]
        old = task.deps
        task.deps = tuple(dict.fromkeys(new)) if len(new) > 1 else tuple(new)
        undone = hopeless = 0
        for dep in task.deps:
            dep.add_dependent(task)
            undone += dep.status is not DONE
            hopeless += dep.hopeless
        task.undone = undone
        task.hopeless_deps = hopeless
        if old:
            kept = set(task.deps)
            for dep in old:
                if dep not in kept:
                    dep.drop_dependent(task)
                    self._forget_if_unwanted(dep)

    def _forget_if_unwanted(self, task: Task) -> None:
        """Drop a task that no run wants and no task requires; and so on downwards."""
        stack = [task]
        while stack:
            task = stack.pop()
            if task.runs or task.dependents or task.execution is not None:
                continue
            if self.tasks.pop(task.task_id, None) is None:
                continue
            self.disabled.pop(task, None)
            for dep in task.deps:
                dep.drop_dependent(task)
                stack.append(dep)
            task.deps = ()

    def _raise_deps(self, task: Task) -> None:
        """Let what `task` requires be at least as urgent as `task` (Luigi S-31)."""
        stack = [task]
        while stack:
            above = stack.pop()
            priority = above.priority
            for dep in above.deps:
                if dep.priority < priority:
                    entry = dep.entry
                    if entry is not None:
                        self._unqueue(dep)
                    dep.priority = priority
                    if entry is not None:
                        self._enqueue(dep)
                    if dep.deps:
                        stack.append(dep)

    # -- what follows -------------------------------------------------------------------------

    def _change(self, task: Task, status: TaskStatus, seq: int) -> None:
        """Give `task` a status, and propagate what follows from it."""
        was_done = task.status is DONE
        task.status = status
        task.changed = seq
        if task.dependents and was_done is not (status is DONE):
            self._settle([task, *self._count_undone(task, 1 if was_done else -1)])
        else:
            self._settle([task])

    def _count_undone(self, task: Task, step: int) -> list[Task]:
        """Tell the dependents that `task` is done (-1) or no longer (1); those that it decides."""
        decided: list[Task] = []
        edge = 1 if step > 0 else 0
        for dependent in task.dependents:
            dependent.undone += step
            # For one that waited for others, too, and still does, nothing follows.
            if dependent.undone == edge:
                decided.append(dependent)
        return decided

    def _introduce(self, task: Task, status: TaskStatus, seq: int) -> None:
        """Do as `_change` to PENDING or DONE, of a new task that nothing depends on yet."""
        task.status = status
        task.changed = seq
        if status is DONE:
            task.hopeless = False
        elif not task.hopeless_deps:
            task.hopeless = False
            task.alive = True
            for run in task.runs:
                run.alive += 1
            if not task.undone:
                self._enqueue(task)

    def _run(self, task: Task, seq: int) -> None:
        """Do as `_change` to RUNNING: what runs waits for nothing and keeps nobody waiting."""
        if task.status is DONE or task.hopeless:
            self._change(task, RUNNING, seq)
            return
        task.status = RUNNING
        task.changed = seq
        if task.alive:
            task.alive = False
            for run in task.runs:
                run.alive -= 1
        if task.entry is not None:
            self._unqueue(task)

    def _complete(self, task: Task, seq: int) -> None:
        """Do as `_change` to DONE, of a task that ran."""
        if task.status is not RUNNING or task.hopeless:
            self._change(task, DONE, seq)
            return
        task.status = DONE
        task.changed = seq
        if task.dependents and (decided := self._count_undone(task, -1)):
            self._settle(decided)

    def _settle(self, changed: list[Task]) -> None:
        """Bring what follows for `changed`, and for what depends on it, up to date."""
        while changed:
            task = changed.pop()
            status = task.status
            hopeless = alive = ready = False
            if status is RUNNING or status is DONE:
                pass
            elif status is PENDING or status is SUSPENDED:
                if status is SUSPENDED and not task.undone:
                    task.status = PENDING
                    status = PENDING
                hopeless = task.hopeless_deps > 0 or not task.runners
                alive = not hopeless
                ready = alive and not task.undone and status is PENDING and task.due is None
            elif status is FAILED:
                hopeless = task.due is None
                alive = not hopeless
            elif status is UNKNOWN or status is DISABLED:
                hopeless = True
            if hopeless is not task.hopeless:
                task.hopeless = hopeless
                if task.dependents:
                    step = 1 if hopeless else -1
                    for dependent in task.dependents:
                        dependent.hopeless_deps += step
                    changed.extend(task.dependents)
            if alive is not task.alive:
                task.alive = alive
                step = 1 if alive else -1
                for run in task.runs:
                    run.alive += step
            if ready:
                if task.entry is None:
                    self._enqueue(task)
            elif task.entry is not None:
                self._unqueue(task)

    def _enqueue(self, task: Task) -> None:
        task.entry = entry = task.rank()
        signature = task.signature
        for run in task.runners:
            queue = run.queues.get(signature) or _queue(run.queues, signature)
            queue.push(entry)
            if task.batch_key is not None:
                _queue(run.batches, task.batch_key).push(entry)
        if signature.needs or self.assistants:
            signature.ready.push(entry)

    def _unqueue(self, task: Task) -> None:
        task.entry = None
        signature = task.signature
        needs = signature.needs
        batch_key = task.batch_key
        for run in task.runners:
            queue = run.queues[signature]
            queue.drop()
            if needs and not queue.entries:
                del run.queues[signature]
            if batch_key is not None:
                queue = run.batches[batch_key]
                queue.drop()
                if not queue.entries:
                    del run.batches[batch_key]
        if needs or self.assistants:
            signature.ready.drop()

    def _set_runners(self, task: Task, runners: tuple[Run, ...]) -> None:
        if task.entry is not None:
            self._unqueue(task)
        task.runners = runners
        self._settle([task])

    def _set_due(self, task: Task, due: float | None) -> None:
        """Set the time before which nothing happens to the task; the caller settles it."""
        task.due = due
        for run in task.runs:
            timers = run.timers
            if due is not None:
                heappush(timers, (due, task.order, task))
            while timers and timers[0][2].due != timers[0][0]:
                heappop(timers)

    # -- resources ----------------------------------------------------------------------------

    def _resource(self, name: str) -> Resource:
        resource = self.resources.get(name)
        if resource is None:
            resource = self.resources[name] = Resource(name, 1)
        return resource

    def _signature(self, needs: Mapping[str, int]) -> Signature:
        key = tuple(sorted((name, amount) for name, amount in needs.items() if amount > 0))
        if not key:
            return self.unneedy
        signature = self.signatures.get(key)
        if signature is None:
            signature = Signature(tuple((self._resource(name), amount) for name, amount in key))
            self.signatures[key] = signature
        return signature

    def _hold(self, signature: Signature, rank: Entry) -> dict[Resource, int]:
        return self._take(dict(signature.needs), rank)

    def _take(self, amounts: dict[Resource, int], rank: Entry) -> dict[Resource, int]:
        for resource, amount in amounts.items():
            resource.used += amount
            insort(resource.held, (rank, amount))
        return amounts

    def _free(self, amounts: Mapping[Resource, int], rank: Entry) -> None:
        for resource, amount in amounts.items():
            resource.used -= amount
            del resource.held[bisect_left(resource.held, (rank, amount))]


def _queue(queues: dict[Any, ReadyQueue], key: object) -> ReadyQueue:
    queue = queues.get(key)
    if queue is None:
        queue = queues[key] = ReadyQueue()
    return queue
