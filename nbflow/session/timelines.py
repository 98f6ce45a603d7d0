"""The timeline of a recorded run, put together from its events."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import BadFlagValueError, UnknownRunError, did_you_mean
from nbflow.core.status import RunStatus, TaskState
from nbflow.display import drawing, gantt, gantt_svg
from nbflow.display.theme import RUN_STATES
from nbflow.display.timeline import Span, Timeline, TimelineRow, in_steps, with_critical_path
from nbflow.session.display import display_settings
from nbflow.session.handle import store_path
from nbflow.stores import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nbflow.stores.history import EventRow, RunRow, TaskRunRow

_OUTCOMES = {
    "TaskSucceeded": TaskState.DONE,
    "TaskFailed": TaskState.FAILED,
    "TaskFoundComplete": TaskState.COMPLETE,
    "TaskSuspended": TaskState.DONE,
    "TaskRequeued": TaskState.CANCELLED,
}
#: Seconds between a task's start and its work that are shown as waiting.
_HANDED_OUT = 0.1
_FORMATS: dict[str, Callable[[Timeline], str]] = {
    ".svg": gantt_svg.timeline_svg,
    ".html": gantt.timeline_page,
    ".txt": lambda timeline: f"{gantt.timeline_text(timeline)}\n",
}


class TimelineView:
    """A run as a Gantt chart: when tasks waited and ran, tries, and the critical path."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; times are seconds since the run began."""
        shown = self.timeline
        return {
            "run_id": shown.run_id,
            "task": shown.title,
            "status": shown.outcome,
            "seconds": shown.seconds,
            "workers": shown.workers,
            "critical_seconds": shown.critical_seconds,
            "tasks": [
                {
                    "task_id": row.task_id,
                    "task": row.name,
                    "state": row.state,
                    "attempts": row.attempts,
                    "is_critical": row.is_critical,
                    "requires": row.deps,
                    "spans": [span._asdict() for span in row.spans],
                }
                for row in shown.rows
            ],
        }

    def to_svg(self) -> str:
        """The drawing."""
        return gantt_svg.timeline_svg(self._shown())

    def save(self, path: str) -> str:
        """Write the timeline to `path`; returns the absolute path.

        The suffix says the format: .svg, .html or .txt.

        Raises
        ------
        BadFlagValueError
            The suffix is that of no format.
        """
        suffix = os.path.splitext(path)[1].lower()
        draw = _FORMATS.get(suffix)
        if draw is None:
            raise BadFlagValueError(
                f"{path}: {suffix or 'no suffix'} is no format of a timeline; choose one of "
                f"{', '.join(_FORMATS)}.{did_you_mean(suffix, _FORMATS)}"
            )
        drawing.write_file(path, draw(self._shown()).encode())
        return os.path.abspath(path)

    def __repr__(self) -> str:
        return gantt.timeline_text(self._shown(), ascii=display_settings().ascii)

    def _repr_html_(self) -> str:
        return gantt.timeline_html(self._shown())

    def _shown(self) -> Timeline:
        return in_steps(self.timeline) if display_settings().stable else self.timeline


def timeline(run: str | None = None, *, store: str = "") -> TimelineView:
    """When the tasks of a run waited and ran.

    Parameters
    ----------
    run
        A run's id, its beginning or its end; None: the run that began last.
    store
        As in `RunOptions`.

    Raises
    ------
    UnknownRunError
        No run, or several, are meant.
    """
    path = store_path(store)
    run_id = history.last_run_id(path) if run is None else history.find_run(path, run)
    if run_id is None:
        raise UnknownRunError("nothing has run in this project yet, so there is no timeline.")
    found = next(row for row in history.read_runs(path, limit=None) if row.run_id == run_id)
    tasks = history.read_task_runs(path, run_id)
    return TimelineView(timeline_of(found, tasks, history.read_events(path, run_id)))


def timeline_of(
    run: RunRow, tasks: Sequence[TaskRunRow], events: Sequence[EventRow], *, now: float = 0.0
) -> Timeline:
    """The timeline that rows of the history tell.

    Parameters
    ----------
    now
        Unix seconds at which a run that goes on is shown; 0: the clock's.
    """
    last = events[-1].at if events else run.started
    end = run.ended or (last if run.status.is_final else now or time.time())
    spans = _Spans(run.started).fold(events, end, is_running=not run.status.is_final)
    rows = _rows(tasks, spans, _Planning(events, run.started))
    more = f" and {len(run.root_names) - 1} more" if len(run.root_names) > 1 else ""
    return Timeline(
        run_id=run.run_id,
        title=(run.root_names[0] if run.root_names else "run") + more,
        outcome="running" if run.status is RunStatus.RUNNING else run.status.lower(),
        state=RUN_STATES[run.status],
        seconds=end - run.started,
        workers=run.workers,
        rows=with_critical_path(rows),
    )


