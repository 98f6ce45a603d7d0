"""Events folded into the rows that a store writes.

Tasks are numbered in each run, and what happens to one task within a batch becomes one row: a task
that starts and ends between two writes is written once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.core import events as facts
from nbflow.core.status import FINAL_STATES, TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nbflow.core.call import ErrorInfo

    Row = Sequence[Any]

#: Numbers of the kinds of events, as in the table event_kinds. Progress is not kept as an event.
KINDS: dict[type[facts.RunEvent], int] = {
    facts.RunStarted: 1,
    facts.RunFinished: 2,
    facts.TaskAdded: 3,
    facts.PlanFailed: 4,
    facts.TaskStarted: 5,
    facts.TaskSuspended: 6,
    facts.TaskSucceeded: 7,
    facts.TaskFoundComplete: 8,
    facts.TaskFailed: 9,
    facts.TaskRequeued: 10,
    facts.TaskDisabled: 11,
    facts.TaskEnabled: 12,
    facts.TaskForgotten: 13,
}

#: Columns of a row of task_runs.
_STATE, _STARTED, _ENDED, _SECONDS, _ATTEMPTS, _WORKER = 2, 3, 4, 5, 6, 7
_MESSAGE, _FRACTION, _TRACKING_URL, _NOTE, _OUTPUTS, _INPUTS, _NEW_DEPS = range(8, 15)
_NOTHING: tuple[None, ...] = (None,) * 13

_PLANNED = {
    TaskStatus.DONE: TaskState.COMPLETE,
    TaskStatus.UNKNOWN: TaskState.UNPLANNED,
    TaskStatus.DISABLED: TaskState.DISABLED,
    TaskStatus.FAILED: TaskState.FAILED,
}


class Rows:
    """The rows of one batch, by table; `finished` has the events of runs that ended in it."""

    __slots__ = ("definitions", "errors", "events", "finished", "task_runs", "tasks", "workers")

    def __init__(self) -> None:
        self.definitions: list[Row] = []
        self.workers: list[Row] = []
        self.tasks: list[Row] = []
        self.task_runs: dict[tuple[int, int], list[Any]] = {}
        self.errors: list[Row] = []
        self.events: list[Row] = []
        self.finished: list[tuple[int, facts.RunFinished]] = []

    def tables(self) -> Iterable[tuple[str, Sequence[Row]]]:
        """Name and rows of each table, in the order of writing; new_deps as text."""
        for row in self.task_runs.values():
            if row[_NEW_DEPS] is not None:
                row[_NEW_DEPS] = as_json(row[_NEW_DEPS])
        return (
            ("definitions", self.definitions),
            ("workers", self.workers),
            ("tasks", self.tasks),
            ("task_runs", list(self.task_runs.values())),
            ("errors", self.errors),
            ("events", self.events),
        )


class RunFold:
    """The numbers of one run's tasks, and how its events become rows.

    Parameters
    ----------
    run
        The number of the run in the store.
    """

    __slots__ = ("_definitions", "_folds", "_numbers", "_rows", "_workers", "run")

    def __init__(self, run: int) -> None:
        self.run = run
        self._numbers: dict[str, int] = {}
        self._definitions: dict[tuple[str, str, int, str], int] = {}
        self._workers: dict[str, int] = {}
        self._rows = Rows()
        self._folds: dict[type, Callable[[Any], str | None]] = {
            facts.RunStarted: _fold_nothing,
            facts.RunFinished: self._fold_finish,
            facts.TaskAdded: self._fold_added,
            facts.PlanFailed: self._fold_plan_failed,
            facts.TaskStarted: self._fold_started,
            facts.TaskProgressed: self._fold_progress,
            facts.TaskSuspended: self._fold_suspended,
            facts.TaskSucceeded: self._fold_succeeded,
            facts.TaskFoundComplete: self._fold_found_complete,
            facts.TaskFailed: self._fold_failed,
            facts.TaskRequeued: self._fold_requeued,
            facts.TaskDisabled: self._fold_disabled,
            facts.TaskEnabled: self._fold_enabled,
            facts.TaskForgotten: _fold_nothing,
        }

    def fold(self, event: Any, rows: Rows) -> None:
        """Add what `event`, of this run, says to `rows`."""
        self._rows = rows
        data = self._folds[type(event)](event)
        kind = KINDS.get(type(event))
        if kind is None:
            return
        if type(event) is facts.TaskAdded:
            n: int | None = self._numbers[event.task.task_id]
        else:
            task_id = getattr(event, "task_id", None)
            n = None if task_id is None else self._number(task_id)
        rows.events.append((self.run, event.seq, event.at, kind, n, data))

    def _number(self, task_id: str) -> int:
        number = self._numbers.get(task_id)
        if number is None:
            number = self._numbers[task_id] = len(self._numbers) + 1
        return number

    def _change(self, task_id: str, state: TaskState | None = None) -> list[Any]:
        """Give the row of the task in this batch, with its new state."""
        n = self._number(task_id)
        key = (self.run, n)
        row = self._rows.task_runs.get(key)
        if row is None:
            row = self._rows.task_runs[key] = [self.run, n, *_NOTHING]
        if state is not None:
            row[_STATE] = state.value
            row[_ENDED] = None
        return row

    def _fold_added(self, event: facts.TaskAdded) -> str | None:
        task = event.task
        is_new = task.task_id not in self._numbers
        n = self._number(task.task_id)
        state = _PLANNED.get(event.status)
        if state is None:
            state = TaskState.PENDING if event.runnable else TaskState.MISSING
        deps = as_json([self._number(dep) for dep in event.deps]) if event.deps else None
        self._rows.tasks.append(
            (
                self.run,
                n,
                task.task_id,
                self._definition(task),
                task.params,
                state.value,
                deps,
                task.is_external + 2 * task.is_wrapper + 4 * (not task.has_output),
                task.priority,
                as_json(task.resources) if task.resources else None,
                as_json(task.outputs) if task.outputs else None,
            )
        )
        if is_new:
            return None
        self._change(task.task_id, state)
        return as_json({"state": state.value})

    def _definition(self, task: facts.TaskRecord) -> int:
        key = (task.family, task.module, task.code_version, task.code_hash)
        number = self._definitions.get(key)
        if number is None:
            number = self._definitions[key] = len(self._definitions) + 1
            self._rows.definitions.append(
                (
                    self.run,
                    number,
                    task.family,
                    task.module,
                    task.code_hash,
                    task.code_version,
                    as_json(task.unshown),
                )
            )
        return number

    def _worker(self, worker_id: str) -> int:
        number = self._workers.get(worker_id)
        if number is None:
            number = self._workers[worker_id] = len(self._workers) + 1
            self._rows.workers.append((self.run, number, worker_id))
        return number

    def _fold_started(self, event: facts.TaskStarted) -> str | None:
        row = self._change(event.task_id, TaskState.RUNNING)
        if row[_STARTED] is None:
            row[_STARTED] = event.at
        row[_ATTEMPTS] = event.attempt
        row[_WORKER] = worker = self._worker(event.worker_id)
        if event.attempt == 1 and not event.members:
            return None
        data: dict[str, Any] = {"attempt": event.attempt, "worker": worker}
        if event.members:
            data["members"] = [self._number(member) for member in event.members]
        return as_json(data)

    def _fold_progress(self, event: facts.TaskProgressed) -> None:
        row = self._change(event.task_id)
        if event.message is not None:
            row[_MESSAGE] = event.message
        if event.fraction is not None:
            row[_FRACTION] = event.fraction
        if event.tracking_url is not None:
            row[_TRACKING_URL] = event.tracking_url

    def _fold_suspended(self, event: facts.TaskSuspended) -> str:
        row = self._change(event.task_id, TaskState.SUSPENDED)
        new_deps = [self._number(dep) for dep in event.new_deps]
        row[_NEW_DEPS] = (row[_NEW_DEPS] or []) + new_deps
        return as_json({"new_deps": new_deps})

    def _fold_succeeded(self, event: facts.TaskSucceeded) -> str | None:
        row = self._change(event.task_id, TaskState.DONE)
        row[_ENDED] = event.at
        row[_SECONDS] = event.seconds
        row[_ATTEMPTS] = event.attempt
        if event.note:
            row[_NOTE] = event.note
        if event.outputs:
            row[_OUTPUTS] = as_json(event.outputs)
        if event.inputs:
            row[_INPUTS] = as_json(event.inputs)
        return None if event.attempt == 1 else as_json({"attempt": event.attempt})

    def _fold_found_complete(self, event: facts.TaskFoundComplete) -> None:
        row = self._change(event.task_id, TaskState.COMPLETE)
        row[_ENDED] = event.at
        if event.note:
            row[_NOTE] = event.note

    def _fold_failed(self, event: facts.TaskFailed) -> str:
        row = self._change(event.task_id, TaskState.FAILED)
        row[_ENDED] = event.at
        row[_SECONDS] = event.seconds
        row[_ATTEMPTS] = event.attempt
        self._add_error(event, event.error, event.attempt)
        return as_json(
            {"attempt": event.attempt, "seconds": event.seconds, "retry_at": event.retry_at}
        )

    def _fold_plan_failed(self, event: facts.PlanFailed) -> None:
        self._change(event.task_id, TaskState.UNPLANNED)
        self._add_error(event, event.error, 0)

    def _add_error(
        self, event: facts.TaskFailed | facts.PlanFailed, error: ErrorInfo, attempt: int
    ) -> None:
        self._rows.errors.append(
            (
                self.run,
                self._number(event.task_id),
                event.seq,
                attempt,
                error.type,
                error.message,
                error.traceback,
                error.file,
                error.line,
                error.function,
                as_json(error.notes),
                as_json(error.source),
                error.host,
                error.pid,
            )
        )

    def _fold_requeued(self, event: facts.TaskRequeued) -> str:
        self._change(event.task_id, TaskState.PENDING)
        return as_json({"reason": event.reason, "not_before": event.not_before})

    def _fold_disabled(self, event: facts.TaskDisabled) -> str:
        row = self._change(event.task_id, TaskState.DISABLED)
        row[_ENDED] = event.at
        return as_json({"failures": event.failures, "until": event.until})

    def _fold_enabled(self, event: facts.TaskEnabled) -> None:
        self._change(event.task_id, TaskState.PENDING)

    def _fold_finish(self, event: facts.RunFinished) -> None:
        self._rows.finished.append((self.run, event))


def _fold_nothing(_: facts.RunEvent) -> None:
    """The event itself says all."""


def as_json(value: Any) -> str:
    """JSON text of `value`; lone surrogates, which paths may have, as escapes."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value))


