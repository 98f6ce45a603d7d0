"""Events folded into the rows that a store writes.

Tasks are numbered in each run, and what happens to one task within a batch becomes one row: a task
that starts and ends between two writes is written once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from nbflow.core import events as facts
from nbflow.core.status import FINAL_STATES, TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nbflow.core.call import ErrorInfo

    Row = Sequence[Any]

#: Columns of a row of task_runs.
_STATE, _STARTED, _ENDED, _SECONDS, _ATTEMPTS, _WORKER = range(2, 8)
_MESSAGE, _FRACTION, _TRACKING_URL, _NOTE, _OUTPUTS, _INPUTS, _NEW_DEPS = range(8, 15)

# Enum members are slow to bind and slow to unwrap; plain strings are neither.
_DONE = TaskState.DONE.value
_COMPLETE = TaskState.COMPLETE.value
_RUNNING = TaskState.RUNNING.value
_PENDING = TaskState.PENDING.value
_WAITING = TaskState.WAITING.value
_MISSING = TaskState.MISSING.value
_SUSPENDED = TaskState.SUSPENDED.value
_FAILED = TaskState.FAILED.value
_DISABLED = TaskState.DISABLED.value
_UNPLANNED = TaskState.UNPLANNED.value
#: How a task stands when it is added with a status other than PENDING.
_AS_PLANNED = {
    TaskStatus.DONE: _COMPLETE,
    TaskStatus.UNKNOWN: _UNPLANNED,
    TaskStatus.DISABLED: _DISABLED,
    TaskStatus.FAILED: _FAILED,
}

#: Number of RunFinished among the kinds of events.
_END = 2
#: States as one byte a task; 0 for a task that is known by name alone.
_CODES = {"": 0} | {state.value: code for code, state in enumerate(TaskState, 1)}
#: States that a task keeps when it is planned once more.
_UNDERWAY = frozenset({_CODES[_RUNNING], _CODES[_DONE]})
_FINAL_CODES = frozenset(_CODES[state.value] for state in FINAL_STATES)

_encode = msgspec.json.Encoder().encode


class Finish(NamedTuple):
    """The end of a run."""

    run: int
    event: facts.RunFinished
    #: All tasks; those that ran and succeeded, were complete before, failed.
    tasks: int
    ran: int
    complete: int
    failed: int
    #: Tasks to which something might still have happened.
    unfinished: int


class Rows:
    """The rows of one batch, by table, and the runs that ended in it."""

    __slots__ = ("definitions", "errors", "events", "finished", "task_runs", "tasks", "workers")

    def __init__(self) -> None:
        self.definitions: list[Row] = []
        self.workers: list[Row] = []
        self.tasks: list[Row] = []
        self.task_runs: list[list[Any]] = []
        self.errors: list[Row] = []
        self.events: list[Row] = []
        self.finished: list[Finish] = []

    def tables(self) -> Iterable[tuple[str, Sequence[Row]]]:
        """Name and rows of each table, in the order of writing."""
        return (
            ("definitions", self.definitions),
            ("workers", self.workers),
            ("tasks", self.tasks),
            ("task_runs", self.task_runs),
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

    __slots__ = (
        "_changed",
        "_definitions",
        "_folds",
        "_numbers",
        "_rows",
        "_states",
        "_workers",
        "has_ended",
        "run",
    )

    def __init__(self, run: int) -> None:
        self.run = run
        self.has_ended = False
        self._numbers: dict[str, int] = {}
        #: By number, from 1.
        self._states = bytearray(1)
        self._definitions: dict[tuple[str, str, int, str], int] = {}
        self._workers: dict[str, int] = {}
        self._rows = Rows()
        #: Rows of task_runs of this batch, by task id.
        self._changed: dict[str, list[Any]] = {}
        # By kind of event: its number as in the table event_kinds, and what adds its rows and
        # gives the task's number and the event's own data.
        self._folds: dict[type, tuple[int, Callable[[Any], tuple[int, str]]]] = {
            facts.RunStarted: (1, self._fold_start_run),
            facts.RunFinished: (_END, self._fold_finish_run),
            facts.TaskAdded: (3, self._fold_add),
            facts.PlanFailed: (4, self._fold_fail_plan),
            facts.TaskStarted: (5, self._fold_start),
            facts.TaskSuspended: (6, self._fold_suspend),
            facts.TaskSucceeded: (7, self._fold_succeed),
            facts.TaskFoundComplete: (8, self._fold_found_complete),
            facts.TaskFailed: (9, self._fold_fail),
            facts.TaskRequeued: (10, self._fold_requeue),
            facts.TaskDisabled: (11, self._fold_disable),
            facts.TaskEnabled: (12, self._fold_enable),
            facts.TaskForgotten: (13, self._fold_forget),
            facts.RunCancelled: (14, self._fold_cancel_run),
            facts.TaskResourcesDecreased: (15, self._fold_decrease),
            # Not kept as an event.
            facts.TaskProgressed: (0, self._fold_progress),
        }

    def fold(self, events: Iterable[Any], rows: Rows) -> None:
        """Add what `events`, of this run, say to `rows`; nothing follows its end."""
        if rows is not self._rows:
            self._rows = rows
            self._changed = {}
        run, folds, written = self.run, self._folds, rows.events
        for event in events:
            known = folds.get(type(event))
            if known is None:  # of workers and batches: nothing that a run's history tells
                continue
            kind, fold = known
            n, data = fold(event)
            if kind:
                written.append((run, event.seq, event.at, kind, n, data))
                if kind == _END:
                    self.has_ended = True
                    return

    def _number(self, task_id: str) -> int:
        number = self._numbers.get(task_id)
        if number is None:
            number = self._numbers[task_id] = len(self._states)
            self._states.append(0)
        return number

    def _change(self, task_id: str, state: str) -> list[Any]:
        """Give the row of the task in this batch, with its new state; '' leaves it."""
        row = self._changed.get(task_id)
        if row is None:
            n = self._numbers.get(task_id) or self._number(task_id)
            row = [self.run, n, state, 0.0, 0.0, -1.0, 0, 0, "", -1.0, "", "", "", "", ""]
            self._changed[task_id] = row
            self._rows.task_runs.append(row)
        elif state:
            row[_STATE] = state
            row[_ENDED] = 0.0
        if state:
            self._states[row[1]] = _CODES[state]
        return row

    def _fold_start_run(self, _: facts.RunStarted) -> tuple[int, str]:
        return 0, ""

    def _fold_finish_run(self, event: facts.RunFinished) -> tuple[int, str]:
        states = self._states
        unfinished = sum(
            states.count(code) for code in _CODES.values() if code and code not in _FINAL_CODES
        )
        self._rows.finished.append(
            Finish(
                self.run,
                event,
                tasks=len(states) - states.count(0),
                ran=states.count(_CODES[_DONE]),
                complete=states.count(_CODES[_COMPLETE]),
                failed=states.count(_CODES[_FAILED]),
                unfinished=unfinished,
            )
        )
        return 0, ""

    def _fold_cancel_run(self, _: facts.RunCancelled) -> tuple[int, str]:
        return 0, ""

    def _fold_add(self, event: facts.TaskAdded) -> tuple[int, str]:
        task = event.task
        task_id = task.task_id
        n = self._numbers.get(task_id) or self._number(task_id)
        before = self._states[n]
        state = _AS_PLANNED.get(event.status) or (_PENDING if event.runnable else _MISSING)
        self._rows.tasks.append(
            (
                self.run,
                n,
                task_id,
                self._definition(task),
                task.params,
                state,
                as_json([self._number(dep) for dep in event.deps]) if event.deps else "",
                task.is_external + 2 * task.is_wrapper + 4 * (not task.has_output),
                task.priority,
                as_json(task.resources) if task.resources else "",
                as_json(task.outputs) if task.outputs else "",
            )
        )
        if not before:
            self._states[n] = _CODES[state]
        elif before not in _UNDERWAY:
            self._change(task_id, state)
        else:
            state = ""
        return n, as_json({"state": state}) if before and state else ""

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

    def _fold_start(self, event: facts.TaskStarted) -> tuple[int, str]:
        worker = self._worker(event.worker_id)
        row = self._begin(event.task_id, event, worker)
        if event.attempt == 1 and not event.members:
            return row[1], ""
        data: dict[str, Any] = {"attempt": event.attempt, "worker": worker}
        if event.members:
            data["members"] = [self._begin(name, event, worker)[1] for name in event.members]
        return row[1], as_json(data)

    def _begin(self, task_id: str, event: facts.TaskStarted, worker: int) -> list[Any]:
        row = self._change(task_id, _PENDING if event.ahead else _RUNNING)
        row[_STARTED] = row[_STARTED] or event.at
        row[_ATTEMPTS] = event.attempt
        row[_WORKER] = worker
        return row

    def _fold_progress(self, event: facts.TaskProgressed) -> tuple[int, str]:
        n = self._number(event.task_id)
        has_begun = self._states[n] == _CODES[_PENDING]
        row = self._change(event.task_id, _RUNNING if has_begun else "")
        if has_begun:
            row[_STARTED] = event.at
        if event.message is not None:
            row[_MESSAGE] = event.message
        if event.fraction is not None:
            row[_FRACTION] = event.fraction
        if event.tracking_url is not None:
            row[_TRACKING_URL] = event.tracking_url
        return row[1], ""

    def _fold_suspend(self, event: facts.TaskSuspended) -> tuple[int, str]:
        row = self._change(event.task_id, _SUSPENDED)
        new_deps = [self._number(dep) for dep in event.new_deps]
        row[_NEW_DEPS] = as_json(json.loads(row[_NEW_DEPS] or "[]") + new_deps)
        return row[1], as_json({"new_deps": new_deps})

    def _fold_succeed(self, event: facts.TaskSucceeded) -> tuple[int, str]:
        row = self._change(event.task_id, _DONE)
        row[_ENDED] = event.at
        row[_SECONDS] = event.seconds
        row[_ATTEMPTS] = event.attempt
        row[_NOTE] = event.note
        if event.outputs:
            row[_OUTPUTS] = as_json(event.outputs)
        if event.inputs:
            row[_INPUTS] = as_json(event.inputs)
        return row[1], "" if event.attempt == 1 else as_json({"attempt": event.attempt})

    def _fold_found_complete(self, event: facts.TaskFoundComplete) -> tuple[int, str]:
        row = self._change(event.task_id, _COMPLETE)
        row[_ENDED] = event.at
        row[_NOTE] = event.note
        return row[1], ""

    def _fold_fail(self, event: facts.TaskFailed) -> tuple[int, str]:
        row = self._change(event.task_id, _FAILED)
        row[_ENDED] = event.at
        row[_SECONDS] = event.seconds
        row[_ATTEMPTS] = event.attempt
        self._add_error(row[1], event.seq, event.attempt, event.error)
        return row[1], as_json(
            {"attempt": event.attempt, "seconds": event.seconds, "retry_at": event.retry_at}
        )

    def _fold_fail_plan(self, event: facts.PlanFailed) -> tuple[int, str]:
        row = self._change(event.task_id, _UNPLANNED)
        self._add_error(row[1], event.seq, 0, event.error)
        return row[1], ""

    def _add_error(self, n: int, seq: int, attempt: int, error: ErrorInfo) -> None:
        self._rows.errors.append(
            (
                self.run,
                n,
                seq,
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

    def _fold_requeue(self, event: facts.TaskRequeued) -> tuple[int, str]:
        row = self._change(event.task_id, _WAITING if event.not_before else _PENDING)
        return row[1], as_json({"reason": event.reason, "not_before": event.not_before})

    def _fold_disable(self, event: facts.TaskDisabled) -> tuple[int, str]:
        # A task that failed too often is told as failed; only a person's own word disables.
        row = self._change(event.task_id, _FAILED if event.failures else _DISABLED)
        row[_ENDED] = event.at
        return row[1], as_json({"failures": event.failures, "until": event.until})

    def _fold_enable(self, event: facts.TaskEnabled) -> tuple[int, str]:
        return self._change(event.task_id, _PENDING)[1], ""

    def _fold_decrease(self, event: facts.TaskResourcesDecreased) -> tuple[int, str]:
        return self._number(event.task_id), as_json(event.amounts)

    def _fold_forget(self, event: facts.TaskForgotten) -> tuple[int, str]:
        return self._number(event.task_id), ""


def as_json(value: Any) -> str:
    """JSON text of `value`; lone surrogates, which paths may have, as escapes."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value))


