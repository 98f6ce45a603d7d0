"""Completeness of many tasks by one listing a folder, for planning."""

from __future__ import annotations

from nbflow.core.model.nested import flatten
from nbflow.core.model.task import Task
from nbflow.targets.local import LocalTarget
from nbflow.targets.snapshot import ExistenceSnapshot


class SnapshotCheck:
    """Answers `complete()` of tasks that inherit it and declare local files; asks all others.

    Used once a plan: what it saw is not looked at again, so it never verifies a run.
    """

    def __init__(self) -> None:
        self._snapshot = ExistenceSnapshot()

    def __call__(self, task: Task) -> bool:
        """Whether `task` is complete."""
        if type(task).complete is not Task.complete:
            return task.complete()
        output = task.output()
        if type(output) is LocalTarget:
            return self._exists(output)
        targets = flatten(output)
        if not targets:
            return task.complete()
        return all(
            self._exists(target) if type(target) is LocalTarget else target.exists()
            for target in targets
        )

    def _exists(self, target: LocalTarget) -> bool:
        # A target whose exists() was replaced has a type of its own and does not come here.
        return self._snapshot.exists(target.path)
