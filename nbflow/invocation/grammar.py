"""A line of words to an Invocation and back: the one grammar of `%nbflow` and `nbflow`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbflow.core.errors import (
    BadFlagValueError,
    CommandError,
    NotSupportedHereError,
    UnknownFlagError,
    did_you_mean,
    shorten,
)
from nbflow.invocation.commands import Command, Flag, Kind, find_command
from nbflow.invocation.values import value_of
from nbflow.invocation.words import Quoting, Word, quote, split, verbatim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DOTTED_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_CALL = re.compile(r"([^\W\d][\w.]*)\((.*)\)", re.DOTALL)
_BETWEEN_ARGUMENTS = re.compile(r",\s*(?=[^\W\d]\w*=)")
_SHELLS = ("bash", "zsh", "fish")


class Repeated(tuple[object, ...]):
    """Values of one name that was given several times, in order."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What a line asks for; nothing has been looked up yet except the names in its values."""

    command: str
    #: Notebook, .py file or module in which the task is defined.
    source: str | None = None
    #: The task's name; a class or an instance where it was given as `$name` or `{expression}`.
    target: object | None = None
    #: Plain words other than source and task: a pattern, a run's id, a command's name.
    words: tuple[str, ...] = ()
    #: Values in the order given: a str is text for the parameter's parser, anything else an object.
    values: Mapping[str, object] = field(default_factory=dict)
    #: Values of other tasks of the graph, by `Task.parameter`.
    upstream: Mapping[str, object] = field(default_factory=dict)
    #: By `Flag.key`: True or False for a switch, "" for an optional value left out.
    flags: Mapping[str, object] = field(default_factory=dict)
    #: How each value was written, by name (`$date`, `@file`, `--date`); "" is the task.
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def is_dashed(self, name: str) -> bool:
        """True where the value was written `--name value`, as a flag is."""
        return self.origins.get(name, "").startswith("--")


def parse(line: str | Sequence[str], *, names: Mapping[str, object] | None = None) -> Invocation:
    """Understand a line.

    Parameters
    ----------
    line
        A str is a line of a notebook; a sequence holds words that a shell has split and unquoted.
    names
        What `$name`, `{expression}` and f"…" may use. None: these do not exist and are text.

    Raises
    ------
    CommandError
        Unknown command or flag, too many words, an open bracket or quote.
    ParameterError, NotSupportedHereError
        A value that cannot be had; a flag that is known and not built.
    """
    if isinstance(line, str):
        words = split(line, formatted=names is not None)
    else:
        words = [verbatim(word) for word in line]
    if not words or _asks_for_help(words[0]):
        return Invocation(command="help")
    command = find_command(_joined(words[0]).text)
    return _Reader(command, words[1:], names).read()


def format(invocation: Invocation, *, shell: bool = False) -> str:
    """The line of an invocation with its values resolved; `parse` of it gives the same again.

    Parameters
    ----------
    shell
        Quote for a POSIX shell instead of for a notebook line.
    """
    import shlex

    write = shlex.quote if shell else quote
    parts = [invocation.command]
    plain = [invocation.source, invocation.target, *invocation.words]
    parts += [_format_plain(_text(word), shell=shell) for word in plain if word is not None]
    for name, value in [*invocation.values.items(), *invocation.upstream.items()]:
        for each in value if isinstance(value, Repeated) else (value,):
            parts.append(f"{name}={write(_written(_text(each), shell))}")
    parts += [write(text) if shell else text for text in _format_flags(invocation.flags, shell)]
    return " ".join(parts)