#: States because of which the dependents of a task cannot run.
_BLOCKING = {
    TaskState.FAILED.value,
    TaskState.MISSING.value,
    TaskState.UNPLANNED.value,
    TaskState.DISABLED.value,
}
_FINAL = {state.value for state in FINAL_STATES}


def settle(tasks: Iterable[tuple[int, str, str | None, str | None]]) -> dict[int, TaskState]:
    """Say what became of the tasks that had not ended when their run did.

    Parameters
    ----------
    tasks
        Number, state and the two JSON lists of requirements of every task of the run.

    Returns
    -------
    dict
        By number: UPSTREAM_FAILED where something that the task requires, or that requires in
        turn, cannot be had; else CANCELLED.
    """
    unfinished: set[int] = set()
    blocked: list[int] = []
    dependents: dict[int, list[int]] = {}
    for n, state, deps, new_deps in tasks:
        if state in _BLOCKING:
            blocked.append(n)
        elif state not in _FINAL:
            unfinished.add(n)
            for dep in (*json.loads(deps or "[]"), *json.loads(new_deps or "[]")):
                dependents.setdefault(dep, []).append(n)
    settled = dict.fromkeys(unfinished, TaskState.CANCELLED)
    while blocked:
        for n in dependents.get(blocked.pop(), ()):
            if settled[n] is TaskState.CANCELLED:
                settled[n] = TaskState.UPSTREAM_FAILED
                blocked.append(n)
    return settled
