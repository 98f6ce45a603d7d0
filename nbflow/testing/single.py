"""One task alone: its inputs given, its outputs kept in memory, nothing on the disk."""

from __future__ import annotations

import io
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from nbflow.core.call import TaskCall
from nbflow.core.context import TaskContext, running
from nbflow.core.errors import IncompleteOutputError, NotARequirementError
from nbflow.core.model.nested import flatten
from nbflow.core.model.target import FileSystemTarget, Target
from nbflow.core.model.task import DynamicRequirements
from nbflow.targets.mock import MockFileSystem, MockTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from nbflow.core.model.task import Task

    Provide = Callable[[Task], Any]


class _Memory(MockFileSystem):
    """A file system of one execution."""

    def __init__(self) -> None:
        self._data = {}  # type: ignore[misc]


class TaskRun:
    """What one execution left behind.

    Attributes
    ----------
    outputs
        In the structure of `output()`, with targets in memory.
    yielded
        The requirements that `run()` yielded, in order.
    progress
        What the task said of itself: dicts of fraction, message, tracking_url.
    printed
        What it wrote to standard output.
    """

    def __init__(self) -> None:
        self.outputs: Any = None
        self.yielded: list[Any] = []
        self.progress: list[dict[str, Any]] = []
        self.resources: list[Mapping[str, int]] = []
        self.printed = ""

    def text(self) -> str:
        """What the task wrote to its only output.

        Raises
        ------
        ValueError
            It has none, or several.
        """
        targets = flatten(self.outputs)
        if len(targets) != 1:
            raise ValueError(f"the task has {len(targets)} outputs; read them from `outputs`.")
        with targets[0].open() as file:
            content: str = file.read()
        return content

    def load(self) -> Any:
        """The content of the only output, by its suffix (JSON, CSV, Parquet, text)."""
        from nbflow.targets.loading import load

        targets = flatten(self.outputs)
        if len(targets) != 1:
            raise ValueError(f"the task has {len(targets)} outputs; read them from `outputs`.")
        return load(targets[0])

    # What a running task reports to (`nbflow.core.context.Reporter`).

    def report_progress(self, **said: Any) -> None:
        """Keep what the task says of itself."""
        self.progress.append(said)

    def decrease_resources(self, amounts: Mapping[str, int]) -> None:
        """Keep what the task gives back."""
        self.resources.append(amounts)


def run_task(task: Task, *, inputs: Any = None, provide: Provide | None = None) -> TaskRun:
    r"""Run `task.run()` in this thread; what it raises is raised here.

    No requirement runs, nothing is asked whether it is complete, and no file is touched: `input()`
    gives `inputs`, and each file in `output()` becomes one in memory with the same path and format.

    Parameters
    ----------
    inputs
        What `input()` returns: a structure of targets, or of texts and bytes, of which targets in
        memory are made. None: targets in memory, empty until somebody writes them.
    provide
        Called with each task that `run()` yields; what it returns becomes the target that `yield`
        gives, made as `inputs` are. By default the yielded task's own output, in memory.

    Returns
    -------
    TaskRun
        With the outputs to be looked at.

    Raises
    ------
    IncompleteOutputError
        A declared output was not written.

    Examples
    --------
    >>> run_task(Count(day), inputs="a\nb\n").text()  # doctest: +SKIP
    '2'
    """
    memory = _Memory()
    outcome = TaskRun()
    outcome.outputs = _in_memory(task.output(), memory)
    given = _as_targets(inputs, memory) if inputs is not None else _own_inputs(task, memory)
    call = TaskCall(run_id="testing", task_id=task.task_id, family=task.task_family)
    context = TaskContext(call.task_id, call.run_id, reporter=outcome)
    printed = io.StringIO()
    with _replaced(task, given, outcome.outputs), running(context), redirect_stdout(printed):
        try:
            result = task.run()
            if hasattr(result, "send"):
                _drive(result, outcome, memory, provide)
        finally:
            context.flush()
            outcome.printed = printed.getvalue()
    missing = [str(target) for target in flatten(outcome.outputs) if not target.exists()]
    if missing:
        raise IncompleteOutputError(f"{task}: run() ended without writing {', '.join(missing)}.")
    return outcome


def _drive(
    generator: Generator[Any, Any, Any],
    outcome: TaskRun,
    memory: _Memory,
    provide: Provide | None,
) -> None:
    """Give each requirement that is yielded what `provide` says."""
    answer: Any = None
    while True:
        try:
            yielded = generator.send(answer)
        except StopIteration:
            return
        wanted = yielded.requirements if isinstance(yielded, DynamicRequirements) else yielded
        outcome.yielded.append(wanted)
        answer = _answers(wanted, memory, provide)


def _answers(wanted: Any, memory: _Memory, provide: Provide | None) -> Any:
    if isinstance(wanted, dict):
        return {key: _answers(value, memory, provide) for key, value in wanted.items()}
    if isinstance(wanted, (list, tuple)):
        return type(wanted)(_answers(value, memory, provide) for value in wanted)
    if not hasattr(wanted, "task_id"):
        raise NotARequirementError(f"run() yielded {type(wanted).__name__}; yield tasks.")
    if provide is None:
        return _in_memory(wanted.output(), memory)
    return _as_targets(provide(wanted), memory)


def _own_inputs(task: Task, memory: _Memory) -> Any:
    return _in_memory(task.input(), memory)


def _as_targets(given: Any, memory: _Memory) -> Any:
    """`given` with each text and bytes as a target in memory."""
    if isinstance(given, dict):
        return {key: _as_targets(value, memory) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(_as_targets(value, memory) for value in given)
    if isinstance(given, Target):
        return given
    data = given if isinstance(given, bytes) else str(given).encode()
    target = _target(f"given-{len(memory.get_all_data())}", memory)
    memory.put(target.path, data)
    return target


def _in_memory(output: Any, memory: _Memory) -> Any:
    """The same structure, each file a file in memory."""
    if isinstance(output, dict):
        return {key: _in_memory(value, memory) for key, value in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(_in_memory(value, memory) for value in output)
    if isinstance(output, FileSystemTarget):
        return _target(output.path, memory, getattr(output, "format", None))
    return output


def _target(path: str, memory: _Memory, form: Any = None) -> MockTarget:
    target = MockTarget(path, format=form)
    target.fs = memory
    return target


@contextmanager
def _replaced(task: Task, given: Any, outputs: Any) -> Iterator[None]:
    """Let this one instance answer `input()` and `output()` from memory."""
    kept = dict(task.__dict__)
    task.__dict__["input"] = lambda: given
    task.__dict__["output"] = lambda: outputs
    try:
        yield
    finally:
        for name in ("input", "output"):
            task.__dict__.pop(name)
            if name in kept:
                task.__dict__[name] = kept[name]