#: States because of which the dependents of a task cannot run.
_BLOCKING = frozenset({_FAILED, _MISSING, _UNPLANNED, _DISABLED})
_FINAL = frozenset(state.value for state in FINAL_STATES)


def settle(tasks: Iterable[tuple[int, str, str, str]]) -> dict[int, TaskState]:
    """Say what became of the tasks that had not ended when their run did.

    Parameters
    ----------
    tasks
        Number, state and the two JSON lists of requirements ('' for none) of each task of the run.

    Returns
    -------
    dict
        By number: UPSTREAM_FAILED where it had not begun and something that it requires, itself
        or through others, cannot be had; else CANCELLED.
    """
    unfinished: set[int] = set()
    running: set[int] = set()
    blocked: list[int] = []
    dependents: dict[int, list[int]] = {}
    for n, state, deps, new_deps in tasks:
        if state in _BLOCKING:
            blocked.append(n)
        elif state not in _FINAL:
            unfinished.add(n)
            if state == _RUNNING:
                running.add(n)
            for dep in (*json.loads(deps or "[]"), *json.loads(new_deps or "[]")):
                dependents.setdefault(dep, []).append(n)
    settled = dict.fromkeys(unfinished, TaskState.CANCELLED)
    while blocked:
        for n in dependents.get(blocked.pop(), ()):
            if settled[n] is TaskState.CANCELLED and n not in running:
                settled[n] = TaskState.UPSTREAM_FAILED
                blocked.append(n)
    return settled
