"""The statuses of tasks and runs, which of them are final, and the exit codes."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class TaskStatus(StrEnum):
    """What the scheduler says of a task. The words are Luigi's."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    BATCH_RUNNING = "BATCH_RUNNING"
    SUSPENDED = "SUSPENDED"
    DONE = "DONE"
    FAILED = "FAILED"
    DISABLED = "DISABLED"
    UNKNOWN = "UNKNOWN"


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """True where nothing more can happen to the run."""
        return self is not RunStatus.RUNNING


class TaskState(StrEnum):
    """How a task stands *in one run*, as people are told; finer than the scheduler's status."""

    #: Its turn has not come yet.
    PENDING = "pending"
    #: Its lock or a resource is held by somebody else.
    WAITING = "waiting"
    #: A worker has it.
    RUNNING = "running"
    #: It yielded requirements that are not complete yet.
    SUSPENDED = "suspended"
    #: It ran in this run and succeeded.
    DONE = "done"
    #: It was complete without running in this run.
    COMPLETE = "complete"
    #: It ran in this run, and failed.
    FAILED = "failed"
    #: It could not run because something that it requires failed, is missing or was not planned.
    UPSTREAM_FAILED = "upstream failed"
    #: An external input that does not exist.
    MISSING = "missing"
    #: Its `requires()` or `complete()` raised.
    UNPLANNED = "not planned"
    #: It failed too often, or somebody disabled it.
    DISABLED = "disabled"
    #: The run ended before the task did.
    CANCELLED = "cancelled"


#: Task states after which nothing more happens to the task in that run.
FINAL_STATES = frozenset(TaskState) - {
    TaskState.PENDING,
    TaskState.WAITING,
    TaskState.RUNNING,
    TaskState.SUSPENDED,
}


class ExitCode(IntEnum):
    """Exit codes of the command line. If several hold: the highest of 1 and 3 to 5."""

    #: Every root is complete.
    COMPLETE = 0
    #: A task failed.
    TASK_FAILED = 1
    #: Wrong command, name or value; nothing ran.
    WRONG_COMMAND = 2
    #: Something needed is missing, disabled or could not be planned.
    NOT_PLANNED = 3
    #: Running or locked elsewhere, or refused.
    ELSEWHERE = 4
    #: The scheduler was lost.
    SCHEDULER_LOST = 5
    #: Stopped by Ctrl-C (SIGINT).
    INTERRUPTED = 130
    #: Stopped by SIGTERM.
    TERMINATED = 143
