"""What may stand next in a line: words for a shell's completion, and for a notebook's.

`complete` looks at what is in memory only; who calls it has loaded the source of the tasks.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.core.errors import NbflowError
from nbflow.core.model import registry
from nbflow.core.model.task import BaseTask
from nbflow.invocation.commands import COMMANDS, Command, Flag, Kind
from nbflow.session.cards import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbflow.core.model.parameters.base import Parameter
    from nbflow.core.model.task import Task


class Candidate(NamedTuple):
    """A word that may stand at the cursor."""

    text: str
    #: "command", "flag", "value", "task", "param", "file" or "variable".
    kind: str
    #: One line about it; may be empty.
    help: str = ""


def complete(
    words: Sequence[str], fragment: str, *, names: Mapping[str, object] | None = None
) -> list[Candidate]:
    """The words that may replace `fragment`, the likeliest first.

    Parameters
    ----------
    words
        The complete words before it, the command first, as a shell gives them.
    names
        What `$name` may be, in a notebook; None where there are no variables.
    """
    return [each for each in _offered(words, fragment, names) if each.text.startswith(fragment)]


def _offered(
    words: Sequence[str], fragment: str, names: Mapping[str, object] | None
) -> Iterator[Candidate]:
    if not words:
        yield from _commands()
        return
    command = next((each for each in COMMANDS if each.name == words[0]), None)
    if command is None:
        return
    key, equals, _ = fragment.partition("=")
    if key.startswith("-") and equals:
        flag = command.flag(key.lstrip("-"))
        yield from _flag_values(flag, f"{key}=")
    elif fragment.startswith("-"):
        yield from _flags(command, words)
    elif (flag := _awaiting(command, words)) is not None:
        yield from _flag_values(flag, "")
    elif equals:
        yield from _values(_task_in(command, words), key, names)
    else:
        yield from _plain(command, words, names)


def _commands() -> Iterator[Candidate]:
    for command in COMMANDS:
        yield Candidate(command.name, "command", command.summary)


def _plain(
    command: Command, words: Sequence[str], names: Mapping[str, object] | None
) -> Iterator[Candidate]:
    cls = _task_in(command, words)
    if Kind.COMMAND in command.kinds:
        yield from _commands()
    elif Kind.SHELL in command.kinds:
        yield from (Candidate(shell, "value") for shell in ("bash", "zsh", "fish"))
    elif cls is not None:
        yield from _parameters(cls, words)
        yield from _flags(command, words)
    elif {Kind.TASK, Kind.GLOB, Kind.TASK_OR_RUN} & set(command.kinds):
        yield from _tasks(names)
        if command.has_source and names is None and not _has_source(words):
            yield from _sources()


def _tasks(names: Mapping[str, object] | None) -> Iterator[Candidate]:
    # The notebook's own tasks first.
    classes = sorted(registry.task_classes(), key=lambda cls: cls.__module__ != "__main__")
    for cls in classes:
        yield Candidate(cls.task_family, "task", first_line(cls))
    for name, value in (names or {}).items():
        if isinstance(value, BaseTask) and not name.startswith("_"):
            yield Candidate(f"${name}", "variable", type(value).__name__)


def _sources() -> Iterator[Candidate]:
    import os

    for entry in sorted(os.listdir()):
        if entry.endswith((".ipynb", ".py")) and not entry.startswith("."):
            yield Candidate(entry, "file")


def _parameters(cls: type[Task], words: Sequence[str]) -> Iterator[Candidate]:
    """`name=` of what is not given yet, what must be given first."""
    given = {word.partition("=")[0] for word in words if "=" in word}
    rest = [(name, each) for name, each in cls.get_params() if name not in given]
    for name, parameter in sorted(rest, key=lambda pair: pair[1].has_default):
        yield Candidate(f"{name}=", "param", _told(parameter))


def _told(parameter: Parameter[Any]) -> str:
    must = "must be given"
    if parameter.has_default:
        must = f"default {parameter.shown(parameter.default)}"
    return ", ".join(filter(None, (parameter.type_label, must, parameter.description)))


def _values(
    cls: type[Task] | None, name: str, names: Mapping[str, object] | None
) -> Iterator[Candidate]:
    parameter = None if cls is None else dict(cls.get_params()).get(name)
    if parameter is None or parameter.is_private:
        return
    for text, told in _unique(_likely(parameter)):
        yield Candidate(f"{name}={text}", "value", told)
    for variable in names or {}:
        if not variable.startswith("_"):
            yield Candidate(f"{name}=${variable}", "variable")


def _likely(parameter: Parameter[Any]) -> Iterator[tuple[str, str]]:
    if parameter.has_default and parameter.default is not None:
        yield parameter.serialize(parameter.default), "default"
    choices = parameter.choices_text()
    if choices is not None:
        yield from ((choice, "") for choice in choices)
    elif parameter.kind == "Date":
        today = dt.datetime.now().astimezone().date()
        yield str(today), "today"
        yield str(today - dt.timedelta(1)), "yesterday"
    elif parameter.example:
        yield parameter.example, "example"


def _unique(values: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for text, told in values:
        if text not in seen:
            seen.add(text)
            yield text, told


def _flags(command: Command, words: Sequence[str]) -> Iterator[Candidate]:
    given = {word.partition("=")[0] for word in words}
    for flag in command.all_flags():
        if flag.later or (f"--{flag.name}" in given and not flag.repeatable):
            continue
        needs_value = bool(flag.value) and not flag.optional
        yield Candidate(f"--{flag.name}{'=' if needs_value else ''}", "flag", flag.help)
        if flag.negatable:
            yield Candidate(f"--no-{flag.name}", "flag", f"not: {flag.help}")


def _flag_values(flag: Flag | None, prefix: str) -> Iterator[Candidate]:
    for choice in flag.choices if flag is not None else ():
        yield Candidate(f"{prefix}{choice}", "value")


def _awaiting(command: Command, words: Sequence[str]) -> Flag | None:
    """The flag whose value the next word is."""
    last = words[-1]
    flag = command.flag(last.lstrip("-")) if last.startswith("-") and "=" not in last else None
    return flag if flag is not None and flag.value and not flag.optional else None


def _has_source(words: Sequence[str]) -> bool:
    return any(word.endswith((".ipynb", ".py")) for word in words[1:])


def _task_in(command: Command, words: Sequence[str]) -> type[Task] | None:
    """The task that the words name already."""
    if Kind.TASK not in command.kinds:
        return None
    for word in words[1:]:
        if not word.startswith("-") and "=" not in word and not _has_source(("", word)):
            try:
                return registry.get_task_cls(word)
            except NbflowError:
                continue
    return None


# -- shells ---------------------------------------------------------------------------------------

_BASH = """\
# Completion of nbflow for bash:  eval "$(nbflow completion bash)"
_nbflow() {
    local IFS=$'\\n'
    COMPREPLY=($(nbflow __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _nbflow nbflow
"""

_ZSH = """\
#compdef nbflow
# Completion of nbflow for zsh:  eval "$(nbflow completion zsh)"  after compinit
_nbflow() {
    local line text told
    local -a texts shown
    for line in "${(@f)$(nbflow __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        text=${line%%$'\\t'*}
        told=${line#*$'\\t'}
        texts+=("$text")
        shown+=("$text${told:+  -- $told}")
    done
    compadd -S '' -l -d shown -a texts
}
compdef _nbflow nbflow
"""

_FISH = """\
# Completion of nbflow for fish: save as ~/.config/fish/completions/nbflow.fish
complete -c nbflow -f -a '(nbflow __complete fish (commandline -opc)[2..] (commandline -ct))'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def shell_script(shell: str) -> str:
    """The script that makes bash, zsh or fish ask `nbflow __complete`."""
    return _SCRIPTS[shell]


def answer_shell(shell: str, words: Sequence[str]) -> list[str]:
    """The lines that `nbflow __complete` prints.

    Parameters
    ----------
    words
        For bash the line up to the cursor, as one word; else the words after `nbflow`, the last of
        them the one to complete (it may be empty).
    """
    before, fragment = _split_line(words[0]) if shell == "bash" else (words[:-1], words[-1])
    candidates = complete(before, fragment)
    if shell == "bash":
        # Bash takes what follows "=" or ":" for a word of its own.
        start = max(fragment.rfind("="), fragment.rfind(":")) + 1
        return [candidate.text[start:] for candidate in candidates]
    return [f"{each.text}\t{each.help}" for each in candidates]


def _split_line(line: str) -> tuple[list[str], str]:
    """The words after the program's name, and the unfinished one at the end."""
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    fragment = "" if not words or line[-1:].isspace() else words.pop()
    return words[1:], fragment


def source_in(words: Sequence[str]) -> str | None:
    """The notebook or file among the words, whose tasks are to be loaded first."""
    return next((word for word in words if word.endswith((".ipynb", ".py"))), None)
