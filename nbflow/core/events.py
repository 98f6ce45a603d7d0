"""The facts that the scheduler decided: one stream, read by every view, store and log.

Only the scheduler speaks: executors and workers send commands, and what all see is what was
decided. Decoding validates; unknown fields are ignored, so that an older reader understands a
newer writer.
"""

from __future__ import annotations

import json

import msgspec

# msgspec resolves the annotations of Structs at run time.
from nbflow.core.call import ErrorInfo, FileRecord  # noqa: TC001
from nbflow.core.status import RunStatus, TaskStatus


class RetryPolicy(msgspec.Struct, frozen=True, gc=False):
    """When a failed task is tried again, and when it is disabled. Seconds and counts."""

    #: Failures within `disable_window` seconds that disable the task; None: never.
    retry_count: int | None = None
    #: Seconds from a failure to the next try; None or negative: no other try.
    retry_delay: float | None = None
    disable_window: float | None = None
    #: Seconds after the first failure from which on the next failure disables the task.
    disable_hard_timeout: float | None = None


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task as data: what pages, stores and logs may know of it."""

    task_id: str
    family: str
    module: str = ""
    #: JSON object of parameter name to serialized value, in order of declaration; private
    #: parameters are absent.
    params: str = "{}"
    #: Names in `params` that are not shown (insignificant or hidden); one tuple a class.
    unshown: tuple[str, ...] = ()
    priority: float = 0.0
    resources: dict[str, int] | None = None
    is_external: bool = False
    is_wrapper: bool = False
    #: False where the task declares no output: it is done for the run when `run()` ends.
    has_output: bool = True
    #: Hash of the class's code and version of its definition in the kernel; recorded only.
    code_hash: str = ""
    code_version: int = 1
    #: Paths or reprs of the declared outputs, at most a few.
    outputs: tuple[str, ...] = ()

    def describe(self, *, limit: int = 120) -> str:
        """`Family(a=1, b=x)` of the shown parameters, each value cut to 60 characters."""
        if self.params == "{}":
            return f"{self.family}()"
        parts = [
            f"{name}={value if len(value) <= 60 else value[:59] + '…'}"
            for name, value in json.loads(self.params).items()
            if name not in self.unshown
        ]
        text = f"{self.family}({', '.join(parts)})"
        return text if len(text) <= limit else text[: limit - 2] + "…)"


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who started a run, where, with what."""

    roots: tuple[str, ...]
    #: `Family(a=1)` of each root.
    root_names: tuple[str, ...] = ()
    #: The user's label.
    name: str = ""
    #: The line that would start the same run.
    invocation: str = ""
    #: "cell In[3]", "cli", "python".
    where: str = ""
    user: str = ""
    host: str = ""
    pid: int = 0
    workers: int = 1
    executor: str = "inline"
    policy: str = "native"
    nbflow: str = ""
    python: str = ""
    git_commit: str = ""
    #: None where it is not known.
    git_dirty: bool | None = None


class RunEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """A fact that the scheduler decided.

    `seq` is the position in the stream, strictly increasing; `at` Unix seconds by the scheduler's
    clock; `run_id` may be empty for facts about no run.
    """

    seq: int
    at: float
    run_id: str = ""


class RunStarted(RunEvent, frozen=True, kw_only=True, tag=True):
    """A run began."""

    info: RunInfo


