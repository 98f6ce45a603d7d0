"""`luigi.scheduler`: Luigi's scheduler by its methods, over the core that decides for nbflow (D3).

Each worker has a run of its own there, as workers of Luigi know nothing of runs. What is decided
is Luigi's (contract S-20 to S-44, S-50 to S-58, S-80 to S-93), but for what nbflow does otherwise
by design: a report about an execution that is over changes nothing, and tasks of a worker that
fell silent are pending again, not failed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from nbflow.compat.luigi._sections import scheduler
from nbflow.compat.luigi.scheduler.controls import SchedulerControls
from nbflow.core.call import Done, ErrorInfo, Failed
from nbflow.core.errors import NotSupportedHereError
from nbflow.core.events import RetryPolicy, RunInfo, TaskRecord
from nbflow.core.scheduler import commands as cmd
from nbflow.core.scheduler.policy import merge_retry
from nbflow.core.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.scheduler.entities import Execution, Task

__all__ = ["Scheduler", "scheduler"]

#: What a disabled worker may wait for.
_NOTHING = {"n_pending_tasks": 0, "n_unique_pending": 0, "running_tasks": [], "task_id": None}
_OBSERVED = frozenset({"PENDING", "DONE", "DISABLED", "UNKNOWN"})


class Scheduler(SchedulerControls):
    """Hands out tasks to workers, each to one at a time. Lives in this process; not thread-safe.

    Parameters
    ----------
    config
        The section `scheduler`; by default made of `kwargs` and the configuration.
    resources
        Totals; by default the section `resources`.
    clock
        Seconds since 1970.

    Raises
    ------
    NotSupportedHereError
        A history of Luigi's is asked for: nbflow records runs, not this scheduler.
    """

    def _hear(self, worker: str) -> str:
        """Note that `worker` lives; its run."""
        state = self._state
        run_id = self._runs.get(worker, "")
        known = state.runs.get(run_id)
        if known is None or known.ended_at is not None:
            run_id = worker if worker not in self._runs else f"{worker}#{state.next_seq}"
            self._runs[worker] = run_id
            self._workers[run_id] = worker
            self._handle(cmd.StartRun(run_id=run_id, info=RunInfo(roots=())))
        if worker not in state.workers:
            self._join(worker)
        self._handle(cmd.Heartbeat(worker_id=worker))
        return run_id

    def _join(self, worker: str, host: str = "") -> None:
        info = self._notes.info(worker)
        self._handle(
            cmd.JoinWorker(
                worker_id=worker,
                slots=int(info.get("workers", 1)),
                host=host,
                assistant=bool(info.get("assistant", False)),
            )
        )

    # -- what workers say ------------------------------------------------------------------------

    def add_task(  # noqa: PLR0917 - Luigi's
        self,
        task_id: str | None = None,
        status: str = "PENDING",
        runnable: bool = True,
        deps: Iterable[str] | None = None,
        new_deps: Iterable[str] | None = None,
        expl: str | None = None,
        resources: Mapping[str, int] | None = None,
        priority: float = 0,
        family: str = "",
        module: str | None = None,
        params: Mapping[str, str] | None = None,
        param_visibilities: Mapping[str, int] | None = None,
        accepts_messages: bool = False,
        assistant: bool = False,
        tracking_url: str | None = None,
        worker: str | None = None,
        batchable: bool | None = None,
        batch_id: str | None = None,
        retry_policy_dict: Mapping[str, Any] | None = None,
        owners: Sequence[str] | None = None,
        **_: Any,
    ) -> None:
        """A worker says what it knows of a task, or how one ended that it runs (S-20 to S-27)."""
        del assistant, owners
        if task_id is None or worker is None:
            raise TypeError("add_task() needs task_id and worker")
        run_id = self._hear(worker)
        task = self._state.tasks.get(task_id)
        record = _record(
            task_id,
            None if task is None else task.record,
            family=family,
            module=module,
            params=params,
            visibilities=param_visibilities,
            priority=priority,
            resources=resources,
        )
        note = self._notes.of(task_id)
        note.expl = note.expl if expl is None else expl
        if tracking_url is not None or task is None or task.execution is None:
            note.tracking_url = tracking_url
        if status == "RUNNING" and batch_id:
            self._handle(
                cmd.ClaimBatch(run_id=run_id, worker_id=worker, batch_id=batch_id, task=record)
            )
            task = self._state.tasks.get(task_id)
        execution = None if task is None else task.execution
        if execution is not None and task is not None:
            if execution.worker.worker_id == worker:
                self._report(
                    task, execution, status, new_deps=new_deps, expl=expl, tracking_url=tracking_url
                )
                note.accepts_messages = accepts_messages
        elif status in _OBSERVED and not self._is_too_soon(task, status):
            self._handle(
                cmd.AddTask(
                    run_id=run_id,
                    worker_id=worker,
                    task=record,
                    status=TaskStatus(status),
                    deps=_deps(deps, new_deps, task),
                    runnable=runnable,
                    retry=self._retry_of(retry_policy_dict),
                    batchable=bool(batchable),
                    as_of=self._state.next_seq,
                )
            )
        elif status == "RUNNING":
            raise NotSupportedHereError(
                f"{task_id}: a task begins to run when get_work() hands it out."
            )

    def _report(
        self,
        task: Task,
        execution: Execution,
        status: str,
        *,
        new_deps: Iterable[str] | None,
        expl: str | None,
        tracking_url: str | None,
    ) -> None:
        about: dict[str, Any] = {
            "run_id": execution.run.run_id,
            "task_id": task.task_id,
            "token": execution.token,
        }
        if status in {"DONE", "FAILED"}:
            failed = Failed(ErrorInfo(type="Exception", message=expl or ""))
            self._handle(
                cmd.FinishTask(
                    worker_id=execution.worker.worker_id,
                    attempt=task.attempt,
                    outcome=Done() if status == "DONE" else failed,
                    **about,
                )
            )
        elif new_deps:
            self._handle(
                cmd.SuspendTask(
                    worker_id=execution.worker.worker_id,
                    attempt=task.attempt,
                    new_deps=tuple(new_deps),
                    **about,
                )
            )
        elif tracking_url is not None:
            self._handle(cmd.Progress(tracking_url=tracking_url, **about))

    def _is_too_soon(self, task: Task | None, status: str) -> bool:
        """Whether somebody only has not seen yet that the task is done (S-23)."""
        if status != "PENDING" or task is None or task.status is not TaskStatus.DONE:
            return False
        age = self._clock() - self._notes.of(task.task_id).updated
        return age < self._config.stable_done_cooldown_secs

    def _retry_of(self, given: Mapping[str, Any] | None) -> RetryPolicy | None:
        said = {name: value for name, value in (given or {}).items() if value is not None}
        return merge_retry(RetryPolicy(**said), self._retry)

    def add_task_batcher(
        self,
        worker: str,
        task_family: str,
        batched_args: Sequence[str],
        max_batch_size: float = float("inf"),
    ) -> None:
        """Tasks of the family that differ in `batched_args` alone may run as one (S-50)."""
        self._hear(worker)
        limit = None if max_batch_size == float("inf") else int(max_batch_size)
        self._handle(
            cmd.AddBatcher(
                worker_id=worker,
                family=task_family,
                parameters=tuple(batched_args),
                max_batch_size=limit,
            )
        )

    def announce_scheduling_failure(self, *_: Any, **__: Any) -> None:
        """A worker could not plan a task; without mail in batches Luigi's does nothing either."""

    def report_task_statistics(self, *_: Any, **__: Any) -> None:
        """A worker measured a task; nobody collects it, as in Luigi's without a collector."""

    def add_worker(self, worker: str, info: Any, **_: Any) -> None:
        """A worker says how it is: pairs or a mapping, of which `workers` are its processes."""
        self._notes.info(worker).update(info)
        self._join(worker)

    def ping(self, *, worker: str, **_: Any) -> dict[str, Any]:
        """A worker lives; the messages that wait for it."""
        self._hear(worker)
        return {"rpc_messages": self._notes.take_messages(worker)}

    def get_work(
        self,
        host: str | None = None,
        assistant: bool = False,
        current_tasks: Iterable[str] | None = None,
        worker: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """Something to do for a worker, or how much it may wait for (S-30 to S-35)."""
        if worker is None:
            raise TypeError("get_work() needs worker")
        if self._config.prune_on_get_work:
            self.prune()
        known = self._state.workers.get(worker)
        if assistant:
            self._notes.info(worker)["assistant"] = True
        if known is None or (known.host, known.assistant) != (host or "", assistant):
            self._join(worker, host or "")
        run_id = self._hear(worker)
        answer = self.count_pending(worker)
        reply = self._handle(
            cmd.RequestTask(
                run_id=run_id,
                worker_id=worker,
                running=None if current_tasks is None else tuple(current_tasks),
            )
        )
        if isinstance(reply, cmd.NothingReady) and reply.worker_disabled:
            return {**_NOTHING, "worker_state": "disabled"}
        return {**answer, **_work(reply)}

    def disable_worker(self, worker: str) -> None:
        """Give the worker nothing more."""
        self._hear(worker)
        self._handle(cmd.DisableWorker(worker_id=worker))


def _record(
    task_id: str,
    known: TaskRecord | None,
    *,
    family: str,
    module: str | None,
    params: Mapping[str, str] | None,
    visibilities: Mapping[str, int] | None,
    priority: float,
    resources: Mapping[str, int] | None,
) -> TaskRecord:
    """What is said of a task; what was known keeps its family, module and parameters (S-26)."""
    unshown = tuple([name for name, visibility in (visibilities or {}).items() if visibility])
    said = TaskRecord(
        task_id=task_id,
        family=family,
        module=module or "",
        params=json.dumps(dict(params or {})),
        unshown=unshown,
        priority=float(priority),
        resources=dict(resources) if resources else None,
    )
    if known is None:
        return said
    return msgspec.structs.replace(
        said,
        family=known.family or said.family,
        module=known.module or said.module,
        params=said.params if known.params == "{}" else known.params,
        unshown=known.unshown or said.unshown,
    )


def _deps(
    deps: Iterable[str] | None, new_deps: Iterable[str] | None, task: Task | None
) -> tuple[str, ...] | None:
    if new_deps is None:
        return None if deps is None else tuple(deps)
    known = [dep.task_id for dep in task.deps] if task is not None and deps is None else deps or ()
    return tuple(dict.fromkeys((*known, *new_deps)))


def _work(reply: cmd.Reply) -> dict[str, Any]:
    """The part of an answer that says what to do."""
    if isinstance(reply, cmd.Assignment):
        call = reply.call
        return {
            "task_id": call.task_id,
            "task_family": call.family,
            "task_module": call.module or None,
            "task_params": json.loads(call.params),
        }
    if isinstance(reply, cmd.BatchAssignment):
        return {
            "task_id": None,
            "task_family": reply.family,
            "task_module": reply.module or None,
            "task_params": json.loads(reply.params),
            "batch_id": reply.batch_id,
            "batch_task_ids": list(reply.members),
        }
    return {"task_id": None}
