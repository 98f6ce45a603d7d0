"""The tree of errors, each saying what was asked, what was found and what to do next.

::

    NbflowError(Exception)
      ConfigError(ValueError)
      CommandError(ValueError)
        UnknownCommandError  UnknownFlagError  UndefinedVariableError  BadFlagValueError
      ParameterError(ValueError)
        MissingParameterError  UnknownParameterError  DuplicateParameterError  BadValueError
      RegistryError(LookupError)
        UnknownTaskError  AmbiguousTaskError  NotATaskError  StaleInstanceError  UnknownRunError
      GraphError(ValueError)
        CycleError  NotARequirementError
      TargetError(OSError)
        TargetExistsError  MissingParentDirectoryError  NotADirectoryTargetError
      TaskError(RuntimeError)
        TaskFailedError  TaskTimeoutError  UnfulfilledDependenciesError  IncompleteOutputError
        WorkerDiedError  RequirementLoopError
      RunFailedError(RuntimeError)
      SchedulerError(RuntimeError)
        InvariantError  SchedulerUnreachableError  ProtocolVersionError
      StoreError(OSError)
        StoreInUseError  LeaseLostError  SchemaVersionError
      ExecutorError(RuntimeError)
        NotPicklableError
      PluginError(ImportError)
      SourceError(ValueError)
      NotSupportedHereError(RuntimeError)
    RunInterrupted(KeyboardInterrupt)  WaitInterrupted(KeyboardInterrupt)

The name that is printed is the class's without "Error" (`UnknownTask: ...`); `title` gives it.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def suggest(word: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """Names among `known` that `word` was probably meant to be.

    A name that differs only in case comes alone; else up to `limit`: those that end with the word
    after a dot, or else by similarity (difflib ratio of at least 0.6), best first.
    """
    names = list(dict.fromkeys(known))
    lowered = word.lower()
    exact = [name for name in names if name.lower() == lowered]
    if exact:
        return exact[:1]
    in_namespaces = [name for name in names if name.lower().endswith(f".{lowered}")]
    if in_namespaces:
        return in_namespaces[:limit]
    by_lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(lowered, list(by_lowered), n=limit, cutoff=0.6)
    return [by_lowered[name] for name in close]


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """' Did you mean A or B?' with its leading blank, or '' where nothing is close.

    `prefix` is put before each name that is suggested; it plays no part in the comparison.
    """
    close = [f"{prefix}{name}" for name in suggest(word, known)]
    if not close:
        return ""
    if len(close) == 1:
        return f" Did you mean {close[0]}?"
    return f" Did you mean {', '.join(close[:-1])} or {close[-1]}?"


#: Stands for the value of a private parameter wherever it would be shown.
MASK: Final = "••••"


def shorten(value: object, *, limit: int = 200) -> str:
    """Text of `value` on one line of at most `limit` characters, control characters escaped."""
    text = value if isinstance(value, str) else str(value)
    cut = text[: limit + 1]
    safe = printable(cut).replace("\n", r"\n")
    return safe if len(text) <= limit and len(safe) <= limit else safe[: limit - 1] + "…"


def printable(text: str) -> str:
    r"""`text` with unprintable characters as escapes, `\x1b`; line ends stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def _block(title: str, error: BaseException) -> list[str]:
    """What IPython shows: one short block, no frames of nbflow."""
    return [printable(f"{title}: {error}")]


class NbflowError(Exception):
    """Whatever nbflow raises by intent; subclasses carry the objects concerned as fields."""

    @property
    def title(self) -> str:
        """The class's name without "Error", as printed before the message."""
        return type(self).__name__.removesuffix("Error")

    def _render_traceback_(self) -> list[str]:
        return _block(self.title, self)

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses build their message from fields; the fields, not the arguments, travel.
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[NbflowError], args: tuple[Any, ...], fields: dict[str, Any]) -> NbflowError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class ConfigError(NbflowError, ValueError):
    """A setting is unknown, or its value is not what it should be."""


class CommandError(NbflowError, ValueError):
    """A command line or magic line cannot be understood; nothing ran."""


class UnknownCommandError(CommandError):
    """The first word is no command."""


class UnknownFlagError(CommandError):
    """The command has no such flag."""


class BadFlagValueError(CommandError):
    """A flag's value is not one of those it takes."""


class UndefinedVariableError(CommandError):
    """A `$name` or `{expression}` names something that the notebook does not have."""


class ParameterError(NbflowError, ValueError):
    """A parameter's declaration or its value is wrong."""


