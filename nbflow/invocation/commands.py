"""The table of commands and flags; parsing, help and completion are read from it.

A command is one row of `COMMANDS`; a face that can do it has a function for its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nbflow.core.errors import BadFlagValueError, UnknownCommandError, did_you_mean, shorten

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(StrEnum):
    """What a plain word of a command means."""

    #: Optional, first: a notebook, a .py file, or a module before another word.
    SOURCE = "SOURCE"
    TASK = "TASK"
    TASKS = "TASK…"
    GLOB = "GLOB"
    RUN = "RUN"
    TASK_OR_RUN = "TASK|RUN"
    COMMAND = "COMMAND"
    SHELL = "bash|zsh|fish"
    FILE = "FILE"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command."""

    name: str
    help: str
    #: How the value is called in the help; "" for a switch.
    value: str = ""
    letter: str = ""
    #: The value may be left out, and is then given only by "=".
    optional: bool = False
    #: `--no-name` turns it off.
    negatable: bool = False
    #: May be given several times; the values become a tuple.
    repeatable: bool = False
    #: Offered by completion: all that there are, or some usual ones where there is a `read`.
    choices: tuple[str, ...] = ()
    #: Text to value; raises ValueError with what was expected.
    read: Callable[[str], object] | None = None
    #: Known by name, but refused: a later version has it.
    later: bool = False
    #: Refused in a terminal: it needs a page.
    notebook_only: bool = False

    @property
    def key(self) -> str:
        """The flag's name as an identifier: `dry_run`."""
        return self.name.replace("-", "_")

    def usage(self) -> str:
        """`-x, --fail-fast`, `--workers N`, `--force[=GLOB]`, `--tee/--no-tee`."""
        text = f"-{self.letter}, --{self.name}" if self.letter else f"--{self.name}"
        if self.negatable:
            text += f"/--no-{self.name}"
        if self.optional:
            return f"{text}[={self.value}]"
        return f"{text} {self.value}" if self.value else text

    def parse(self, text: str, *, command: str) -> object:
        """The value that `text` stands for."""
        if self.read is not None:
            try:
                return self.read(text)
            except ValueError as error:
                raise BadFlagValueError(
                    f"--{self.name}={shorten(text)} — {error} See %nbflow help {command}."
                ) from None
        if self.choices and text not in self.choices:
            raise BadFlagValueError(
                f"--{self.name}={shorten(text)} — choose one of {', '.join(self.choices)}."
                f"{did_you_mean(text, self.choices)}"
            )
        return text


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, its flags, and what a person is told of it."""

    name: str
    #: One line for the list of commands.
    summary: str
    kinds: tuple[Kind, ...] = ()
    #: Kinds that must be given.
    needs: frozenset[Kind] = frozenset()
    flags: tuple[Flag, ...] = ()
    #: Takes `name=value`: values of a task's parameters (or settings, for config).
    values: str = ""
    help: str = ""
    #: Lines after the command's name, each with what it does.
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def has_source(self) -> bool:
        """True where a notebook, file or module may stand first."""
        return Kind.SOURCE in self.kinds

    def all_flags(self) -> tuple[Flag, ...]:
        """Its own flags, then those that every command has."""
        return (*self.flags, *COMMON_FLAGS)

    def flag(self, name: str) -> Flag | None:
        """The flag called `name` (without dashes, `no-` removed where it may stand) or None."""
        for flag in self.all_flags():
            if name in {flag.name, flag.letter} or (flag.negatable and name == f"no-{flag.name}"):
                return flag
        return None

    def flag_names(self) -> list[str]:
        """Every way to write one of its flags that is built, with dashes."""
        names = []
        for flag in self.all_flags():
            if not flag.later:
                names.append(f"--{flag.name}")
                names += [f"--no-{flag.name}"] if flag.negatable else []
        return names

    def usage(self) -> str:
        """`run [SOURCE] TASK [name=value …] [flags]`."""
        words = [kind if kind in self.needs else f"[{kind}]" for kind in self.kinds]
        values = [f"[{self.values}=value …]"] if self.values else []
        return " ".join([self.name, *words, *values, "[flags]"])


_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?"
)


def duration(text: str) -> float:
    """Seconds of "90", "90s", "10m", "1h30m", "7d"; raises ValueError."""
    match = _DURATION.fullmatch(text)
    seconds = 0.0
    if match and text:
        days, hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = days * 86_400 + hours * 3600 + minutes * 60 + rest
    if seconds <= 0:
        msg = "a time looks like 90s, 10m or 1h30m."
        raise ValueError(msg)
    return seconds


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            msg = f"expected a whole number of at least {least}."
            raise ValueError(msg)
        return int(text)

    return read


def _number(name: str, help: str, least: int, *usual: str) -> Flag:
    return Flag(name, help, value="N", read=_at_least(least), choices=usual)


def _time(name: str, help: str, *usual: str) -> Flag:
    return Flag(name, help, value="TIME", read=duration, choices=usual)


COMMON_FLAGS = (
    Flag("json", "print one JSON document (in a notebook: return plain data, display nothing)"),
    Flag("show-code", "print the line as Python and as a command, and do nothing else"),
    Flag("help", "this text", letter="h"),
)

_FORCE = Flag(
    "force",
    "run the named task although it is complete; with a pattern: every task that it matches, by "
    "family or by Family(name=value)",
    value="GLOB",
    optional=True,
    repeatable=True,
)

_RUN_FLAGS = (
    _number("workers", "tasks at once", 1, "2", "4", "8"),
    Flag(
        "executor",
        "where tasks run: inline (this process), thread, process",
        value="NAME",
        choices=("inline", "thread", "process"),
        read=str,
    ),
    Flag("bg", "return at once and run in the background (notebook only)"),
    Flag("dry-run", "show what would run, and run nothing"),
    _FORCE,
    Flag("fail-fast", "start nothing more after the first failure", letter="x"),
    _number("retry", "try a failed task again up to N times", 0, "1", "2", "3"),
    _time("timeout", "fail a task that runs longer: 90s, 10m, 1h30m", "90s", "10m", "1h30m"),
    Flag("tee", "also show what tasks print (it always goes to the log)", negatable=True),
    Flag("name", "a label for this run in the history", value="LABEL"),
    Flag("store", "where the run is recorded; memory: for nowhere", value="URL"),
    Flag("no-raise", "in a notebook: give the result back although the run failed"),
    Flag("force-all", "", later=True),
    Flag("stale", "", later=True),
    Flag("view", "", value="NAME", later=True),
    Flag("scheduler", "", value="URL", later=True),
    Flag("lock-timeout", "", value="TIME", later=True),
)

_DAG_FLAGS = (
    Flag(
        "format",
        "text (a tree), dot (Graphviz), mermaid, or drawn: svg, png",
        value="NAME",
        choices=("text", "dot", "mermaid", "svg", "png"),
    ),
    Flag("save", "write it to a file: .svg, .png, .html, .dot, .mmd or .txt", value="FILE"),
    Flag(
        "rank", "draw from left to right, or from the top down", value="LR|TB", choices=("LR", "TB")
    ),
    Flag("up", "only this task and what it needs", value="TASK"),
    Flag("down", "only this task and what needs it", value="TASK"),
    _number("depth", "at most so many steps below the top", 0, "1", "2", "3"),
    Flag("expand", "draw each task, also of large families"),
    Flag(
        "widget",
        "a graph to look around in: zoom, search, click (notebook only)",
        notebook_only=True,
    ),
    Flag("status", "", negatable=True, later=True),
)

COMMANDS: tuple[Command, ...] = (
    Command(
        "run",
        "run a task and everything it needs that is not there yet",
        kinds=(Kind.SOURCE, Kind.TASK),
        needs=frozenset({Kind.TASK}),
        flags=_RUN_FLAGS,
        values="name",
        help="Tasks whose outputs exist are kept; only the rest runs, requirements first. Run the "
        "same line again after a failure: it goes on where it stopped.",
        examples=(
            ("run Report date=2026-08-01", "a task of this notebook, with its date"),
            ("run sales.ipynb Report date=2026-08-01", "the same from a terminal"),
            ("run sales.tasks Report --date 2026-08-01 --workers 4", "tasks of a module"),
            ("run Report date=2026-08-01 CleanData.drop_nulls=false", "set an upstream value"),
            ("run Report date=2026-08-01 --force", "run Report again although it is complete"),
        ),
    ),
    Command(
        "plan",
        "show what would run, and why",
        kinds=(Kind.SOURCE, Kind.TASK),
        needs=frozenset({Kind.TASK}),
        flags=(_FORCE,),
        values="name",
        help="Asks every task whether it is complete. Runs nothing and locks nothing.",
        examples=(("plan Report date=2026-08-01", "what is missing for this report"),),
    ),
    Command(
        "dag",
        "show the graph of a task and what it needs",
        kinds=(Kind.SOURCE, Kind.TASK),
        needs=frozenset({Kind.TASK}),
        flags=_DAG_FLAGS,
        values="name",
        help="Drawn in a notebook, a tree of text in a terminal. Above 50 tasks a family is one "
        "box; what failed stands beside it.",
        examples=(
            ("dag Report date=2026-08-01", "the graph with the state of each task"),
            ("dag Report date=2026-08-01 --save graph.svg", "as a picture"),
            ("dag Report date=2026-08-01 --up Features", "what Features needs"),
        ),
    ),
    Command(
        "tasks",
        "list the tasks that are defined",
        kinds=(Kind.SOURCE, Kind.GLOB),
        help="Family, where it is defined, parameters (* must be given), first line of its text.",
        examples=(
            ("tasks", "all of them"),
            ("tasks sales.ipynb 'Clean*'", "those of a notebook that begin with Clean"),
        ),
    ),
    Command(
        "params",
        "list the parameters of a task",
        kinds=(Kind.SOURCE, Kind.TASK),
        needs=frozenset({Kind.TASK}),
        flags=(
            Flag("form", "a form to fill in, plan and run (notebook only)", notebook_only=True),
        ),
        values="name",
        help="Name, type, default, what it means, and which values are allowed.",
        examples=(("params Report", "what Report can be asked for"),),
    ),
    Command(
        "show",
        "show one task: parameters, outputs, state, requirements",
        kinds=(Kind.SOURCE, Kind.TASK),
        needs=frozenset({Kind.TASK}),
        flags=(Flag("check", "", later=True),),
        values="name",
        help="Looks at the task's own outputs; runs nothing.",
        examples=(("show Report date=2026-08-01", "is this report there, and where?"),),
    ),
    Command(
        "history",
        "list what ran, when, and how it ended",
        kinds=(Kind.GLOB,),
        flags=(
            _number("limit", "how many, newest first (default 50)", 1, "10", "50", "200"),
            _time("since", "only the last 12h, 7d, …", "12h", "7d"),
            Flag("status", "only those that ended so: succeeded, failed, …", value="NAME"),
            Flag("task", "one row for each task, instead of for each run"),
            Flag("failures", "one row for each failure: type, message, cell and line"),
            Flag("durations", "one row for each family: how long its tasks take"),
            Flag(
                "widget", "a table to search and leaf through (notebook only)", notebook_only=True
            ),
        ),
        help="Runs of this project, in notebooks and from the command line.",
        examples=(
            ("history", "the last runs"),
            ("history 'Report*' --status failed", "runs of Report that failed"),
            ("history --failures --since 7d", "what failed in the last week, and where"),
        ),
    ),
    Command(
        "timeline",
        "show when the tasks of a run waited and ran",
        kinds=(Kind.RUN,),
        flags=(Flag("save", "write it to a file: .svg, .html or .txt", value="FILE"),),
        help="A run's id (its end is enough), or nothing for the last run. The critical path is "
        "the longest chain of work: with any number of workers the run takes that long.",
        examples=(
            ("timeline", "the last run"),
            ("timeline r-20260822-153012-ab12 --save run.svg", "as a picture"),
        ),
    ),
    Command(
        "log",
        "print what a task or a run wrote",
        kinds=(Kind.TASK_OR_RUN,),
        flags=(
            _number("tail", "the last N lines (0: all; default 200)", 0, "20", "200", "0"),
            Flag("grep", "only lines with this text", value="TEXT"),
            Flag("full", "with whole tracebacks of failed tasks"),
            Flag("follow", "", later=True),
            Flag("level", "", value="NAME", later=True),
        ),
        help="A task's name or id, a run's id (its end is enough), or nothing for the last run.",
        examples=(
            ("log", "the last run"),
            ("log Features", "the last time that Features ran"),
            ("log r-20260822-153012-ab12", "everything that this run wrote"),
        ),
    ),
    Command(
        "status",
        "show what runs, and what ran last",
        kinds=(Kind.RUN,),
        help="Runs of this project that go on, also in other processes, then the latest that have "
        "ended. In a notebook the card of a run in the background is shown again, and goes on.",
        examples=(
            ("status", "all that runs"),
            ("status r-20260822-153012-ab12", "one run; the end of its id is enough"),
        ),
    ),
    Command(
        "wait",
        "wait for a run in the background (notebook only)",
        kinds=(Kind.RUN,),
        flags=(Flag("no-raise", "give the result back although the run failed"),),
        help="Gives its result. The stop button ends the waiting; the run goes on.",
        examples=(("wait", "the run that goes on, or the one that ended last"),),
    ),
    Command(
        "cancel",
        "stop a run (notebook only)",
        kinds=(Kind.TASK_OR_RUN,),
        flags=(Flag("now", "end running tasks at once, where they run in processes"),),
        help="Nothing more is started, running tasks get a KeyboardInterrupt and have 5 s to end, "
        "and what was finished is kept. A task that runs inside the kernel cannot be ended; it is "
        "waited for.",
        examples=(
            ("cancel", "the run that goes on"),
            ("cancel Report --now", "the run that Report is part of, without delay"),
        ),
    ),
    Command(
        "export",
        "write a notebook's tasks as a module",
        kinds=(Kind.SOURCE, Kind.FILE),
        needs=frozenset({Kind.FILE}),
        flags=(
            Flag("check", "write nothing; say what differs (exit code 1)"),
            Flag("tasks", "only the tasks that it matches", value="GLOB"),
            Flag("force", "also over a file that nbflow did not write or that was changed"),
        ),
        help="Only definitions that tasks need, in the notebook's order. The module is imported in "
        "a process of its own, and must have the same tasks, parameters, code and graphs.",
        examples=(
            ("export flow.py", "the tasks of this notebook, as they are defined now"),
            ("export sales.ipynb flow.py", "the same from a terminal"),
            ("export sales.ipynb flow.py --check", "in CI: is flow.py what the notebook says?"),
        ),
    ),
    Command(
        "last",
        "give the result of the run that ended last (notebook only)",
        help="Also after a run that failed and raised: r = %nbflow last.",
        examples=(("last", "the card of the last run again"),),
    ),
    Command(
        "dashboard",
        "show what runs, the graph, a form, history and logs in one widget (notebook only)",
        kinds=(Kind.TASKS,),
        help="The form offers the tasks that are named, else those of this notebook. A page that "
        "voila serves can be looked at only; nbflow.dashboard(read_only=False) lets it run tasks.",
        examples=(("dashboard Report Upload", "a dashboard for two tasks"),),
    ),
    Command(
        "config",
        "show the settings, and where each comes from",
        values="setting",
        flags=(Flag("save", "", later=True),),
        help="In a notebook setting=value holds until the kernel ends. For good: nbflow.toml, "
        "[tool.nbflow] in pyproject.toml, or NBFLOW_SETTING in the environment.",
        examples=(("config", "all settings"), ("config display=static", "set one, here and now")),
    ),
    Command(
        "help",
        "say what a command does",
        kinds=(Kind.COMMAND,),
        examples=(("help run", "everything about run"),),
    ),
    Command(
        "completion",
        "print a script that lets your shell complete nbflow's words",
        kinds=(Kind.SHELL,),
        needs=frozenset({Kind.SHELL}),
        help="Load it from your shell's startup file.",
        examples=(
            ("completion bash", 'for ~/.bashrc:  eval "$(nbflow completion bash)"'),
            ("completion fish", "for ~/.config/fish/completions/nbflow.fish"),
        ),
    ),
)

_BY_NAME = {command.name: command for command in COMMANDS}


def find_command(name: str) -> Command:
    """The command called `name`; raises UnknownCommandError."""
    command = _BY_NAME.get(name)
    if command is None:
        raise UnknownCommandError(
            f"{shorten(name)!r} is no command.{did_you_mean(name, _BY_NAME)}  "
            f"Commands: {', '.join(_BY_NAME)}."
        )
    return command


def help_text(name: str | None = None, *, program: str = "nbflow") -> str:
    """What `program help [name]` prints; `program` is "nbflow" or "%nbflow"."""
    return _overview(program) if name is None else _help_of(find_command(name), program)


def _overview(program: str) -> str:
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"{program} COMMAND [words] [name=value …] [flags]", ""]
    lines += [f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS]
    lines += ["", "Examples"]
    lines += _example_lines([COMMANDS[0].examples[0], COMMANDS[1].examples[0]], program)
    return "\n".join([*lines, "", f"{program} help COMMAND tells more about one."])


def _help_of(command: Command, program: str) -> str:
    lines = [f"{program} {command.usage()}", "", _sentence(command.summary)]
    if command.help:
        lines += ["", *_wrapped(command.help)]
    if command.has_source:
        lines += ["", *_wrapped(_SOURCE_HELP)]
    lines += ["", "Examples", *_example_lines(command.examples, program), "", "Flags"]
    flags = [flag for flag in command.all_flags() if not flag.later]
    width = min(24, max(len(flag.usage()) for flag in flags))
    for flag in flags:
        first, *rest = _wrapped(flag.help, width=76 - width)
        lines.append(f"  {flag.usage():<{width}}  {first}")
        lines += [" " * (width + 4) + line for line in rest]
    return "\n".join(lines)


_SOURCE_HELP = (
    "SOURCE is where the task is defined: a notebook (sales.ipynb), a file (sales.py) or a module "
    "(sales.tasks); a task may also be named with its module (sales.tasks.Report). In a notebook "
    "it is left out for tasks of this kernel."
)


def _example_lines(
    examples: list[tuple[str, str]] | tuple[tuple[str, str], ...], program: str
) -> list[str]:
    lines = []
    for line, meaning in examples:
        text = f"  {program} {line}"
        lines.append(f"{text}  # {meaning}" if len(text) + len(meaning) < 76 else text)
        if len(text) + len(meaning) >= 76:
            lines.append(f"      # {meaning}")
    return lines


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _wrapped(text: str, width: int = 80) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)
