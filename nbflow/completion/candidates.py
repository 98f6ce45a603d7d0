"""The words that may stand next in a line, the likeliest first; for every face.

Only what is in memory is looked at, but for the names of files; who calls it has loaded the source
of the tasks.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from nbflow import config
from nbflow.completion.fitting import fits
from nbflow.core.errors import NbflowError
from nbflow.core.model import registry
from nbflow.core.model.task import BaseTask
from nbflow.core.status import RunStatus
from nbflow.invocation.commands import COMMANDS, Command, Flag, Kind
from nbflow.session import active_runs
from nbflow.session.cards import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbflow.completion.remembered import Remembered
    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.task import Task

#: Entries of a folder that are offered.
_FILES_SHOWN = 200
#: Commands that have to do with runs that go on only.
_FOR_ACTIVE_RUNS = ("cancel", "wait")


class Candidate(NamedTuple):
    """A word that may stand at the cursor."""

    text: str
    #: "command", "flag", "value", "task", "param", "file", "run" or "variable".
    kind: str
    #: One line about it; may be empty.
    help: str = ""


def complete(
    words: Sequence[str],
    fragment: str,
    *,
    names: Mapping[str, object] | None = None,
    remembered: Remembered | None = None,
) -> list[Candidate]:
    """The words that may replace `fragment`, the likeliest first.

    Parameters
    ----------
    words
        The complete words before it, the command first, as a shell gives them.
    names
        What `$name` may be, in a notebook; None where there are no variables.
    remembered
        What ran before; None where that is not known.
    """
    offered = _Offer(words, fragment, names, remembered).candidates()
    return [each for each in offered if each.text.startswith(fragment)]


def task_in(words: Sequence[str], names: Mapping[str, object] | None = None) -> type[Task] | None:
    """The class of the task that the words name already; the command is their first."""
    for word in words[1:]:
        if word.startswith("$"):
            value = (names or {}).get(word[1:])
            cls = value if isinstance(value, type) else type(value)
            if issubclass(cls, BaseTask):
                return cast("type[Task]", cls)
        elif not word.startswith("-") and "=" not in word and not _is_source(word):
            try:
                return registry.get_task_cls(word)
            except NbflowError:
                continue
    return None


class _Offer:
    """What is offered at one place."""

    def __init__(
        self,
        words: Sequence[str],
        fragment: str,
        names: Mapping[str, object] | None,
        remembered: Remembered | None,
    ) -> None:
        self.words = words
        self.fragment = fragment
        self.names = names
        self.remembered = remembered

    def candidates(self) -> Iterator[Candidate]:
        if not self.words:
            return _commands()
        command = next((each for each in COMMANDS if each.name == self.words[0]), None)
        if command is None:
            return iter(())
        key, equals, _ = self.fragment.partition("=")
        if key.startswith("-") and equals:
            return self._values_of_flag(command.flag(key.lstrip("-")), f"{key}=")
        if self.fragment.startswith("-"):
            return self._flags(command)
        awaiting = _awaiting(command, self.words)
        if awaiting is not None:
            return self._values_of_flag(awaiting, "")
        return self._values(command, key) if equals else self._plain(command)

    # -- words ---------------------------------------------------------------------------------

    def _plain(self, command: Command) -> Iterator[Candidate]:
        found = False
        for candidate in self._words(command):
            found = True
            yield candidate
        # Something of the command's own: else IPython fills the list with every name of Python.
        if not found and not self.fragment and command.name != "help":
            yield from self._flags(command)

    def _words(self, command: Command) -> Iterator[Candidate]:
        kinds = set(command.kinds)
        cls = task_in(self.words, self.names) if Kind.TASK in kinds else None
        if Kind.COMMAND in kinds:
            yield from _commands()
        elif Kind.SHELL in kinds:
            yield from (Candidate(shell, "value") for shell in ("bash", "zsh", "fish"))
        elif cls is not None:
            yield from self._parameters(cls)
            yield from self._flags(command)
        elif Kind.FILE in kinds:
            yield from _files("", (), self.fragment)
        elif command.values == "setting":
            for setting in config.SETTINGS.values():
                yield Candidate(f"{setting.name}=", "param", setting.meaning)
        elif Kind.RUN in kinds or Kind.TASK_OR_RUN in kinds:
            yield from self._runs(command, with_tasks=Kind.TASK_OR_RUN in kinds)
        elif {Kind.TASK, Kind.TASKS, Kind.GLOB} & kinds:
            yield from self._tasks()
            if command.has_source and self.names is None and not any(map(_is_source, self.words)):
                yield from _files("", (".ipynb", ".py"))

    def _tasks(self, prefix: str = "") -> Iterator[Candidate]:
        # The notebook's own tasks first.
        classes = sorted(registry.task_classes(), key=lambda cls: cls.__module__ != "__main__")
        for cls in classes:
            yield Candidate(f"{prefix}{cls.task_family}", "task", first_line(cls))
        for name, value in self._variables():
            if isinstance(value, BaseTask):
                yield Candidate(f"{prefix}${name}", "variable", type(value).__name__)

    def _runs(self, command: Command, *, with_tasks: bool) -> Iterator[Candidate]:
        """Runs that go on, and where the command looks back: what failed, and what ended."""
        looks_back = command.name not in _FOR_ACTIVE_RUNS
        if self.remembered is None:
            return
        if with_tasks and looks_back:
            for name in self.remembered.failed():
                yield Candidate(name, "task", "failed")
        active = {run.run_id: run for run in active_runs()}
        for run_id, run in active.items():
            yield Candidate(run_id, "run", f"running, {', '.join(map(str, run.tasks))}")
        if not looks_back:
            return
        for ended in self.remembered.runs():
            if ended.run_id not in active:
                age = f"{_age(time.time() - ended.started)} ago"
                told = ", ".join(filter(None, (ended.status, age, ended.title)))
                yield Candidate(ended.run_id, "run", told)
        if with_tasks:
            yield from self._tasks()

    def _parameters(self, cls: type[Task]) -> Iterator[Candidate]:
        """`name=` of what is not given yet, what must be given first."""
        family, dot, _ = self.fragment.rpartition(".")
        if dot:
            yield from self._upstream_parameters(family)
            return
        given = {word.partition("=")[0] for word in self.words if "=" in word}
        rest = [(name, each) for name, each in cls.get_params() if name not in given]
        for name, parameter in sorted(rest, key=lambda pair: pair[1].has_default):
            yield Candidate(f"{name}=", "param", _told(parameter))

    def _upstream_parameters(self, family: str) -> Iterator[Candidate]:
        try:
            upstream = registry.get_task_cls(family)
        except NbflowError:
            return
        for name, parameter in upstream.get_params():
            yield Candidate(f"{family}.{name}=", "param", _told(parameter))

    # -- values --------------------------------------------------------------------------------

    def _values(self, command: Command, key: str) -> Iterator[Candidate]:
        if command.values == "setting" and key in config.SETTINGS:
            for choice in config.SETTINGS[key].choices:
                yield Candidate(f"{key}={choice}", "value")
        cls, name = task_in(self.words, self.names), key
        if "." in key:
            family, _, name = key.rpartition(".")
            cls = task_in(("", family))
        parameter = None if cls is None else dict(cls.get_params()).get(name)
        if cls is None or parameter is None or not command.values:
            return
        if not parameter.is_private:
            likely = _unique(self._likely(cls.task_family, parameter))
            yield from (Candidate(f"{key}={text}", "value", told) for text, told in likely)
        yield from self._variables_for(parameter, key)
        if not parameter.is_private:
            typed = self.fragment[len(key) + 1 :]
            if typed.startswith("@"):
                yield from _files(f"{key}=@", (), typed[1:])
            elif parameter.kind == "Path":
                yield from _files(f"{key}=", (), typed)
            elif parameter.kind == "Task":
                yield from self._tasks(f"{key}=")

    def _likely(self, family: str, parameter: Parameter[Any]) -> Iterator[tuple[str, str]]:
        choices = parameter.choices_text()
        default = ""
        if parameter.has_default and parameter.default is not None:
            default = parameter.serialize(parameter.default)
        if choices is not None:
            # Luigi writes True for what is typed as true.
            first = [choice for choice in choices if choice.lower() == default.lower()]
            yield from ((choice, "default") for choice in first)
            yield from ((choice, "") for choice in choices)
            return
        is_known = bool(default)
        if default:
            yield default, "default"
        if parameter.kind == "Date":
            today = dt.datetime.now().astimezone().date()
            yield str(today), "today"
            yield str(today - dt.timedelta(1)), "yesterday"
        if self.remembered is not None:
            for text, state in self.remembered.values(family, parameter.name):
                is_known = True
                yield text, state.value
        if not is_known and parameter.kind not in {"Date", "Path", "Str"}:
            yield parameter.example, "example"

    def _variables_for(self, parameter: Parameter[Any], key: str) -> Iterator[Candidate]:
        """`$name` of what fits first; the rest only where a `$` was typed."""
        rest = []
        for name, value in self._variables():
            candidate = Candidate(f"{key}=${name}", "variable", type(value).__name__)
            if fits(value, parameter.annotation):
                yield candidate
            elif not callable(value) and not isinstance(value, ModuleType):
                rest.append(candidate)
        if self.fragment.startswith(f"{key}=$"):
            yield from rest

    def _variables(self) -> Iterator[tuple[str, object]]:
        for name, value in tuple((self.names or {}).items()):
            if not name.startswith("_") and name not in {"In", "Out"}:
                yield name, value

    # -- flags ---------------------------------------------------------------------------------

    def _flags(self, command: Command) -> Iterator[Candidate]:
        given = {word.partition("=")[0] for word in self.words}
        for flag in command.all_flags():
            is_elsewhere = flag.later or (flag.notebook_only and self.names is None)
            if is_elsewhere or (f"--{flag.name}" in given and not flag.repeatable):
                continue
            needs_value = bool(flag.value) and not flag.optional
            yield Candidate(f"--{flag.name}{'=' if needs_value else ''}", "flag", flag.help)
            if flag.negatable:
                yield Candidate(f"--no-{flag.name}", "flag", f"not: {flag.help}")

    def _values_of_flag(self, flag: Flag | None, prefix: str) -> Iterator[Candidate]:
        if flag is None:
            return
        for choice in flag.choices:
            yield Candidate(f"{prefix}{choice}", "value")
        typed = self.fragment[len(prefix) :]
        if flag.value in {"TASK", "GLOB"}:
            yield from self._tasks(prefix)
        elif flag.value == "FILE":
            yield from _files(prefix, (), typed)
        elif flag.name == "status":
            yield from (Candidate(f"{prefix}{status.lower()}", "value") for status in RunStatus)


def _commands() -> Iterator[Candidate]:
    for command in COMMANDS:
        yield Candidate(command.name, "command", command.summary)


def _files(prefix: str, suffixes: tuple[str, ...], typed: str = "") -> Iterator[Candidate]:
    """Names in the folder that `typed` begins, folders with a slash; of `suffixes` if there are."""
    folder, name = os.path.split(typed)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError:
        return
    shown = [
        (each, is_folder)
        for each, is_folder in found
        if each.startswith(name)
        and not (each.startswith(".") and not name)
        and (not suffixes or each.endswith(suffixes))
    ]
    for each, is_folder in shown[:_FILES_SHOWN]:
        path = os.path.join(folder, each)
        yield Candidate(f"{prefix}{path}{'/' if is_folder else ''}", "file")


def _age(seconds: float) -> str:
    """`20 s`, `5 min`, `3 h`, `2 d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _told(parameter: Parameter[Any]) -> str:
    must = "must be given"
    if parameter.has_default:
        must = f"default {parameter.shown(parameter.default)}"
    return ", ".join(filter(None, (parameter.type_label, must, parameter.description)))


def _unique(values: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for text, told in values:
        if text and text not in seen:
            seen.add(text)
            yield text, told


def _awaiting(command: Command, words: Sequence[str]) -> Flag | None:
    """The flag whose value the next word is."""
    last = words[-1]
    flag = command.flag(last.lstrip("-")) if last.startswith("-") and "=" not in last else None
    return flag if flag is not None and flag.value and not flag.optional else None


def _is_source(word: str) -> bool:
    return word.endswith((".ipynb", ".py"))