class _Reader:
    """Reads the words after the command, one after the other."""

    def __init__(
        self, command: Command, words: list[Word], names: Mapping[str, object] | None
    ) -> None:
        self.command = command
        self.words = words
        self.names = names
        self.plain: list[tuple[object, Word]] = []
        self.values: dict[str, object] = {}
        self.upstream: dict[str, object] = {}
        self.flags: dict[str, object] = {}
        self.origins: dict[str, str] = {}

    def read(self) -> Invocation:
        rest = iter(self.words)
        pending = next(rest, None)
        while pending is not None:
            following = next(rest, None)
            if _asks_for_help(pending):
                self.flags["help"] = True
            elif pending.is_flag():
                if self._read_flag(pending, following):
                    following = next(rest, None)
            elif pending.key:
                self._take_value(pending.key, pending, origin=pending.text)
            else:
                self.plain.append((value_of(pending, self.names), pending))
            pending = following
        return self._invocation()

    def _read_flag(self, word: Word, following: Word | None) -> bool:
        """Take a flag; True where it used up the following word."""
        written = word.key or word.text
        flag = self.command.flag(written.lstrip("-"))
        given = word if word.key else None
        if flag is None:
            return self._read_dashed_parameter(written, given, following)
        if flag.later:
            raise NotSupportedHereError(
                f"{written} is not in this version of nbflow, so nothing was done. "
                f"%nbflow help {self.command.name} lists what is."
            )
        uses_next = False
        if given is None and flag.value and not flag.optional:
            given, uses_next = self._following(written, flag, following), True
        self._set_flag(flag, written, given)
        return uses_next

    def _following(self, written: str, flag: Flag, following: Word | None) -> Word:
        if following is None or following.is_flag():
            raise BadFlagValueError(f"{written} needs a value: {written}={flag.value}.")
        return _joined(following)._replace(key=written)

    def _set_flag(self, flag: Flag, written: str, given: Word | None) -> None:
        if given is None:
            value: object = "" if flag.optional else written != f"--no-{flag.name}"
        elif not flag.value:
            raise BadFlagValueError(f"{written} is a switch and takes no value.")
        else:
            value = flag.parse(_text(value_of(given, self.names)), command=self.command.name)
        if flag.repeatable:
            self.flags[flag.key] = (*_as_tuple(self.flags.get(flag.key)), value)
        elif flag.key in self.flags and self.flags[flag.key] != value:
            raise BadFlagValueError(
                f"--{flag.name} is given twice ({self.flags[flag.key]}, {value})."
            )
        else:
            self.flags[flag.key] = value

    def _read_dashed_parameter(
        self, written: str, given: Word | None, following: Word | None
    ) -> bool:
        """Take `--name value` of a parameter, as Luigi's command lines have it."""
        if self.command.values != "name" or not written.startswith("--"):
            raise unknown_flag(written, self.command)
        name = written[2:].replace("-", "_")
        if given is None and (following is None or following.is_flag()):
            self._keep(name, True, written)
            return False
        word = given or _joined(following or _EMPTY)._replace(key=written)
        self._take_value(name, word, origin=written)
        return given is None

    def _take_value(self, name: str, word: Word, *, origin: str) -> None:
        if not self.command.values:
            raise CommandError(
                f"{self.command.name} takes no values, but found {name}={shorten(word.text)}. "
                f"It is used so: {self.command.usage()}"
            )
        self._keep(name, value_of(word, self.names), origin)

    def _keep(self, name: str, value: object, origin: str) -> None:
        where = self.upstream if "." in name else self.values
        if name in where:
            earlier = where[name]
            first = earlier if isinstance(earlier, Repeated) else (earlier,)
            value = Repeated((*first, value))
        where[name] = value
        self.origins[name] = origin

    def _invocation(self) -> Invocation:
        source = self._take_source()
        target = self._take_target()
        return Invocation(
            command=self.command.name,
            source=source,
            target=target,
            words=self._take_words(),
            values=self.values,
            upstream=self.upstream,
            flags=self.flags,
            origins=self.origins,
        )

    def _take_source(self) -> str | None:
        if not self.command.has_source or not self.plain:
            return None
        value, word = self.plain[0]
        if not isinstance(value, str):
            return None
        if Kind.FILE in self.command.needs and len(self.plain) < 2:
            return None  # the only word is the file to be written
        is_file = value.endswith((".ipynb", ".py"))
        is_module = word.quoting is Quoting.BARE and bool(_DOTTED_NAME.fullmatch(value))
        if Kind.TASK in self.command.kinds:
            is_module = is_module and len(self.plain) > 1
        else:
            is_module = is_module and (len(self.plain) > 1 or "." in value)
        if not (is_file or is_module):
            return None
        self.plain.pop(0)
        return value

    def _take_target(self) -> object | None:
        if Kind.TASK not in self.command.kinds:
            return None
        if not self.plain:
            if Kind.TASK in self.command.needs and "help" not in self.flags:
                raise CommandError(
                    f"{self.command.name} needs the name of a task: {self.command.usage()}  "
                    f"For example: {self.command.examples[0][0]}"
                )
            return None
        value, word = self.plain.pop(0)
        self.origins[""] = word.text
        return self._target_of_call(value) if isinstance(value, str) else value

    def _target_of_call(self, text: str) -> str:
        """The family of `Report(date=2026-08-01)`, as cards write it; its values are taken too."""
        match = _CALL.fullmatch(text)
        if match is None:
            return text
        for argument in filter(None, _BETWEEN_ARGUMENTS.split(match[2].strip())):
            name, equals, value = argument.partition("=")
            if not equals:
                raise CommandError(
                    f"{shorten(text)} — {shorten(argument)} has no name. "
                    f"Write {match[1]}(name=value), or {match[1]} name=value."
                )
            self._keep(name, value, value)
        return match[1]

    def _take_words(self) -> tuple[str, ...]:
        allowed = [k for k in self.command.kinds if k not in {Kind.SOURCE, Kind.TASK}]
        if len(self.plain) > len(allowed) and Kind.TASKS not in allowed:
            extra = self.plain[len(allowed)][1].text
            raise CommandError(
                f"{shorten(extra)} is one word too many. Values are written name=value (no blanks "
                f"around =). It is used so: {self.command.usage()}"
            )
        words = tuple(_text(value) for value, _ in self.plain)
        if Kind.FILE in self.command.needs and "help" not in self.flags and not words:
            raise CommandError(
                f"{self.command.name} needs the name of a file: {self.command.usage()}  "
                f"For example: {self.command.examples[0][0]}"
            )
        if Kind.SHELL in allowed and "help" not in self.flags and words[:1] not in _SHELL_WORDS:
            raise CommandError(f"completion needs the name of a shell: {', '.join(_SHELLS)}.")
        return words


