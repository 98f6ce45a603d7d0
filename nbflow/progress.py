"""How a run goes, as text: one live line on a terminal, a few log lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from nbflow.core import events as e
from nbflow.core.status import RunStatus, TaskState, TaskStatus
from nbflow.display import words
from nbflow.display.escape import visible
from nbflow.display.text import as_ascii
from nbflow.display.theme import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self, TextIO

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from nbflow.core.summary import RunSummary, TaskSummary

#: Seconds between two lines about progress, at least.
LINE_SECONDS = 2.0
#: Share of all tasks that must have finished since the last line about progress.
LINE_SHARE = 0.1
#: Seconds after which a line says that the run lives, although little has finished.
QUIET_SECONDS = 60.0
_BAR = 24


class TextProgress:
    """A subscriber that tells a person in a terminal, or a log file, how a run goes.

    Used as a context manager around the run; the live line is gone afterwards. It never raises:
    a stream that was closed ends the telling, not the run.

    Parameters
    ----------
    summary
        The run's own summary, which has taken the events before they come here.
    stream
        Where to write; standard error by default.
    live
        One line that changes; by default where the stream is a terminal.
    """

    def __init__(
        self,
        summary: RunSummary,
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        ascii: bool = False,
    ) -> None:
        self.summary = summary
        self.stream = sys.stderr if stream is None else stream
        self.ascii = ascii
        self._is_live = self.stream.isatty() if live is None else live
        self._live: Live | None = None
        #: False once writing has failed.
        self._is_heard = True
        self._told_start = False
        #: Tasks that were to run, and that were complete, when the first one was started.
        self._to_run = self._complete = 0
        #: The tasks that run now, by id.
        self._running: dict[str, TaskSummary] = {}
        #: What was said of a task that waits, so that it is said once.
        self._waiting: dict[str, str] = {}
        self._line_at = 0.0
        self._line_finished = 0

    def __enter__(self) -> Self:
        if self._is_live:
            self._live = _live_line(self.stream, self._draw)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        live, self._live = self._live, None
        if live is not None:
            try:
                live.stop()
            except (OSError, ValueError):
                self._is_heard = False

    def __call__(self, events: Sequence[e.RunEvent]) -> None:
        """Take a batch of events."""
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        if events and self._told_start and not self.summary.status.is_final:
            self._tell_progress(events[-1].at)

    # -- what is told --------------------------------------------------------------------------

    def _tell_start(self, event: e.RunEvent) -> None:
        if self._told_start:
            return
        self._told_start = True
        summary = self.summary
        self._line_at, self._line_finished = event.at, summary.finished
        self._say(
            event.at,
            f"{summary.run_id} {words.run_title(summary)}: {self._to_run:,} to run, "
            f"{self._complete:,} complete",
        )

    def _task_added(self, event: e.TaskAdded) -> None:
        # Counted here: the summary may be a whole batch ahead.
        if event.status is TaskStatus.DONE:
            self._complete += 1
        elif event.status is TaskStatus.PENDING and event.runnable:
            self._to_run += 1

    def _task_started(self, event: e.TaskStarted) -> None:
        self._tell_start(event)
        task = self.summary.tasks.get(event.task_id)
        if task is not None and task.state is TaskState.RUNNING:
            self._running[event.task_id] = task

    def _task_stopped(self, event: e.TaskSucceeded | e.TaskSuspended | e.TaskFoundComplete) -> None:
        self._running.pop(event.task_id, None)

    def _task_failed(self, event: e.TaskFailed) -> None:
        self._tell_start(event)
        self._running.pop(event.task_id, None)
        task = self.summary.tasks.get(event.task_id)
        name = task.name if task is not None else event.task_id
        where = words.place(event.error)
        again = "  (will be tried again)" if event.retry_at is not None else ""
        self._say(
            event.at,
            f"{_glyph(TaskState.FAILED)} {visible(name)} failed: {words.error_line(event.error)}"
            f"{f'  {where}' if where else ''}{again}",
            always=True,
        )

    def _task_requeued(self, event: e.TaskRequeued) -> None:
        self._running.pop(event.task_id, None)
        if not event.reason or self._waiting.get(event.task_id) == event.reason:
            return
        task = self.summary.tasks.get(event.task_id)
        if task is not None and event.not_before is not None:
            self._waiting[event.task_id] = event.reason
            text = f"{visible(task.name)} waits: {visible(event.reason)}"
            self._say(event.at, f"{_glyph(TaskState.WAITING)} {text}", always=True)

    def _run_finished(self, event: e.RunFinished) -> None:
        summary = self.summary
        if not summary.total and event.status is not RunStatus.SUCCEEDED:
            # It ended before anything was planned; the error that ended it says why.
            return
        self._tell_start(event)
        self._running.clear()
        glyph = STYLES[words.run_state(summary)].glyph
        self._say(
            event.at,
            f"{glyph} {words.run_title(summary)} {words.outcome(summary)}: {words.tally(summary)}",
        )

    def _tell_progress(self, at: float) -> None:
        passed = at - self._line_at
        finished = self.summary.finished
        share = (finished - self._line_finished) / (self.summary.total or 1)
        if passed < LINE_SECONDS or (share < LINE_SHARE and passed < QUIET_SECONDS):
            return
        self._line_at, self._line_finished = at, finished
        running = next(iter(self._running.values()), None)
        doing = f": {_doing(running)}" if running is not None else ""
        self._say(at, f"{_glyph(TaskState.RUNNING)} {words.tally(self.summary)}{doing}")

    # -- how it is written ------------------------------------------------------------------------

    def _say(self, at: float, text: str, *, always: bool = False) -> None:
        """Write a line; where there is a live line, only what would be lost from it."""
        if not self._is_heard or (self._is_live and not always):
            return
        line = f"[{time.strftime('%H:%M:%S', time.localtime(at))}] {text}"
        line = as_ascii(line) if self.ascii else line
        try:
            if self._live is not None:
                self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                self.stream.write(f"{line}\n")
                self.stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more, or the encoding has no such character: the run goes on.
            self._is_heard = False

    def _draw(self) -> Text:
        """The live line; called from rich's thread, so it reads counts and copies only."""
        from rich.text import Text

        summary = self.summary
        running = list(self._running.values())
        if not self._told_start:
            line = Text(f"planning: {words.plural(summary.total, 'task')} so far")
        else:
            line = Text(f"{words.tally(summary)} · {_clock(summary)}")
            line.append(f"  {_doing(running[0])}" if running else "")
        bar = _bar(summary)
        bar.append(" ").append_text(line)
        bar.no_wrap, bar.overflow = True, "ellipsis"
        return bar if not self.ascii else Text(as_ascii(bar.plain), no_wrap=True)