class MissingParameterError(ParameterError):
    """A required parameter was given no value anywhere."""


class UnknownParameterError(ParameterError):
    """A value was given for a parameter that the task does not have."""


class DuplicateParameterError(ParameterError):
    """One parameter was given two values."""


class BadValueError(ParameterError):
    """A value cannot be parsed, or is not among those allowed.

    `parameter` is its name, `value` the text that was shown for it (masked where it is private).
    """

    def __init__(self, message: str, *, parameter: str = "", value: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter
        self.value = value


class RegistryError(NbflowError, LookupError):
    """A name does not lead to one thing."""


class UnknownTaskError(RegistryError):
    """No task has that name."""


class AmbiguousTaskError(RegistryError):
    """Several tasks of different modules have that name."""


class NotATaskError(RegistryError, TypeError):
    """Something else stands where a Task class or instance was expected."""


class StaleInstanceError(RegistryError):
    """An instance belongs to a definition that was replaced, and no longer fits the new one."""


class UnknownRunError(RegistryError):
    """No run has that id."""


class GraphError(NbflowError, ValueError):
    """The tasks do not form a graph that can be run."""


class CycleError(GraphError):
    """A task requires itself through others; `path` has the names, first and last the same."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(
            f"a task requires itself: {' -> '.join(self.path)}. Nothing was run; "
            "remove one of these requirements."
        )


class NotARequirementError(GraphError, TypeError):
    """What `requires()` returned is not a Task (often it is a Target)."""


class TargetError(NbflowError, OSError):
    """A target cannot be read, written or moved."""


class TargetExistsError(TargetError, FileExistsError, RuntimeError):
    """The destination is already there. A RuntimeError too, which Luigi's copy raises."""


class MissingParentDirectoryError(TargetError, FileNotFoundError):
    """The parent folder is missing and was not to be made."""


class NotADirectoryTargetError(TargetError, NotADirectoryError):
    """A file stands where a folder was expected."""


class TaskError(NbflowError, RuntimeError):
    """A task did not do what it should."""


class TaskFailedError(TaskError):
    """A task's `run()` raised."""


class TaskTimeoutError(TaskError, TimeoutError):
    """A task ran longer than it may."""


class UnfulfilledDependenciesError(TaskError):
    """Requirements that were complete when the run was planned are no longer."""


class IncompleteOutputError(TaskError):
    """A declared output does not exist, although `run()` ended."""


class WorkerDiedError(TaskError):
    """The process of a task ended without a result."""


class RequirementLoopError(TaskError):
    """A task yields a requirement that ran and still is not complete."""


class RunFailedError(NbflowError, RuntimeError):
    """A run ended and a root task is not complete; `result` has the RunResult."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class SchedulerError(NbflowError, RuntimeError):
    """The scheduler cannot do what it was asked."""


class InvariantError(SchedulerError):
    """The scheduler's state contradicts itself; the text tells the task's story."""


class SchedulerUnreachableError(SchedulerError, ConnectionError):
    """The central scheduler does not answer."""


class ProtocolVersionError(SchedulerError):
    """Two sides speak different versions of the protocol."""


class StoreError(NbflowError, OSError):
    """The store cannot be read or written."""


class StoreInUseError(StoreError):
    """Another process holds the store."""


class LeaseLostError(StoreError):
    """A lease ended before its work did."""


class SchemaVersionError(StoreError):
    """The store was written by a newer version of nbflow."""


class ExecutorError(NbflowError, RuntimeError):
    """A task could not be started."""


class NotPicklableError(ExecutorError, TypeError):
    """A task cannot be sent to another process; the text names the attribute."""


class PluginError(NbflowError, ImportError):
    """A named part cannot be loaded; the text says what to install."""


class SourceError(NbflowError, ValueError):
    """A notebook, file or module cannot be read as a source of tasks."""


class NotSupportedHereError(NbflowError, RuntimeError):
    """Asked for something that this place or this version cannot do."""


class RunInterrupted(KeyboardInterrupt):
    """A run was interrupted by the user; `result` has the RunResult so far."""

    def __init__(self, message: str = "the run was interrupted", result: Any = None) -> None:
        super().__init__(message)
        self.result = result

    def _render_traceback_(self) -> list[str]:
        return _block("RunInterrupted", self)


class WaitInterrupted(KeyboardInterrupt):
    """The user stopped waiting for a run that goes on."""

    def _render_traceback_(self) -> list[str]:
        return _block("WaitInterrupted", self)