_EMPTY = Word("", "", Quoting.LITERAL)
_SHELL_WORDS = {(shell,) for shell in _SHELLS}


def unknown_flag(written: str, command: Command) -> UnknownFlagError:
    """The error for a flag that neither the command nor the task's parameters know."""
    known = command.flag_names()
    names = [name.removeprefix("--") for name in known]
    close = did_you_mean(written.lstrip("-"), names, prefix="--")
    listed = "" if close else f"  Flags: {', '.join(known)}."
    return UnknownFlagError(f"{shorten(written)} is no flag of {command.name}.{close}{listed}")


def _asks_for_help(word: Word) -> bool:
    return word.quoting is Quoting.BARE and not word.key and word.text in {"?", "--help", "-h"}


def _joined(word: Word) -> Word:
    """The word as one value, where `a=b` stands for the text "a=b"."""
    if not word.key:
        return word
    return Word("", f"{word.key}={word.text}", Quoting.LITERAL, word.start, word.end)


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


def _text(value: object) -> str:
    """A value as the line writes it, where no parameter is at hand to serialize it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    family = getattr(value, "task_family", None)
    if isinstance(family, str):
        return family
    if isinstance(value, dict | list | tuple):
        import json

        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _written(text: str, shell: bool) -> str:
    """Text such that its `@` does not name a file; in a notebook the quotes say so."""
    return f"@{text}" if shell and text.startswith("@") else text


def _format_plain(text: str, *, shell: bool) -> str:
    if shell:
        import shlex

        return shlex.quote(text)
    written = quote(text)
    needs_quotes = written == text and ("=" in text or text.startswith("-"))
    return f"'{text}'" if needs_quotes else written


def _format_flags(flags: Mapping[str, object], shell: bool) -> Iterator[str]:
    for key, value in flags.items():
        name = key.replace("_", "-")
        for each in value if isinstance(value, tuple) else (value,):
            if each is True or each == "":
                yield f"--{name}"
            elif each is False:
                yield f"--no-{name}"
            else:
                text = f"{each:g}" if isinstance(each, float) else _text(each)
                yield f"--{name}={_written(text, shell) if shell else quote(text)}"
