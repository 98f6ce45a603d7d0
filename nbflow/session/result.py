"""What a run came to: counts, errors, outputs, and the way to raise it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.core.errors import (
    NotSupportedHereError,
    RunFailedError,
    RunInterrupted,
    UnknownTaskError,
    did_you_mean,
    shorten,
)
from nbflow.core.failure import user_traceback
from nbflow.core.status import RunStatus, TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pandas import DataFrame

    from nbflow.core.call import ErrorInfo
    from nbflow.core.model.task import Task
    from nbflow.core.summary import RunSummary, TaskSummary
    from nbflow.session.views import Dag


class TaskFailure:
    """One task that failed, is missing or could not be planned."""

    __slots__ = ("error", "state", "task", "task_id")

    def __init__(self, summary: TaskSummary) -> None:
        #: `Family(a=1)`.
        self.task = summary.name
        self.task_id = summary.record.task_id
        self.state = summary.state
        #: None for an external input that is missing.
        self.error: ErrorInfo | None = summary.error

    def __repr__(self) -> str:
        if self.error is None:
            return f"{self.task}: {self.state}"
        return f"{self.task}: {self.error.type}: {self.error.message}"


class RunResult:
    """A run that ended, or as it stood when it was asked.

    True exactly if every root is complete, or done where it declares no output. Can be pickled;
    the copy has no live tasks and exceptions.
    """

    def __init__(
        self,
        summary: RunSummary,
        *,
        tasks: Mapping[str, Task] | None = None,
        exceptions: Mapping[str, BaseException] | None = None,
        log_folder: str = "",
        stored: bool = False,
        run_again: Callable[[bool], RunResult] | None = None,
    ) -> None:
        self.summary = summary
        self._log_folder = log_folder
        #: Whether the run can be found in the history.
        self.stored = stored
        self._tasks: Mapping[str, Task] = tasks or {}
        self._exceptions: Mapping[str, BaseException] = exceptions or {}
        self._run_again = run_again

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tasks": {}, "_exceptions": {}, "_run_again": None}

    @property
    def ok(self) -> bool:
        """True exactly if every root is complete or done."""
        return self.summary.status is RunStatus.SUCCEEDED

    def __bool__(self) -> bool:
        return self.ok

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return self.summary.status

    @property
    def run_id(self) -> str:
        """The run's id, as in the history."""
        return self.summary.run_id

    @property
    def exit_code(self) -> int:
        """What the command line would exit with (`nbflow.core.status.ExitCode`)."""
        return self.summary.exit_code

    @property
    def root(self) -> str:
        """`Family(a=1)` of the tasks that were asked for."""
        return ", ".join(self.summary.info.root_names) if self.summary.info else ""

    @property
    def started(self) -> float:
        """Unix seconds."""
        return self.summary.started

    @property
    def seconds(self) -> float:
        """From start to end; 0 while running."""
        return max(self.summary.ended - self.summary.started, 0.0) if self.summary.ended else 0.0

    @property
    def ran(self) -> int:
        """Tasks that ran and succeeded."""
        return self.summary.ran

    @property
    def complete(self) -> int:
        """Tasks that were complete without running."""
        return self.summary.complete

    @property
    def failed(self) -> int:
        """Tasks that failed."""
        return self.summary.failed

    @property
    def skipped(self) -> int:
        """Tasks that neither ran nor were complete nor failed."""
        return self.summary.not_run

    @property
    def errors(self) -> list[TaskFailure]:
        """What went wrong, in the order in which the tasks became known."""
        bad = (TaskState.FAILED, TaskState.MISSING, TaskState.UNPLANNED)
        return [TaskFailure(task) for task in self.summary.in_state(*bad)]

    @property
    def tasks(self) -> DataFrame:
        """One row a task: see `nbflow.frames.tasks_frame`."""
        from nbflow import frames

        return frames.summary_frame(self.summary)

    @property
    def live_tasks(self) -> Mapping[str, Task]:
        """The tasks themselves by id; empty in a result that was pickled."""
        return self._tasks

    @property
    def dag(self) -> Dag:
        """The graph of the run's tasks, each as it stood at the end."""
        from nbflow.session.views import Dag

        return Dag(self.summary.graph())

    def rerun(self, *, failed_only: bool = True) -> RunResult:
        """Run the same roots again with the same options, here and now; failures do not raise.

        Parameters
        ----------
        failed_only
            False: also what is complete runs anew.

        Raises
        ------
        NotSupportedHereError
            The result was pickled or read back.
        """
        if self._run_again is None:
            raise NotSupportedHereError(
                "this result was read back or pickled; run its tasks with nbflow.run(...)."
            )
        return self._run_again(failed_only)

    def __getitem__(self, name: str) -> TaskSummary:
        """How one task stands, by `Family(a=1)`, family or id."""
        return self.summary.tasks[self._find(name)]

    def __contains__(self, name: str) -> bool:
        return any(name in _names(task) for task in self.summary.tasks.values())

    def output(self, task: Task | str | None = None) -> Any:
        """What `output()` of a task of this run returns; by default of the only root."""
        return self._live(task).output()

    def load(self, task: Task | str | None = None) -> Any:
        """The content of a task's output: text, JSON, CSV and Parquet by its suffix.

        One target gives its content, several give it in the structure of `output()`.
        """
        from nbflow.targets.loading import load

        return _load_all(self._live(task).output(), load)

    def log(self, task: Task | str | None = None) -> str:
        """What the tasks of the run, or one of them, printed and logged."""
        from nbflow.stores.run_log import read_log

        task_id = None if task is None else self._find(_name_of(task))
        return read_log(self._log_folder, self.run_id, task_id)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        summary = self.summary
        return {
            "run_id": self.run_id,
            "status": str(self.status),
            "exit_code": int(self.exit_code),
            "root": self.root,
            "started": self.started,
            "seconds": self.seconds,
            "counts": {str(state): n for state, n in summary.counts.items() if n},
            "errors": [
                {
                    "task": failure.task,
                    "task_id": failure.task_id,
                    "state": str(failure.state),
                    "type": failure.error.type if failure.error else "",
                    "message": failure.error.message if failure.error else "",
                }
                for failure in self.errors
            ],
            "outputs": {
                root: [record.path for record in summary.tasks[root].outputs]
                or list(summary.tasks[root].record.outputs)
                for root in summary.roots
                if root in summary.tasks
            },
        }

    def raise_for_status(self) -> None:
        """Raise unless `ok`.

        Raises
        ------
        RunInterrupted
            The user stopped the run.
        RunFailedError
            Otherwise; its cause is the first failed task's exception, whose traceback ends in the
            user's own frame.
        """
        if self.ok:
            return
        if self.status is RunStatus.INTERRUPTED:
            raise RunInterrupted(self._interrupt_message(), self)
        error = RunFailedError(self._failure_message(), self)
        cause = next(iter(self._exceptions.values()), None)
        if cause is None:
            raise error
        raise error.with_traceback(user_traceback(cause)) from cause

    def _failure_message(self) -> str:
        if self.status is RunStatus.CANCELLED:
            return "the run was cancelled"
        summary = self.summary
        groups = (
            (TaskState.FAILED, "task failed", "tasks failed"),
            (TaskState.UNPLANNED, "task could not be planned", "tasks could not be planned"),
            (TaskState.MISSING, "external input is missing", "external inputs are missing"),
            (TaskState.DISABLED, "task is disabled", "tasks are disabled"),
        )
        parts = []
        for state, one, many in groups:
            names = [task.name for task in summary.in_state(state)]
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                parts.append(
                    f"{len(names)} {one if len(names) == 1 else many}: {', '.join(names[:3])}{more}"
                )
        told = "; ".join(parts) or f"{self.root} is not complete and nothing could run"
        error = next((failure.error for failure in self.errors if failure.error), None)
        if error is None:
            return told
        return f"{told} — {shorten(f'{error.type}: {error.message}')}"

    def _interrupt_message(self) -> str:
        return f"interrupted: {self.ran} ran, {self.skipped} not finished; complete tasks are kept"

    def _live(self, task: Task | str | None) -> Task:
        if task is None:
            roots = self.summary.roots
            if len(roots) != 1:
                raise UnknownTaskError(
                    f"the run had {len(roots)} roots ({self.root}); say which: output(task)."
                )
            task_id = roots[0]
        elif isinstance(task, str):
            task_id = self._find(task)
        else:
            return task
        if task_id not in self._tasks:
            raise NotSupportedHereError(
                "this result was read back or pickled and has no live tasks; "
                "make the task again and ask its output()."
            )
        return self._tasks[task_id]

    def _find(self, name: str) -> str:
        found = [i for i, task in self.summary.tasks.items() if name in _names(task)]
        if len(found) == 1:
            return found[0]
        known = [task.name for task in self.summary.tasks.values()]
        if found:
            raise UnknownTaskError(
                f"{len(found)} tasks of the run are {name!r}: "
                f"{', '.join(self.summary.tasks[i].name for i in found[:3])}. Name one of them."
            )
        raise UnknownTaskError(
            f"no task of the run is {name!r}.{did_you_mean(name, known)} "
            f"The run had {len(known)} tasks."
        )

    # -- how it looks --------------------------------------------------------------------------

    def __repr__(self) -> str:
        from nbflow.display import text
        from nbflow.session.display import display_settings

        settings = display_settings()
        return text.run_text(self.summary, stable=settings.stable, ascii=settings.ascii)

    def _repr_html_(self) -> str:
        from nbflow.display import html
        from nbflow.display.drawing import run_picture
        from nbflow.session.display import drawing_options

        options = drawing_options()
        picture = run_picture(self.summary, options)
        return html.run_html(self.summary, stable=options.stable, picture=picture)

    def _ipython_key_completions_(self) -> list[str]:
        return [task.name for task in self.summary.tasks.values()]


def _load_all(output: Any, load: Callable[[Any], Any]) -> Any:
    """The content of every target, in the structure in which they stand."""
    if isinstance(output, dict):
        return {key: _load_all(value, load) for key, value in output.items()}
    if isinstance(output, (list, tuple)):
        return [_load_all(value, load) for value in output]
    return load(output)


def _names(task: TaskSummary) -> tuple[str, str, str]:
    return task.name, task.record.family, task.record.task_id


def _name_of(task: Task | str) -> str:
    return task if isinstance(task, str) else task.task_id
