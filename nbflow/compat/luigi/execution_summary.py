"""`luigi.execution_summary`: how a run ended, as a code, a line and a text (W-70 to W-75)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NoReturn

from nbflow.compat.luigi._partition import Partition, Story, partition
from nbflow.compat.luigi._sections import execution_summary
from nbflow.compat.luigi._summary_text import summary_text
from nbflow.core.errors import NotSupportedHereError

if TYPE_CHECKING:
    from nbflow.session import RunResult

__all__ = ["LuigiRunResult", "LuigiStatusCode", "execution_summary", "summary"]


class LuigiStatusCode(Enum):
    """What to make of a run: a face, and why."""

    SUCCESS = (":)", "there were no failed tasks or missing dependencies")
    SUCCESS_WITH_RETRY = (":)", "there were failed tasks but they all succeeded in a retry")
    FAILED = (":(", "there were failed tasks")
    FAILED_AND_SCHEDULING_FAILED = (
        ":(",
        "there were failed tasks and tasks whose scheduling failed",
    )
    SCHEDULING_FAILED = (":(", "there were tasks whose scheduling failed")
    NOT_RUN = (
        ":|",
        "there were tasks that were not granted run permission by the scheduler",
    )
    MISSING_EXT = (":|", "there were missing external dependencies")


class LuigiRunResult:
    """What `build` gives with `detailed_summary`.

    Attributes
    ----------
    scheduling_succeeded
        What `build` gives without: False where a task failed, even if it succeeded later, or
        could not be planned. A missing external dependency leaves it True (W-70).
    one_line_summary, summary_text
        The last line of the summary, and the whole.
    run_result
        The run as nbflow tells of it; None where there were no tasks.
    """

    def __init__(self, run_result: RunResult | None, story: Story) -> None:
        self.run_result = run_result
        self.partition = Partition()
        if run_result is not None:
            self.partition = partition(run_result.summary, story)
        self.status = _status_of(self.partition)
        face, reason = self.status.value
        self.one_line_summary = f"This progress looks {face} because {reason}"
        self.summary_text = summary_text(
            self.partition,
            run_result.live_tasks if run_result is not None else {},
            self.one_line_summary,
            families=execution_summary().summary_length,
        )
        self.scheduling_succeeded = not (
            self.partition.ever_failed or self.partition.scheduling_error
        )

    def __str__(self) -> str:
        return f"LuigiRunResult with status {self.status}"

    def __repr__(self) -> str:
        return (
            f"LuigiRunResult(status={self.status!r}, one_line_summary={self.one_line_summary!r}, "
            f"scheduling_succeeded={self.scheduling_succeeded})"
        )


def summary(worker: object) -> NoReturn:
    """Luigi's summary of one of its workers, which there are none of here.

    Raises
    ------
    NotSupportedHereError
        Always.
    """
    raise NotSupportedHereError(
        f"summary({worker!r:.100}): there is no worker of Luigi's here. "
        "build(tasks, detailed_summary=True).summary_text is the text."
    )


def _status_of(found: Partition) -> LuigiStatusCode:
    """The code that Luigi chooses (W-72)."""
    if found.ever_failed:
        if not found.failed:
            return LuigiStatusCode.SUCCESS_WITH_RETRY
        if found.scheduling_error:
            return LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED
        return LuigiStatusCode.FAILED
    if found.scheduling_error:
        return LuigiStatusCode.SCHEDULING_FAILED
    if found.not_run:
        return LuigiStatusCode.NOT_RUN
    if found.missing_external:
        return LuigiStatusCode.MISSING_EXT
    return LuigiStatusCode.SUCCESS
