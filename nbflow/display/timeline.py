"""When the tasks of a run waited and ran, and which of them decided how long it took.

The model that a Gantt chart is drawn from. In stable mode times become steps, so that the chart of
a notebook is the same whenever it is executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.status import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Conditions in which a task does nothing.
IDLE = frozenset({TaskState.WAITING, TaskState.SUSPENDED})


class Span(NamedTuple):
    """Time that one task spent in one condition, in seconds since the run began."""

    start: float
    end: float
    #: WAITING until a worker took it, a lock was free or it was tried again; SUSPENDED until what
    #: it yielded was done. Of time with a worker, what came of it: DONE, FAILED, COMPLETE (found
    #: so), CANCELLED, or RUNNING.
    state: TaskState
    #: Position of its beginning among the run's events: only what began later can depend on it.
    seq: int = 0
    is_critical: bool = False

    @property
    def is_work(self) -> bool:
        """Whether a worker had the task."""
        return self.state not in IDLE

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One task that a worker had.

    Attributes
    ----------
    spans
        In the order of time; at least one is work.
    deps
        Ids of the tasks that it required, those that it yielded included.
    parent
        Id of the task that yielded it; empty for a task of the plan.
    """

    task_id: str
    family: str
    #: `Family(a=1)` of the shown parameters.
    name: str
    state: TaskState
    spans: tuple[Span, ...]
    deps: tuple[str, ...] = ()
    parent: str = ""
    attempts: int = 1

    @property
    def is_critical(self) -> bool:
        """Whether part of its work lies on the critical path."""
        return any(span.is_critical for span in self.spans)

    @property
    def start(self) -> float:
        """When a worker first had it."""
        return next(span.start for span in self.spans if span.is_work)

    @property
    def end(self) -> float:
        """When its last span ended."""
        return self.spans[-1].end

    @property
    def worked(self) -> float:
        """Seconds in the hands of workers, all attempts together."""
        return sum(span.seconds for span in self.spans if span.is_work)

    @property
    def waited(self) -> float:
        """Seconds in which nobody worked on it, after its turn had come."""
        return sum(span.seconds for span in self.spans if not span.is_work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A run as spans of time.

    Attributes
    ----------
    rows
        By their first start.
    state
        How the run as a whole looks.
    seconds
        From its start to its end, or to now.
    in_steps
        Times are numbers of steps, see `in_steps`.
    """

    run_id: str
    title: str
    outcome: str
    state: TaskState
    seconds: float
    workers: int
    rows: tuple[TimelineRow, ...]
    in_steps: bool = False

    @property
    def critical_seconds(self) -> float:
        """Work on the critical path: with any number of workers, the run takes that long."""
        return sum(span.seconds for row in self.rows for span in row.spans if span.is_critical)

    @property
    def worked(self) -> float:
        """Work of all tasks."""
        return sum(row.worked for row in self.rows)


def with_critical_path(rows: Sequence[TimelineRow]) -> tuple[TimelineRow, ...]:
    """`rows` with the spans marked that form the longest chain of work.

    Each piece of the chain could begin when the one before had ended: it is the next piece of the
    same task, a task that requires it, or one that it yielded.
    """
    pieces = list(_pieces(rows))
    ends: dict[int, float] = {}
    before: dict[int, int | None] = {}
    for piece in pieces:
        previous = max(piece.after, key=lambda seq: (ends[seq], -seq), default=None)
        begin = 0.0 if previous is None else ends[previous]
        ends[piece.seq] = begin + piece.span.seconds
        before[piece.seq] = previous
    path: set[int] = set()
    current = max(ends, key=lambda seq: (ends[seq], -seq), default=None)
    while current is not None:
        path.add(current)
        current = before[current]
    critical = {id(piece.span) for piece in pieces if piece.seq in path}
    return tuple(
        replace(row, spans=tuple(s._replace(is_critical=id(s) in critical) for s in row.spans))
        for row in rows
    )


def in_steps(timeline: Timeline) -> Timeline:
    """The same run with each piece of work one step long, begun as early as could be.

    What is left is what the tasks themselves decide: their order, attempts and requirements.
    """
    ends: dict[int, float] = {}
    spans: dict[str, list[Span]] = {row.task_id: [] for row in timeline.rows}
    for piece in _pieces(timeline.rows):
        start = max((ends[seq] for seq in piece.after), default=0.0)
        own = spans[piece.task_id]
        if own and own[-1].end < start:
            own.append(Span(own[-1].end, start, TaskState.SUSPENDED))
        ends[piece.seq] = start + 1.0
        own.append(piece.span._replace(start=start, end=start + 1.0))
    rows = [replace(row, spans=tuple(spans[row.task_id])) for row in timeline.rows]
    rows.sort(key=lambda row: (row.start, row.name, row.task_id))
    longest = max(ends.values(), default=0.0)
    marked = with_critical_path(_numbered(rows))
    return replace(timeline, rows=marked, seconds=longest, in_steps=True)


def _numbered(rows: Sequence[TimelineRow]) -> list[TimelineRow]:
    """`rows` with their spans numbered as if they had begun in this order."""
    order = sorted(
        (span.start, number, position)
        for number, row in enumerate(rows)
        for position, span in enumerate(row.spans)
    )
    numbers = {(number, position): seq for seq, (_, number, position) in enumerate(order)}
    return [
        replace(
            row,
            spans=tuple(
                span._replace(seq=numbers[number, position])
                for position, span in enumerate(row.spans)
            ),
        )
        for number, row in enumerate(rows)
    ]


def lanes(rows: Sequence[TimelineRow], *, limit: int) -> list[list[Span]]:
    """The work of `rows` on as few lanes as it fits without overlaps; at most `limit`.

    Spans that do not fit on `limit` lanes lie over others of the last.
    """
    found: list[list[Span]] = []
    for span in sorted(span for row in rows for span in row.spans if span.is_work):
        lane = next((lane for lane in found if lane[-1].end <= span.start), None)
        if lane is None and len(found) < limit:
            found.append(lane := [])
        (found[-1] if lane is None else lane).append(span)
    return found


class _Piece(NamedTuple):
    """One span of work: its number, and those of the pieces that had to end before it."""

    seq: int
    task_id: str
    span: Span
    after: list[int]


def _pieces(rows: Sequence[TimelineRow]) -> Iterator[_Piece]:
    """Pieces of work in the order in which they began, each after all that it depends on."""
    by_id = {row.task_id: row for row in rows}
    latest: dict[str, int] = {}
    begun = sorted(
        ((span, row) for row in rows for span in row.spans if span.is_work),
        key=lambda each: each[0].seq,
    )
    for number, (span, row) in enumerate(begun):
        known = latest.keys() & {row.task_id, *row.deps, *_parent(row, by_id, latest)}
        after = sorted(latest[task_id] for task_id in known)
        latest[row.task_id] = number
        yield _Piece(number, row.task_id, span, after)


def _parent(
    row: TimelineRow, by_id: Mapping[str, TimelineRow], latest: Mapping[str, int]
) -> tuple[str, ...]:
    """The task that yielded this one, where it has not begun yet."""
    return (row.parent,) if row.parent in by_id and row.task_id not in latest else ()