class RunFinished(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A run ended; no event of the run follows."""

    status: RunStatus
    exit_code: int = 0


class RunCancelled(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """No further task of the run is handed out; it ends when its worker says so."""


class RunsForgotten(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """Finished runs and the tasks that only they wanted are gone from the scheduler's state."""

    run_ids: tuple[str, ...]


class TaskAdded(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A task is part of the run. `status` DONE: it was complete before; UNKNOWN: see PlanFailed.

    Comes again when an observation says more of a known task; `status` is what it has then.
    """

    task: TaskRecord
    status: TaskStatus = TaskStatus.PENDING
    #: Ids of the tasks that it requires, in the order of `requires()`; empty if complete.
    deps: tuple[str, ...] = ()
    #: False: an external task that is not complete; nobody can run it.
    runnable: bool = True
    worker_id: str = ""
    retry: RetryPolicy | None = None
    #: Seconds that one execution may take; None: no limit.
    timeout: float | None = None
    batchable: bool = False
    #: The batch that it was made for; empty for a task of its own.
    batch_id: str = ""


class PlanFailed(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """`requires()` or `complete()` raised, or gave something wrong; what depends on it waits."""

    task_id: str
    error: ErrorInfo


class TaskStarted(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker was given the task; also after a suspension."""

    task_id: str
    worker_id: str
    attempt: int
    token: int
    #: Members of the batch that run with it.
    members: tuple[str, ...] = ()
    batch_id: str = ""
    #: It waits behind another task of its worker, and runs when it is through or TaskProgressed.
    ahead: bool = False


class TaskProgressed(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A running task said how it stands; only what changed is set. Not kept for ever.

    With nothing set: it runs by now, after it was given to its worker ahead of its time.
    """

    task_id: str
    #: 0 to 1.
    fraction: float | None = None
    message: str | None = None
    tracking_url: str | None = None


class TaskSuspended(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A running task waits for requirements that it yielded."""

    task_id: str
    new_deps: tuple[str, ...]


class TaskSucceeded(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A task ran and is done."""

    task_id: str
    attempt: int = 1
    #: Seconds inside `run()`.
    seconds: float = 0.0
    outputs: tuple[FileRecord, ...] = ()
    inputs: tuple[FileRecord, ...] = ()
    note: str = ""


class TaskFoundComplete(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A task was complete when its turn came; it did not run here."""

    task_id: str
    note: str = ""


class TaskFailed(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A task failed. `retry_at`: Unix seconds from which on it is tried again, None: not."""

    task_id: str
    error: ErrorInfo
    attempt: int = 1
    seconds: float = 0.0
    retry_at: float | None = None


class TaskRequeued(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A task is pending again: held elsewhere, interrupted, retried, or its worker was lost."""

    task_id: str
    reason: str = ""
    #: Unix seconds before which it is not handed out; None: at once.
    not_before: float | None = None
    #: Not handed out again in this run.
    withheld: bool = False
    #: It was handed out, but `run()` did not begin: for the same worker the attempt goes on.
    unbegun: bool = False


class TaskDisabled(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A task is not run any more: too many failures (`until` Unix seconds), or by its user."""

    task_id: str
    failures: int = 0
    until: float | None = None


class TaskEnabled(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A disabled task counts as failed again, and is tried at `retry_at` (Unix seconds)."""

    task_id: str
    retry_at: float | None = None


class TaskForgotten(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """Nobody is interested in the task any more."""

    task_id: str


class TaskResourcesDecreased(RunEvent, frozen=True, kw_only=True, tag=True):
    """A running task gave back part of what it holds."""

    task_id: str
    amounts: dict[str, int]


class WorkerJoined(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker is known from now on."""

    worker_id: str
    slots: int = 1
    host: str = ""
    pid: int = 0
    assistant: bool = False


class WorkerContacted(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker was heard of, after a while or for the first time in a run. Not kept for ever."""

    worker_id: str
    #: It asks for tasks of the run; else it only adds some, or lives.
    asks: bool = False


class WorkerDisabled(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker gets no further task."""

    worker_id: str


class WorkerLost(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker left, or was silent for too long."""

    worker_id: str


class BatcherAdded(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker can run tasks of a family together that differ only in `parameters`."""

    worker_id: str
    family: str
    parameters: tuple[str, ...]
    #: None: no limit.
    max_batch_size: int | None = None


class BatchFormed(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker was given tasks to run as one; it starts when the worker has made that one."""

    batch_id: str
    worker_id: str
    #: Ids in rank order.
    members: tuple[str, ...]
    token: int


class ResourcesSet(RunEvent, frozen=True, kw_only=True, tag=True):
    """Totals of resources changed; those that are not named stay."""

    totals: dict[str, int]


class SchedulerPaused(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """Nothing new is handed out."""


class SchedulerResumed(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """Tasks are handed out again."""


class MessageSent(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A message is on its way to a running task."""

    task_id: str
    message_id: str
    content: str


class CommandAnswered(RunEvent, frozen=True, kw_only=True, tag=True, gc=False):
    """A command that may be sent twice got its answer, which holds for the second time too."""

    session: str
    sequence: int
    #: The reply as JSON.
    reply: msgspec.Raw


#: Every event, for decoding: `msgspec.json.Decoder(AnyEvent)`.
AnyEvent = (
    RunStarted
    | RunFinished
    | RunCancelled
    | RunsForgotten
    | TaskAdded
    | PlanFailed
    | TaskStarted
    | TaskProgressed
    | TaskSuspended
    | TaskSucceeded
    | TaskFoundComplete
    | TaskFailed
    | TaskRequeued
    | TaskDisabled
    | TaskEnabled
    | TaskForgotten
    | TaskResourcesDecreased
    | WorkerJoined
    | WorkerContacted
    | WorkerDisabled
    | WorkerLost
    | BatcherAdded
    | BatchFormed
    | ResourcesSet
    | SchedulerPaused
    | SchedulerResumed
    | MessageSent
    | CommandAnswered
)
