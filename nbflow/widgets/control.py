"""What widgets ask of nbflow: runs to follow, tasks to plan and start, what was recorded.

The widgets know no more of running than this; who puts them together gives them an object that
can do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.graph import TaskGraph
    from nbflow.core.interfaces import Subscriber
    from nbflow.core.model.task import Task
    from nbflow.core.summary import RunSummary
    from nbflow.display.drawing import DrawingOptions
    from nbflow.display.environment import DisplaySettings
    from nbflow.display.model import ParameterTable
    from nbflow.stores.history_rows import RunRow, TaskRunRow

T = TypeVar("T")


class RunHandle(Protocol):
    """A run of this process."""

    run_id: str

    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def cancel(self) -> None:
        """Ask it to stop."""
        ...

    def subscribe(self, subscriber: Subscriber) -> None:
        """Let `subscriber` have every further event."""
        ...

    def look(self, read: Callable[[RunSummary], T]) -> T:
        """Give what `read` makes of how it stands."""
        ...


class Control(Protocol):
    """What a widget may ask for; every method may be called in any thread."""

    settings: DisplaySettings
    drawing: DrawingOptions
    #: Path of the project.
    project: str

    def parameters(self, cls: type[Task]) -> ParameterTable:
        """The parameters of a task class."""
        ...

    def plan(self, task: Task, *, force: bool = False) -> TaskGraph:
        """What a run of `task` would consist of."""
        ...

    def start(self, task: Task, line: str, *, force: bool = False) -> RunHandle:
        """Run `task` in the background; `line` is recorded as what started it."""
        ...

    def line(self, task: Task, given: Sequence[str], *, force: bool = False) -> str:
        """The line that does the same in a cell, with the values of the names in `given`.

        Private values are masked.
        """
        ...

    def runs(self) -> Sequence[RunHandle]:
        """Runs of this process that go on, the latest first."""
        ...

    def last_graph(self) -> TaskGraph | None:
        """The tasks of the run of this process that ended last."""
        ...

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a method when a run begins or has ended, while its object lives.

        Returns
        -------
        Callable
            What ends that sooner.
        """
        ...

    def history(self, task: str | None, status: str | None, *, limit: int) -> list[RunRow]:
        """Recorded runs, the latest first."""
        ...

    def tasks_of(self, run_id: str) -> list[TaskRunRow]:
        """Tasks of a recorded run."""
        ...

    def log(self, word: str | None, *, tail: int, grep: str | None = None) -> str:
        """What a task or a run wrote; None: the last run."""
        ...
