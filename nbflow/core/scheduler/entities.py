"""The things that the scheduler's state is made of: tasks, runs, workers, resources, queues.

They hold data and references to each other, and are changed by `SchedulerState.apply` alone.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import msgspec

from nbflow.core.errors import InvariantError
from nbflow.core.status import RunStatus, TaskStatus

if TYPE_CHECKING:
    from nbflow.core.events import RetryPolicy, RunInfo, TaskRecord

#: Rank of a ready task: (-priority, order of first mention, the task). The smallest goes first.
Entry = tuple[float, int, "Task"]
#: Family, batched parameters, signature, the other parameters with their values.
BatchKey = tuple[str, tuple[str, ...], "Signature", tuple[tuple[str, str], ...]]


class Task:
    """One task, as far as all runs together know it.

    `undone`, `hopeless_deps`, `hopeless`, `alive` and `entry` follow from the rest; they are kept
    up to date by propagation, so that no request has to count.
    """

    __slots__ = (
        "alive",
        "attempt",
        "batch_key",
        "changed",
        "dependents",
        "deps",
        "due",
        "entry",
        "execution",
        "hopeless",
        "hopeless_deps",
        "order",
        "priority",
        "ran_in",
        "record",
        "resumes_on",
        "retry",
        "runners",
        "runs",
        "setbacks",
        "signature",
        "status",
        "task_id",
        "timeout",
        "undone",
    )

    def __init__(self, task_id: str, order: int, signature: Signature) -> None:
        self.task_id = task_id
        #: Place in the order of first mention.
        self.order = order
        #: None for a requirement that was named but not added yet.
        self.record: TaskRecord | None = None
        self.status = TaskStatus.UNKNOWN
        #: Number of the event that gave the status.
        self.changed = 0
        #: Effective: the highest of its own and those of the tasks that depend on it.
        self.priority = float("-inf")
        self.signature = signature
        self.deps: tuple[Task, ...] = ()
        #: Most have one, and a dict takes four times the bytes of a tuple.
        self.dependents: tuple[Task, ...] | dict[Task, None] = ()
        #: Requirements that are not DONE.
        self.undone = 0
        #: Requirements that are hopeless.
        self.hopeless_deps = 0
        #: It cannot run unless somebody acts: failed for good, disabled, unknown, or blocked.
        self.hopeless = True
        #: It waits and may run when others end or time passes.
        self.alive = False
        #: Not None while it is ready.
        self.entry: Entry | None = None
        #: Runs that want it, and those of them that can run it.
        self.runs: tuple[Run, ...] = ()
        self.runners: tuple[Run, ...] = ()
        self.retry: RetryPolicy | None = None
        self.timeout: float | None = None
        #: What tasks must share to run in one batch; None: it runs alone.
        self.batch_key: BatchKey | None = None
        self.attempt = 0
        self.execution: Execution | None = None
        #: Unix seconds before which it is not handed out. FAILED without: it is not retried.
        self.due: float | None = None
        #: The worker for which the next start belongs to the same attempt.
        self.resumes_on: str | None = None
        #: The run that executed it last.
        self.ran_in = ""
        self.setbacks: Setbacks | None = None

    def add_dependent(self, task: Task) -> None:
        """Note that `task` requires it."""
        dependents = self.dependents
        if not dependents:
            self.dependents = (task,)
        elif isinstance(dependents, dict):
            dependents[task] = None
        elif dependents[0] is not task:
            self.dependents = {dependents[0]: None, task: None}

    def drop_dependent(self, task: Task) -> None:
        """Note that `task` does not require it (any more)."""
        dependents = self.dependents
        if isinstance(dependents, dict):
            dependents.pop(task, None)
        elif dependents and dependents[0] is task:
            self.dependents = ()

    def rank(self) -> Entry:
        """Where it stands among ready tasks (Luigi S-31)."""
        return (-self.priority, self.order, self)

    def described(self) -> TaskRecord:
        """Its record; what can run has been added, and has one."""
        if self.record is None:
            raise InvariantError(f"{self.task_id} was never added, only named.")
        return self.record

    def executing(self) -> Execution:
        """Its execution; only what runs has one."""
        if self.execution is None:
            raise InvariantError(f"{self.task_id} is {self.status} and does not run.")
        return self.execution

    def __repr__(self) -> str:
        return f"<Task {self.task_id} {self.status}>"


class Setbacks:
    """What went wrong with a task; most have none."""

    __slots__ = ("busy", "disabled_until", "failures", "first_failure", "missing")

    def __init__(self) -> None:
        #: Times of failures, oldest first; those outside of the window are dropped.
        self.failures: list[float] = []
        self.first_failure: float | None = None
        #: Unix seconds; None where the scheduler did not disable it.
        self.disabled_until: float | None = None
        #: Times that it was found held elsewhere since it last ran.
        self.busy = 0
        #: Times that requirements were found missing.
        self.missing = 0


class Execution(msgspec.Struct, eq=False):
    """One hand-out of a task, from its start to its end."""

    run: Run
    worker: Worker
    rank: Entry
    token: int
    #: When it started, and the number of the event that says so.
    at: float
    seq: int
    #: Amounts in use; None: nothing.
    held: dict[Resource, int] | None = None
    batch: Batch | None = None
    fraction: float | None = None
    message: str = ""
    tracking_url: str = ""


class Batch:
    """Tasks that one worker runs as one."""

    __slots__ = (
        "batch_id",
        "held",
        "members",
        "rank",
        "run",
        "signature",
        "synthetic",
        "task",
        "token",
        "worker",
    )

    def __init__(
        self, batch_id: str, run: Run, worker: Worker, members: list[Task], token: int
    ) -> None:
        self.batch_id = batch_id
        self.run = run
        self.worker = worker
        #: Those that are BATCH_RUNNING.
        self.members = members
        self.token = token
        self.rank = members[0].rank()
        self.signature = members[0].signature
        #: Held from its forming until the claim, then by the claimed task.
        self.held: dict[Resource, int] | None = None
        #: The task that runs for all; None until the worker claims it.
        self.task: Task | None = None
        #: `task` exists for this batch alone.
        self.synthetic = False


class Batcher:
    """How a worker makes one task of many of a family."""

    __slots__ = ("max_batch_size", "parameters")

    def __init__(self, parameters: tuple[str, ...], max_batch_size: int | None) -> None:
        self.parameters = parameters
        self.max_batch_size = max_batch_size

    def key(self, record: TaskRecord, signature: Signature) -> BatchKey | None:
        """What `record` shares with those that it may run with; None where it lacks a parameter."""
        params: dict[str, str] = json.loads(record.params)
        if not params.keys() >= set(self.parameters):
            return None
        others = tuple(item for item in params.items() if item[0] not in self.parameters)
        return (record.family, self.parameters, signature, others)


class Resource:
    """Something of which only so much can be used at once."""

    __slots__ = ("held", "name", "total", "used")

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.total = total
        self.used = 0
        #: (rank, amount) of what runs, by rank.
        self.held: list[tuple[Entry, int]] = []

    def outranking(self, entry: Entry) -> int:
        """How much is used by tasks that rank above `entry`."""
        above = bisect_left(self.held, (entry, 0))
        return sum(amount for _, amount in self.held[:above]) if above else 0


class Signature:
    """A set of needs that tasks have in common; `ready` are all such tasks of all runs.

    `ready` is kept only where it is asked: for signatures with needs, and for all while there are
    assistants.
    """

    __slots__ = ("needs", "ready")

    def __init__(self, needs: tuple[tuple[Resource, int], ...]) -> None:
        self.needs = needs
        self.ready = ReadyQueue()


class ReadyQueue:
    """Ready tasks by rank.

    An entry is valid while it is its task's `entry`. The first one always is: invalid entries are
    dropped when they come to the top, or when they outnumber the valid ones.
    """

    __slots__ = ("count", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        #: Valid entries.
        self.count = 0

    def push(self, entry: Entry) -> None:
        """Add a ready task."""
        self.count += 1
        heappush(self.entries, entry)

    def drop(self) -> None:
        """Note that one entry is no longer valid."""
        self.count = count = self.count - 1
        entries = self.entries
        while entries and (entry := entries[0])[2].entry is not entry:
            heappop(entries)
        if len(entries) > 2 * count + 16:
            entries[:] = [entry for entry in entries if entry[2].entry is entry]
            heapify(entries)

    def first(self, limit: int | None) -> list[Task]:
        """The `limit` highest tasks by rank (None: all), without changing anything."""
        found: list[Task] = []
        entries = self.entries
        frontier = [(entries[0], 0)] if entries else []
        while frontier and (limit is None or len(found) < limit):
            entry, index = heappop(frontier)
            if entry[2].entry is entry:
                found.append(entry[2])
            for child in (2 * index + 1, 2 * index + 2):
                if child < len(entries):
                    heappush(frontier, (entries[child], child))
        return found


class Run:
    """One run: what it wants, and what of it is ready."""

    __slots__ = (
        "alive",
        "alone",
        "batches",
        "cancelled",
        "deserted_at",
        "ended_at",
        "exit_code",
        "info",
        "queues",
        "ranks",
        "run_id",
        "running",
        "slots",
        "started_at",
        "status",
        "tasks",
        "timers",
        "workers",
    )

    def __init__(self, run_id: str, info: RunInfo, started_at: float) -> None:
        self.run_id = run_id
        self.info = info
        self.started_at = started_at
        self.status = RunStatus.RUNNING
        self.exit_code: int | None = None
        self.ended_at: float | None = None
        self.cancelled = False
        self.tasks: list[Task] = []
        #: `(self,)`, shared by all tasks that only this run wants.
        self.alone: tuple[Run, ...] = (self,)
        self.queues: dict[Signature, ReadyQueue] = {}
        self.batches: dict[BatchKey, ReadyQueue] = {}
        #: (time, order, task) of tasks that wait for a time; the first one always does.
        self.timers: list[tuple[float, int, Task]] = []
        #: Its tasks that wait and may still run.
        self.alive = 0
        #: Its tasks that run, here or for another run.
        self.running = 0
        #: Ranks of what was started for this run.
        self.ranks: list[Entry] = []
        #: Its workers; True for those that have asked for tasks.
        self.workers: dict[Worker, bool] = {}
        #: Of workers that ask and are not disabled.
        self.slots = 0
        #: When its last worker was lost.
        self.deserted_at: float | None = None


class Worker:
    """A loop that asks for tasks, runs them and reports."""

    __slots__ = (
        "assistant",
        "batchers",
        "batches",
        "contact",
        "disabled",
        "host",
        "pid",
        "running",
        "runs",
        "slots",
        "started_at",
        "worker_id",
    )

    def __init__(self, worker_id: str, started_at: float) -> None:
        self.worker_id = worker_id
        self.started_at = started_at
        #: When it was last heard of.
        self.contact = started_at
        self.slots = 1
        self.host = ""
        self.pid = 0
        self.assistant = False
        self.disabled = False
        #: Runs that it works for.
        self.runs: dict[Run, None] = {}
        self.running: dict[Task, None] = {}
        self.batches: dict[str, Batch] = {}
        self.batchers: dict[str, Batcher] = {}


class Session:
    """The last answers to one sender of commands that may be sent twice."""

    __slots__ = ("answers", "at", "forgotten")

    def __init__(self) -> None:
        #: JSON of the reply by sequence, oldest first.
        self.answers: dict[int, msgspec.Raw] = {}
        #: The highest sequence whose answer is gone.
        self.forgotten = -1
        #: When it last spoke.
        self.at = 0.0

    def remember(self, sequence: int, reply: msgspec.Raw, at: float, *, limit: int) -> None:
        """Keep an answer, and no more than `limit` in all."""
        self.at = at
        self.answers[sequence] = reply
        while len(self.answers) > limit:
            oldest = next(iter(self.answers))
            del self.answers[oldest]
            self.forgotten = max(self.forgotten, oldest)
