"""How each task of a run ended, in the sets of Luigi's summary (W-73).

Two facts are told as nbflow knows them, not as Luigi counts them: a task that yielded requirements
belongs to those that wait for them (Luigi puts it into two sets, Q-25), and what lies under a
complete task is left out, for Luigi does not look there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbflow.core import events as ev
from nbflow.core.status import TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbflow.core.summary import RunSummary


class Story:
    """What is over when a run ends, and therefore in no summary; follows the event stream.

    Attributes
    ----------
    failed
        Ids of tasks that failed at least once, also those that succeeded later.
    planned
        Ids of tasks that were to run, also those that somebody else completed since.
    synthetic
        Ids of tasks that were made to run a batch, and that nobody asked for.
    """

    def __init__(self) -> None:
        self.failed: set[str] = set()
        self.planned: set[str] = set()
        self.synthetic: set[str] = set()

    def __call__(self, events: Sequence[ev.RunEvent]) -> None:
        """Take the next events."""
        for event in events:
            match event:
                # Put back, for requirements are missing: Luigi fails it and plans it again (W-42).
                case ev.TaskFailed() | ev.TaskRequeued(unbegun=True, not_before=None):
                    self.failed.add(event.task_id)
                case ev.TaskAdded() if event.batch_id:
                    self.synthetic.add(event.task.task_id)
                case ev.TaskAdded(status=TaskStatus.PENDING):
                    self.planned.add(event.task.task_id)


@dataclass(slots=True)
class Partition:
    """Ids of tasks by how they ended. A task may be in several of the sets `upstream_*`."""

    roots: tuple[str, ...] = ()
    already_done: set[str] = field(default_factory=set)
    completed: set[str] = field(default_factory=set)
    ever_failed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    scheduling_error: set[str] = field(default_factory=set)
    missing_external: set[str] = field(default_factory=set)
    run_elsewhere: set[str] = field(default_factory=set)
    upstream_failed: set[str] = field(default_factory=set)
    upstream_missing: set[str] = field(default_factory=set)
    upstream_elsewhere: set[str] = field(default_factory=set)
    upstream_scheduling_error: set[str] = field(default_factory=set)
    not_run: set[str] = field(default_factory=set)

    @property
    def pending(self) -> set[str]:
        """Tasks that were left."""
        return self.missing_external.union(
            self.run_elsewhere,
            self.upstream_failed,
            self.upstream_missing,
            self.upstream_elsewhere,
            self.upstream_scheduling_error,
            self.not_run,
        )

    @property
    def total(self) -> int:
        """Tasks that are in any set."""
        return len(
            self.pending | self.already_done | self.completed | self.failed | self.scheduling_error
        )


def partition(summary: RunSummary, story: Story) -> Partition:
    """Sort the tasks of a run that ended."""
    found = Partition(roots=summary.roots)
    waiting: set[str] = set()
    by_state = {
        TaskState.COMPLETE: found.already_done,
        TaskState.DONE: found.completed,
        TaskState.FAILED: found.failed,
        TaskState.UNPLANNED: found.scheduling_error,
        TaskState.MISSING: found.missing_external,
        TaskState.WAITING: found.run_elsewhere,
        TaskState.DISABLED: set(),  # Luigi has no set for what a user disabled
    }
    seen = _seen(summary, story) - story.synthetic
    for task_id in seen:
        by_state.get(summary.tasks[task_id].state, waiting).add(task_id)
    found.completed |= found.already_done & story.planned
    found.already_done -= found.completed
    found.ever_failed = story.failed & seen
    _sort_waiting(found, waiting, _dependents(summary, seen))
    return found


def _seen(summary: RunSummary, story: Story) -> set[str]:
    """The tasks that Luigi would have looked at: not those under complete ones."""
    tasks = summary.tasks
    waiting = [task_id for task_id in summary.roots if task_id in tasks]
    seen = set(waiting)
    while waiting:
        task_id = waiting.pop()
        task = tasks[task_id]
        if task.state is TaskState.COMPLETE and task_id not in story.planned:
            continue
        new = [dep for dep in task.deps if dep in tasks and dep not in seen]
        seen.update(new)
        waiting += new
    return seen


def _dependents(summary: RunSummary, seen: set[str]) -> dict[str, list[str]]:
    dependents: dict[str, list[str]] = {}
    for task_id in seen:
        for dep in summary.tasks[task_id].deps:
            dependents.setdefault(dep, []).append(task_id)
    return dependents


def _sort_waiting(found: Partition, waiting: set[str], dependents: dict[str, list[str]]) -> None:
    """Say of each task that waits what it waits for."""
    found.upstream_failed = _above(found.ever_failed, waiting, dependents)
    found.upstream_missing = _above(found.missing_external, waiting, dependents)
    found.upstream_elsewhere = _above(found.run_elsewhere, waiting, dependents)
    # Luigi looks for these no further than one step up.
    direct = {above for each in found.scheduling_error for above in dependents.get(each, ())}
    found.upstream_scheduling_error = direct & waiting
    found.not_run = waiting - found.pending


def _above(cause: Iterable[str], waiting: set[str], dependents: dict[str, list[str]]) -> set[str]:
    """Tasks that wait, directly or through others that wait, for one of `cause`."""
    above: set[str] = set()
    stack = list(cause)
    while stack:
        for each in dependents.get(stack.pop(), ()):
            if each in waiting and each not in above:
                above.add(each)
                stack.append(each)
    return above
