"""How numbers, times and the outcome of a run are said, the same in text and in HTML."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from nbflow.core.status import RunStatus, TaskState
from nbflow.display.escape import shown_path, visible
from nbflow.display.theme import RUN_STATES

if TYPE_CHECKING:
    from nbflow.core.call import ErrorInfo
    from nbflow.core.summary import RunSummary, TaskSummary

#: What stands for a duration in stable mode.
NO_DURATION = "–"
NO_RUN_ID = "r-…"
_NUMBERED_CELL = re.compile(r"\bIn\[\d+\]")
_STATUS_WORDS = {RunStatus.SUCCEEDED: "SUCCESS"}


def duration(seconds: float | None, *, stable: bool = False) -> str:
    """`45 ms`, `22.8 s`, `2 min 05 s`, `1 h 04 min`; a dash where it is not told."""
    if stable or seconds is None:
        return NO_DURATION
    if seconds < 0.0995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def size(count: int | None) -> str:
    """`3.1 MB`; empty where it is not known."""
    if count is None or count < 0:
        return ""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment(at: float | None, *, stable: bool = False) -> str:
    """`2026-08-20 11:02`, local time; empty in stable mode and where it is not known."""
    if stable or not at:
        return ""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def plural(count: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def elapsed(summary: RunSummary, *, stable: bool = False) -> str:
    """How long the run took or takes."""
    if not summary.ended:
        return NO_DURATION
    return duration(summary.ended - summary.started, stable=stable)


def run_title(summary: RunSummary) -> str:
    """The roots of the run: `Report(date=2026-08-01)`, or the first and how many more."""
    info = summary.info
    if info is None:
        return "run"
    names = info.root_names or tuple(
        summary.tasks[root].name for root in info.roots if root in summary.tasks
    )
    if not names:
        return "run"
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return visible(names[0]) + more


def is_nothing_to_do(summary: RunSummary) -> bool:
    """True where every root was complete before."""
    return (
        summary.status is RunStatus.SUCCEEDED
        and summary.ran == 0
        and bool(summary.roots)
        and all(
            root in summary.tasks and summary.tasks[root].state is TaskState.COMPLETE
            for root in summary.roots
        )
    )


def run_state(summary: RunSummary) -> TaskState:
    """The state whose glyph and colour stand for the run."""
    if is_nothing_to_do(summary):
        return TaskState.COMPLETE
    if summary.status is RunStatus.FAILED and not summary.failed:
        for state in (TaskState.UNPLANNED, TaskState.MISSING, TaskState.WAITING):
            if summary.counts[state]:
                return state
    return RUN_STATES[summary.status]


def status_word(summary: RunSummary) -> str:
    """`SUCCESS`, `FAILED`, ..., as in the first line of a result."""
    return _STATUS_WORDS.get(summary.status, summary.status.value)


def outcome(summary: RunSummary, *, stable: bool = False) -> str:
    """What became of the run, as it follows the title: `succeeded in 22.8 s`."""
    took = "" if stable else elapsed(summary)
    if is_nothing_to_do(summary):
        return "is already complete"
    if summary.status is RunStatus.SUCCEEDED:
        return f"succeeded in {took}" if took else "succeeded"
    if summary.status is RunStatus.INTERRUPTED:
        return f"interrupted after {took}" if took else "interrupted"
    if summary.status is RunStatus.CANCELLED:
        return f"cancelled after {took}" if took else "cancelled"
    if summary.status is RunStatus.RUNNING:
        return "running"
    if not summary.failed:
        return "could not be completed"
    return f"failed after {took}" if took else "failed"


def tally(summary: RunSummary) -> str:
    """The counts that matter for how the run ended: `6 ran · 3 already complete · 0 failed`."""
    counts = summary.counts
    if summary.status is RunStatus.RUNNING:
        return (
            f"{summary.finished:,} of {summary.total:,} done · {summary.running:,} running"
            f" · {summary.failed:,} failed"
        )
    if summary.status in {RunStatus.INTERRUPTED, RunStatus.CANCELLED}:
        stopped = sum(1 for t in summary.in_state(TaskState.CANCELLED) if t.started)
        rest = summary.not_run - stopped
        failed = [f"{summary.failed:,} failed"] if summary.failed else []
        parts = [f"{summary.ran:,} ran", *failed, f"{stopped:,} interrupted"]
        return " · ".join([*parts, f"{rest:,} not started"])
    if summary.status is RunStatus.SUCCEEDED:
        return (
            f"{summary.ran:,} ran · {summary.complete:,} already complete"
            f" · {summary.failed:,} failed"
        )
    kept = [f"{summary.complete:,} already complete"] if summary.complete else []
    parts = [f"{summary.ran:,} ran", *kept, f"{summary.failed:,} failed"]
    words = {
        TaskState.UNPLANNED: "not planned",
        TaskState.MISSING: "missing",
        TaskState.DISABLED: "disabled",
        TaskState.WAITING: "waiting",
        TaskState.UPSTREAM_FAILED: "not run (upstream failed)" if summary.failed else "blocked",
    }
    parts += [f"{counts[state]:,} {word}" for state, word in words.items() if counts[state]]
    return " · ".join(parts)


def place(error: ErrorInfo, *, stable: bool = False) -> str:
    """Where an error happened: `In[12], line 14, in run`."""
    if not error.file:
        return ""
    file = without_numbers(error.file) if stable else error.file
    where = f"{visible(shown_path(file))}, line {error.line}"
    return f"{where}, in {visible(error.function)}" if error.function else where


def without_numbers(text: str) -> str:
    """`text` with `In[…]` for each cell: who executes a notebook decides how cells are counted."""
    return _NUMBERED_CELL.sub("In[…]", text)


def error_line(error: ErrorInfo) -> str:
    """`KeyError: 'amount'`, the first line of the message."""
    first = error.message.split("\n", 1)[0]
    return f"{visible(error.type)}: {visible(first)}" if first else visible(error.type)


def output_words(task: TaskSummary) -> str:
    """The outputs of a task that ran or was complete: the first path and how many more."""
    paths = [record.path for record in task.outputs] or list(task.record.outputs)
    if not paths:
        return ""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return visible(shown_path(paths[0])) + more


def why(task: TaskSummary) -> str:
    """Why a task without an error did not run; may be empty."""
    if task.reason or task.state is not TaskState.MISSING:
        return task.reason
    output = output_words(task)
    return f"{output} does not exist, and no task makes it" if output else "no task makes it"


def next_steps(summary: RunSummary) -> list[str]:
    """What a person can do after a run that did not succeed."""
    where = summary.info.where if summary.info else ""
    in_cell = where.startswith("cell")
    failed = summary.in_state(TaskState.FAILED)
    steps = []
    if failed and where != "python":
        command = "%nbflow" if in_cell else "nbflow"
        steps.append(f"{command} log {visible(failed[0].name)}")
    if failed and in_cell:
        steps.append("%debug")
    if summary.status is RunStatus.FAILED:
        mend = "fix the cell" if in_cell else "fix the cause"
        steps.append(f"{mend}, then run again: complete tasks are kept")
    else:
        steps.append("run again to go on: complete tasks are kept")
    return steps
