"""What may be asked of the scheduler, and what it answers.

A command is decoded strictly (an unknown field is refused), a reply leniently. `session` and
`sequence` make a changing command idempotent: the same pair again gets the first answer and
changes nothing; an empty session is not remembered.
"""

from __future__ import annotations

import msgspec

from nbflow.core.call import (  # noqa: TC001 - msgspec resolves annotations at run time
    Busy,
    Done,
    ErrorInfo,
    Failed,
    FoundComplete,
    Interrupted,
    Missing,
    TaskCall,
)
from nbflow.core.events import RetryPolicy, RunInfo, TaskRecord  # noqa: TC001
from nbflow.core.status import RunStatus, TaskStatus


class Command(
    msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False, forbid_unknown_fields=True
):
    """A request to the scheduler."""

    session: str = ""
    sequence: int = 0


class StartRun(Command, frozen=True, kw_only=True, tag=True):
    """Begin a run of the roots in `info`."""

    run_id: str
    info: RunInfo


class EndRun(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """The worker is through: say how the run ended. `reason` as seen by the worker."""

    run_id: str
    #: None: decided from the roots; else interrupted or cancelled.
    status: RunStatus | None = None
    exit_code: int | None = None


class CancelRun(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """Hand out no further task of the run; running ones end by themselves or by their worker."""

    run_id: str


class JoinWorker(Command, frozen=True, kw_only=True, tag=True):
    """A worker makes itself known."""

    worker_id: str
    slots: int = 1
    host: str = ""
    pid: int = 0
    #: Also runs tasks that other workers added.
    assistant: bool = False


class LeaveWorker(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker goes; what it runs is pending again at once."""

    worker_id: str


class AddBatcher(Command, frozen=True, kw_only=True, tag=True):
    """Tasks of `family` that differ only in `parameters` may run together."""

    worker_id: str
    family: str
    parameters: tuple[str, ...]
    #: None: no limit.
    max_batch_size: int | None = None


class AddTask(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker says what it knows of a task.

    `status`: PENDING, DONE (it is complete), DISABLED, or UNKNOWN (`error` says why it could not
    be planned). `as_of` is the number of the last event that the worker had seen before it looked:
    "not complete" loses to a DONE that was decided after it.
    """

    run_id: str
    worker_id: str
    task: TaskRecord
    status: TaskStatus = TaskStatus.PENDING
    #: Ids of the requirements; None: unknown, keep what is known.
    deps: tuple[str, ...] | None = ()
    #: False: nobody can run it (an external task).
    runnable: bool = True
    retry: RetryPolicy | None = None
    #: Seconds that one execution may take; None: no limit.
    timeout: float | None = None
    batchable: bool = False
    as_of: int = 0
    error: ErrorInfo | None = None


class RequestTask(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker asks for something to do.

    `running` are the tasks that it runs; None where it does not say. A task that the scheduler
    believes to run there and that is not among them is handed out again (a lost answer).
    """

    run_id: str
    worker_id: str
    running: tuple[str, ...] | None = None
    #: All its places are taken: what it is given waits behind one of `running`.
    ahead: bool = False


class ClaimBatch(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """The worker has made one task of the batch that it was given; it runs under that id."""

    run_id: str
    worker_id: str
    batch_id: str
    task: TaskRecord


class FinishTask(Command, frozen=True, kw_only=True, tag=True):
    """How an execution ended. Refused when `token` is not the current one."""

    run_id: str
    worker_id: str
    task_id: str
    attempt: int
    token: int
    outcome: Done | FoundComplete | Failed | Missing | Busy | Interrupted


class SuspendTask(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """The execution waits for more requirements, which were added before this command."""

    run_id: str
    worker_id: str
    task_id: str
    attempt: int
    token: int
    new_deps: tuple[str, ...]


class Progress(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A running task says how it stands; None: unchanged."""

    run_id: str
    task_id: str
    token: int
    fraction: float | None = None
    message: str | None = None
    tracking_url: str | None = None


class DecreaseResources(Command, frozen=True, kw_only=True, tag=True):
    """A running task gives back part of what it holds; amounts below zero are ignored."""

    task_id: str
    token: int
    amounts: dict[str, int]


class Heartbeat(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A worker lives; its leases get their full length again."""

    worker_id: str


class Tick(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """Time has passed: expire leases, workers, disable windows, forgotten tasks; free retries."""


class ForgiveFailures(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A failed task may run again at once."""

    task_id: str


class EnableTask(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A task disabled by the scheduler may run again."""

    task_id: str


class MarkDone(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A person says that the task is done."""

    task_id: str


class SetResources(Command, frozen=True, kw_only=True, tag=True):
    """Totals of resources; a resource that is not named anywhere has the total 1."""

    totals: dict[str, int]


class Pause(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """Hand out nothing new."""


class Resume(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """Hand out tasks again."""


class DisableWorker(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """The worker gets no further task and ends."""

    worker_id: str


class SendMessage(Command, frozen=True, kw_only=True, tag=True, gc=False):
    """A message to a running task that accepts messages."""

    task_id: str
    message_id: str
    content: str


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """An answer of the scheduler."""


class Acknowledged(Reply, frozen=True, kw_only=True, tag=True, gc=False):
    """Done as asked (or known already)."""


class Added(Reply, frozen=True, kw_only=True, tag=True, gc=False):
    """The task is known; `status` is what it has now."""

    status: TaskStatus


class Refused(Reply, frozen=True, kw_only=True, tag=True, gc=False):
    """Not done, and nothing has changed. `code` for programs, `reason` for people.

    Codes: stale_token, unknown_task, unknown_run, unknown_worker, worker_disabled, paused,
    wrong_status, stale_observation, answer_forgotten.
    """

    code: str
    reason: str


class Assignment(Reply, frozen=True, kw_only=True, tag=True):
    """Run this."""

    call: TaskCall


class BatchAssignment(Reply, frozen=True, kw_only=True, tag=True):
    """Make one task of these, claim it with `ClaimBatch`, run it.

    `params` is a JSON object; the batched parameters hold lists of serialized values in rank
    order, the others one.
    """

    batch_id: str
    family: str
    module: str
    params: str
    members: tuple[str, ...]
    #: Reports on single members carry it until the batch is claimed: a member that cannot be made
    #: is reported by `FinishTask`.
    token: int = 0


class NothingReady(Reply, frozen=True, kw_only=True, tag=True, gc=False):
    """Nothing to hand out now.

    `pending` tasks of the run are not final and could still run when others end or time passes;
    `running` run somewhere; `wake_at` is the time (Unix seconds) when the next retry or requeued
    task is due, None if none is. With pending 0 or (running 0 and wake_at None) the worker may go.
    """

    pending: int = 0
    running: int = 0
    wake_at: float | None = None
    #: The worker was disabled and should end.
    worker_disabled: bool = False
    #: Somebody paused the scheduler: pending tasks wait for that, too.
    paused: bool = False


#: Every command and every reply, for decoding.
AnyCommand = (
    StartRun
    | EndRun
    | CancelRun
    | JoinWorker
    | LeaveWorker
    | AddBatcher
    | AddTask
    | RequestTask
    | ClaimBatch
    | FinishTask
    | SuspendTask
    | Progress
    | DecreaseResources
    | Heartbeat
    | Tick
    | ForgiveFailures
    | EnableTask
    | MarkDone
    | SetResources
    | Pause
    | Resume
    | DisableWorker
    | SendMessage
)
AnyReply = Acknowledged | Added | Refused | Assignment | BatchAssignment | NothingReady