_HANDLERS: dict[type[e.RunEvent], Callable[..., None]] = {
    e.TaskAdded: TextProgress._task_added,
    e.TaskStarted: TextProgress._task_started,
    e.TaskSucceeded: TextProgress._task_stopped,
    e.TaskSuspended: TextProgress._task_stopped,
    e.TaskFoundComplete: TextProgress._task_stopped,
    e.TaskFailed: TextProgress._task_failed,
    e.TaskRequeued: TextProgress._task_requeued,
    e.RunFinished: TextProgress._run_finished,
}


def _live_line(stream: TextIO, draw: Callable[[], Text]) -> Live:
    from rich.console import Console
    from rich.live import Live

    console: Console = Console(file=stream)
    # What tasks print on the same terminal must go above the line; what goes to a file must not.
    return Live(
        console=console,
        get_renderable=draw,
        refresh_per_second=4,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )


def _bar(summary: RunSummary) -> Text:
    from rich.text import Text

    share = summary.finished / summary.total if summary.total else 0.0
    done = round(_BAR * share)
    ink = STYLES[TaskState.FAILED if summary.failed else TaskState.DONE].dark
    return Text("█" * done, style=ink).append("░" * (_BAR - done), style="dim")


def _doing(task: TaskSummary) -> str:
    """`Features(date=2026-08-01) 62 % 3/5 partitions`."""
    parts = [visible(task.name)]
    if task.fraction is not None:
        parts.append(f"{task.fraction:.0%}".replace("%", " %"))
    if task.message:
        parts.append(visible(task.message, limit=80))
    return " ".join(parts)


def _clock(summary: RunSummary) -> str:
    seconds = max(0, int(time.time() - summary.started)) if summary.started else 0
    return f"{seconds // 60:02}:{seconds % 60:02}"


def _glyph(state: TaskState) -> str:
    return STYLES[state].glyph
