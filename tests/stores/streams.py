"""The events of a run, made one by one; also for processes that the tests start."""

from __future__ import annotations

from nbflow.core.call import ErrorInfo, FileRecord
from nbflow.core.events import (
    RunFinished,
    RunInfo,
    RunStarted,
    TaskAdded,
    TaskFailed,
    TaskRecord,
    TaskStarted,
    TaskSucceeded,
)
from nbflow.core.status import RunStatus


class Stream:
    """Makes the events of one run, numbered and dated in order."""

    def __init__(self, run_id="r-20260101-100000-ab12", start=1_000.0):
        self.run_id = run_id
        self.seq = 0
        self.now = start

    def stamp(self, kind, **fields):
        self.seq += 1
        self.now += 1.0
        return kind(seq=self.seq, at=self.now, run_id=self.run_id, **fields)

    def begin(self, root="Leaf__0", **info):
        fields = {
            "roots": (root,),
            "root_names": ("Leaf(i=0)",),
            "host": "h",
            "pid": 1,
            "user": "ann",
        }
        return self.stamp(RunStarted, info=RunInfo(**(fields | info)))

    def add(self, task_id="Leaf__0", family="Leaf", params='{"i":"0"}', record=None, **fields):
        task = TaskRecord(task_id=task_id, family=family, params=params, **(record or {}))
        return self.stamp(TaskAdded, task=task, **fields)

    def start(self, task_id="Leaf__0", attempt=1):
        return self.stamp(
            TaskStarted, task_id=task_id, worker_id="w-1", attempt=attempt, token=attempt
        )

    def succeed(self, task_id="Leaf__0", **fields):
        fields = {"seconds": 0.5, "outputs": (FileRecord("out/0.txt", 3, 999.0),)} | fields
        return self.stamp(TaskSucceeded, task_id=task_id, **fields)

    def fail(self, task_id="Leaf__0", attempt=1, **fields):
        error = ErrorInfo(
            type="ValueError",
            message="bad",
            traceback="Traceback ...",
            file="In[3]",
            line=7,
            function="run",
            notes=("look here",),
        )
        return self.stamp(TaskFailed, task_id=task_id, error=error, attempt=attempt, **fields)

    def finish(self, status=RunStatus.SUCCEEDED, exit_code=0):
        return self.stamp(RunFinished, status=status, exit_code=exit_code)

    def whole(self, tasks=1):
        """A run of `tasks` leaves that all succeed."""
        ids = [f"Leaf__{i}" for i in range(tasks)]
        events = [self.begin(root=ids[0])]
        events += [self.add(name, params=f'{{"i":"{i}"}}') for i, name in enumerate(ids)]
        for name in ids:
            events += [self.start(name), self.succeed(name)]
        return [*events, self.finish()]
