"""`luigi.cmdline_parser`: from the words of a command to a task and the values of others.

Words are read three times, for only an imported module has flags, and only a known root task has
flags without a prefix (C-02): first for `--module`, then for the root, then for everything.

Source: contract C-01 to C-10, P-21, P-25, P-27.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import nbflow.compat.luigi.tools.range  # noqa: F401 - RangeDaily and its kind can be named
from nbflow.compat.luigi._sections import SECTIONS
from nbflow.core.errors import ParameterError, RegistryError, did_you_mean
from nbflow.core.model import defaults
from nbflow.core.model.parameters import BoolParameter, Parameter
from nbflow.core.model.registry import get_task_cls, task_classes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbflow.core.model.task import Task

#: Where the root task's name stands among the parsed words; no parameter is called so.
_ROOT = "root task"


class CmdlineParser:
    """The words of one command, understood.

    Attributes
    ----------
    known_args
        What argparse made of them: None where a flag was not given.

    Raises
    ------
    SystemExit
        A flag is unknown (2), no task is named, or there is no such task or module (1); help was
        asked for (0).
    """

    _active: ClassVar[CmdlineParser | None] = None

    def __init__(self, cmdline_args: Sequence[str]) -> None:
        words = list(cmdline_args)
        _import_named_module(words)
        root = _find_root(words)
        self.root = _class_of(root) if root else None
        parser = _build_parser(self.root)
        if _asks_for_help(words):
            self._show_help(words)
        if self.root is None:
            _leave("No task specified")
        self.known_args = parser.parse_args(words)

    @classmethod
    @contextmanager
    def global_instance(
        cls, cmdline_args: Sequence[str], allow_override: bool = False
    ) -> Iterator[CmdlineParser]:
        """Let the values of a command hold for all tasks that are made inside the block.

        Raises
        ------
        RuntimeError
            Another command is in force, and `allow_override` is not set.
        """
        outer = CmdlineParser._active
        if outer is not None and not allow_override:
            raise RuntimeError("a command is in force already; commands do not nest.")
        line = cls(cmdline_args)
        CmdlineParser._active = line
        try:
            with defaults.override(line.class_values(), "the command line"):
                yield line
        finally:
            CmdlineParser._active = outer

    @classmethod
    def get_instance(cls) -> CmdlineParser | None:
        """Give the command that is in force, if one is."""
        return CmdlineParser._active

    def get_task_obj(self) -> Task:
        """Make the root task.

        Raises
        ------
        ParameterError
            A value is missing, or cannot be read.
        """
        assert self.root is not None
        given = {name: self._value(name) for name, _ in self.root.get_params()}
        parameters = dict(self.root.get_params())
        return self.root(
            **{
                name: parameters[name].from_source(text, name)
                for name, text in given.items()
                if text
            }
        )

    def class_values(self) -> dict[str, dict[str, object]]:
        """Values that flags with a prefix give, by family and parameter; an empty one is none."""
        found: dict[str, dict[str, object]] = {}
        for cls in _all_classes():
            for name, _ in _params_of(cls):
                text = self._value(_destination(cls, name))
                if text:
                    found.setdefault(cls.task_family, {})[name] = text
        return found

    def _value(self, destination: str) -> str:
        return getattr(self.known_args, destination, None) or ""

    def _show_help(self, words: Sequence[str]) -> NoReturn:
        _build_parser(self.root, short="--help-all" not in words).print_help()
        sys.exit(0)


class _Parser(argparse.ArgumentParser):
    """Says of an unknown flag which known one was meant."""

    def error(self, message: str) -> NoReturn:
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = message.removeprefix(prefix).split()[0].partition("=")[0]
            message += did_you_mean(word, self._option_string_actions)
        self.exit(2, f"{self.prog}: error: {message}\n--help lists the flags of the task.\n")


def _build_parser(root: type[Task] | None, *, short: bool = False) -> _Parser:
    """A parser with the flags of all tasks, or (`short`) of the root and the most usual ones."""
    parser = _Parser(prog="luigi", add_help=False)
    parser.add_argument(_ROOT, nargs="?", metavar="TASK", help="the task to run")
    for cls in _all_classes():
        for name, parameter in _params_of(cls):
            if not short or cls is root or parameter.always_in_help:
                _add_flag(parser, _flag(cls, name), _destination(cls, name), parameter)
    if root is not None:
        for name, parameter in root.get_params():
            if f"--{_dashed(name)}" not in parser._option_string_actions:
                _add_flag(parser, f"--{_dashed(name)}", name, parameter)
    return parser


def _params_of(cls: type[Task]) -> list[tuple[str, Parameter[Any]]]:
    """The parameters of `cls`; none where its declaration is wrong, for it may not be asked for."""
    try:
        return cls.get_params()
    except ParameterError:
        return []


def _add_flag(
    parser: argparse.ArgumentParser, flag: str, destination: str, parameter: Parameter[Any]
) -> None:
    options: dict[str, Any] = {"dest": destination}
    if isinstance(parameter, BoolParameter):
        options["const"] = "true"
        if parameter.parsing == BoolParameter.IMPLICIT_PARSING:
            options["action"] = "store_const"
        else:
            options["nargs"] = "?"
    if "nargs" in options or "action" not in options:
        options["metavar"] = parameter.type_label.upper().replace("%", "%%")
    if parameter.description:
        options["help"] = parameter.description.replace("%", "%%")
    parser.add_argument(flag, **options)


def _all_classes() -> list[type[Task]]:
    """Every class with flags: the sections of the configuration, and all tasks of a clear name."""
    classes = [*SECTIONS, *task_classes()]
    named = Counter(cls.task_family for cls in classes)
    return [cls for cls in classes if cls in SECTIONS or named[cls.task_family] == 1]


def _flag(cls: type[Task], name: str) -> str:
    if cls.__dict__.get("use_cmdline_section", True):
        return f"--{_dashed(cls.task_family)}-{_dashed(name)}"
    return f"--{_dashed(name)}"


def _destination(cls: type[Task], name: str) -> str:
    return f"{cls.task_family}_{name}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _import_named_module(words: list[str]) -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--module")
    name = parser.parse_known_args(words)[0].module
    if not name:
        return
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        _leave(
            f"--module {name}: there is no module {error.name!r}; it must lie in the "
            "working directory or on PYTHONPATH."
        )


def _find_root(words: Sequence[str]) -> str:
    """The first word that is no flag and no flag's value."""
    parser = _build_parser(None)
    parser.allow_abbrev = False
    root: str | None = getattr(parser.parse_known_args(words)[0], _ROOT)
    return root or ""


def _class_of(name: str) -> type[Task]:
    try:
        return get_task_cls(name)
    except RegistryError as error:
        _leave(f"{error.title}: {error}")


def _asks_for_help(words: Sequence[str]) -> bool:
    return "--help" in words or "--help-all" in words


def _leave(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(1)
