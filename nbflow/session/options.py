"""What a run may be told, and what it is refused here."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import BadFlagValueError, NotSupportedHereError, did_you_mean
from nbflow.core.policy import NATIVE, RunPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.model.task import Task
    from nbflow.core.scheduler.policy import SchedulerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is done. The defaults are those of `%nbflow run`.

    Attributes
    ----------
    workers
        Tasks at once.
    executor
        Where tasks run: "inline" (here, one after another), "thread", "process", or the name of
        an entry point; "auto": inline for one worker, else process.
    force
        Tasks that run although they are complete: globs over `Family`, `Family(a=1)` or the task
        id; an empty string means the tasks that the run was asked for.
    fail_fast
        Start nothing more once a task has failed.
    retry
        How often a failed task is tried again in this run.
    timeout
        Seconds that one task may take; None: no limit.
    tee
        Echo the tasks' output as well as logging it; None: where a person watches.
    store
        "" for the project's database, "memory:" for none, "sqlite:///path" for another.
    scheduler
        The numbers by which the scheduler decides; None: nbflow's, with the project's resources.
    invocation, where
        The line that would start the same run, and the place that did; recorded.
    """

    workers: int = 1
    executor: str = "auto"
    force: tuple[str, ...] = ()
    fail_fast: bool = False
    retry: int = 0
    timeout: float | None = None
    tee: bool | None = None
    name: str = ""
    store: str = ""
    invocation: str = ""
    where: str = ""
    policy: RunPolicy = NATIVE
    scheduler: SchedulerConfig | None = None

    @classmethod
    def of(cls, options: RunOptions | None, given: dict[str, Any]) -> RunOptions:
        """`options` with the values of `given` in their place.

        Raises
        ------
        TypeError
            `given` has a name that is no option.
        """
        names = [field.name for field in fields(cls)]
        for name in given:
            if name not in names:
                raise TypeError(
                    f"{name!r} is no option of a run.{did_you_mean(name, names)} "
                    f"Options: {', '.join(names)}."
                )
        if isinstance(given.get("force"), bool):
            given["force"] = ("",) if given["force"] else ()
        elif isinstance(given.get("force"), str):
            given["force"] = (given["force"],)
        return replace(options or cls(), **given)

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises
        ------
        BadFlagValueError
            A value is outside of its range.
        NotSupportedHereError
            Right, but not here.
        """
        if self.workers < 1:
            raise BadFlagValueError(f"workers={self.workers}: it takes a number from 1.")
        if self.retry < 0:
            raise BadFlagValueError(f"retry={self.retry}: it takes a number from 0.")
        if self.timeout is not None and self.timeout <= 0:
            raise BadFlagValueError(f"timeout={self.timeout:g}: it takes seconds above 0.")
        if self.executor == "inline" and self.workers > 1:
            raise NotSupportedHereError(
                f"--workers {self.workers}: the inline executor runs one task at a time. "
                "Leave --executor inline out, or --workers."
            )

    @property
    def executor_name(self) -> str:
        """The executor that is used."""
        if self.executor != "auto":
            return self.executor
        return "process" if self.workers > 1 else "inline"

    def forces(self, roots: tuple[Task, ...]) -> Callable[[Task], bool] | None:
        """Says of a task whether it runs although it is complete; None where none is forced."""
        if not self.force:
            return None
        named = {root.task_id for root in roots} if "" in self.force else set()
        globs = [glob for glob in self.force if glob]

        def is_forced(task: Task) -> bool:
            if task.task_id in named:
                return True
            names = (type(task).task_family, str(task), task.task_id) if globs else ()
            return any(fnmatchcase(name, glob) for glob in globs for name in names)

        return is_forced

    @property
    def forces_others(self) -> bool:
        """True where tasks below the roots may be forced, so that all must be walked."""
        return any(self.force)
