"""One execution of a task as plain data that can travel: the call, its outcome, its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from nbflow.core.model.task import Task


class FileRecord(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A file as it was when it was looked at."""

    path: str
    #: Bytes; -1 where the target does not say.
    size: int = -1
    #: Unix seconds of the last change; 0 where the target does not say.
    modified: float = 0.0


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An exception as data."""

    #: Name of the exception's class, with its module unless that is builtins.
    type: str
    message: str = ""
    #: The whole traceback as text.
    traceback: str = ""
    #: The user's innermost frame: file (or `In[3]`, `report.ipynb:cell 5`), line, function.
    file: str = ""
    line: int = 0
    function: str = ""
    #: Source lines around `line`: (number, text).
    source: tuple[tuple[int, str], ...] = ()
    #: `__notes__` of the exception.
    notes: tuple[str, ...] = ()
    host: str = ""
    pid: int = 0


class TaskRef(msgspec.Struct, frozen=True):
    """A task by name, as it crosses a process border."""

    module: str
    family: str
    #: JSON object of parameter name to serialized value; private ones are absent.
    params: str
    task_id: str


class TaskCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution that a worker was given."""

    run_id: str
    task_id: str
    family: str
    module: str = ""
    #: JSON object of parameter name to serialized value; for a batch, lists of them.
    params: str = "{}"
    #: 1 for the first execution of the task, rising with each.
    attempt: int = 1
    #: Fencing token: a report with an older one is refused.
    token: int = 0
    #: Seconds; None for no limit.
    timeout: float | None = None
    #: The task runs although it is complete; its old output is moved aside meanwhile.
    forced: bool = False
    #: Requirements that `run()` yielded in this run and that are done; they count as complete.
    satisfied: tuple[str, ...] = ()
    #: Members of the batch that this call runs, their task ids; empty for a single task.
    members: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True, tag=True, gc=False):
    """`run()` ended, and every declared output is there."""

    seconds: float = 0.0
    outputs: tuple[FileRecord, ...] = ()
    inputs: tuple[FileRecord, ...] = ()
    #: Something that the summary should say, such as "complete() still says no".
    note: str = ""


class FoundComplete(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Under its lock the task was found complete: somebody else did it meanwhile."""

    note: str = ""


class Suspended(msgspec.Struct, frozen=True):
    """`run()` yielded requirements that are not complete.

    Tasks where the task ran in this process, TaskRefs where it ran in another; the worker plans
    them and sends `SuspendTask` with their ids.
    """

    requirements: tuple[Task | TaskRef, ...]
    seconds: float = 0.0


class Failed(msgspec.Struct, frozen=True, tag=True):
    """`run()` raised, or a declared output is missing, or the process died."""

    error: ErrorInfo
    seconds: float = 0.0
    #: The live exception where it was raised in this process, for `%debug`; it never travels.
    exception: Any = None


class Missing(msgspec.Struct, frozen=True, tag=True):
    """Requirements that are no longer complete; they are planned again."""

    task_ids: tuple[str, ...]
    error: ErrorInfo


class Busy(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Somebody else runs this task now; it is tried again later."""

    pid: int = 0
    holder: str = ""


class Interrupted(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The task was stopped with the run."""

    reason: str = "interrupted"


#: What an executor gives back.
Outcome = Done | FoundComplete | Suspended | Failed | Missing | Busy | Interrupted
#: What a worker reports to the scheduler.
ReportedOutcome = Done | FoundComplete | Failed | Missing | Busy | Interrupted