class _Spans:
    """Spans by task id, as events open and close them."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._found: dict[str, list[Span]] = {}
        self._open: dict[str, Span] = {}

    def fold(
        self, events: Iterable[EventRow], end: float, *, is_running: bool
    ) -> dict[str, list[Span]]:
        for event in events:
            at = event.at - self._started
            if event.kind == "TaskStarted":
                for task_id in (event.task_id, *event.data.get("members", ())):
                    self._begin(task_id, at, TaskState.RUNNING, event.seq)
            elif event.kind in _OUTCOMES:
                self._end(event, at)
        for task_id, span in list(self._open.items()):
            if span.state is TaskState.RUNNING:
                state = TaskState.RUNNING if is_running else TaskState.CANCELLED
                self._close(task_id, end - self._started, state)
        return self._found

    def _end(self, event: EventRow, at: float) -> None:
        state = _OUTCOMES[event.kind]
        open_span = self._open.get(event.task_id)
        if open_span is None or open_span.state is not TaskState.RUNNING:
            return
        if event.kind == "TaskRequeued" and event.data.get("not_before"):
            state = TaskState.WAITING  # somebody else had its lock
        self._close(event.task_id, at, state)
        if event.kind == "TaskSuspended":
            self._begin(event.task_id, at, TaskState.SUSPENDED, event.seq)
        elif event.kind in {"TaskFailed", "TaskRequeued"}:
            self._begin(event.task_id, at, TaskState.WAITING, event.seq)

    def _begin(self, task_id: str, at: float, state: TaskState, seq: int) -> None:
        waiting = self._open.get(task_id)
        if waiting is not None:
            self._close(task_id, at, waiting.state)
        self._open[task_id] = Span(at, at, state, seq)

    def _close(self, task_id: str, at: float, state: TaskState) -> None:
        opened = self._open.pop(task_id)
        spans = self._found.setdefault(task_id, [])
        if opened.is_work or at > opened.start:
            spans.append(Span(opened.start, max(at, opened.start), state, opened.seq))


class _Planning:
    """When tasks became known, and which were yielded by others."""

    def __init__(self, events: Iterable[EventRow], started: float) -> None:
        self.added: dict[str, float] = {}
        #: Id of a task to that of the one that yielded it, where it was not known before.
        self.parents: dict[str, str] = {}
        begun: dict[str, int] = {}
        known: dict[str, int] = {}
        for event in events:
            if event.kind == "TaskAdded" and event.task_id not in known:
                self.added[event.task_id] = event.at - started
                known[event.task_id] = event.seq
            elif event.kind == "TaskStarted":
                begun[event.task_id] = event.seq
            elif event.kind == "TaskSuspended":
                for dep in event.data.get("new_deps", ()):
                    if known.get(dep, 0) > begun.get(event.task_id, 0):
                        self.parents.setdefault(dep, event.task_id)


def _worked(spans: list[Span], seconds: float | None) -> list[Span]:
    """Spans whose last has no more work than the task took.

    A task counts as started when a worker process is given it; that may have to begin first, or to
    end another task.
    """
    if not spans or not seconds or not spans[-1].is_work:
        return spans
    *before, last = spans
    begun = last.end - seconds
    if begun - last.start < _HANDED_OUT:
        return spans
    waited = [Span(last.start, begun, TaskState.WAITING, last.seq)] if before else []
    return [*before, *waited, Span(begun, last.end, last.state, last.seq)]


def _rows(
    tasks: Sequence[TaskRunRow], spans: Mapping[str, list[Span]], planning: _Planning
) -> list[TimelineRow]:
    """Tasks that a worker had, by their first start; each with the time before it had its turn."""
    ids = {task.n: task.task_id for task in tasks}
    ends = {task_id: found[-1].end for task_id, found in spans.items()}
    rows = []
    for task in tasks:
        found = _worked(spans.get(task.task_id, []), task.seconds)
        if not found:
            continue
        deps = [ids[n] for n in task.deps if n in ids]
        ready = max([planning.added.get(task.task_id, 0.0), *(ends.get(dep, 0.0) for dep in deps)])
        queue = [Span(ready, found[0].start, TaskState.WAITING)] if ready < found[0].start else []
        rows.append(
            TimelineRow(
                task_id=task.task_id,
                family=task.family,
                name=task.name,
                state=task.state,
                spans=(*queue, *found),
                deps=(*deps, *(ids[n] for n in task.new_deps if n in ids)),
                parent=planning.parents.get(task.task_id, ""),
                attempts=task.attempts,
            )
        )
    return sorted(rows, key=lambda row: row.start)
