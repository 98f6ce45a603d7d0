"""Settings with their origin: nbflow.toml, pyproject.toml, the environment, this process.

Precedence: what a call is given, what was set in this process (`%nbflow config`), `NBFLOW_*`,
`nbflow.toml`, `[tool.nbflow]` in pyproject.toml, the default. Files are read when they are first
needed and again when they change, never at import.
"""

from __future__ import annotations

import difflib
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.core.errors import ConfigError, did_you_mean, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

#: Seconds for which files are not looked at again; a person cannot edit and run again in it.
_FRESH_SECONDS = 0.05


def _truth(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    text = str(value).lower()
    if text == "auto":
        return None
    if text not in words:
        msg = "expected true, false or auto"
        raise ValueError(msg)
    return words[text]


def _count(value: object) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(str(value)) < 1:
        msg = "expected a whole number of at least 1"
        raise ValueError(msg)
    return int(str(value))


def _size(value: object) -> int:
    """Bytes of 1000000, "500 kB", "16 MB", "1 GB" (powers of 1,000)."""
    number = str(value).strip().lower().removesuffix("b").rstrip()
    factor = 1
    for letter, power in (("k", 10**3), ("m", 10**6), ("g", 10**9)):
        if number.endswith(letter):
            number, factor = number[:-1].rstrip(), power
    if isinstance(value, bool) or not number.isdecimal() or int(number) == 0:
        msg = 'expected a size such as "16 MB"'
        raise ValueError(msg)
    return int(number) * factor


def _word(value: object) -> str:
    if not isinstance(value, str):
        msg = "expected text"
        raise ValueError(msg)  # noqa: TRY004 - the caller says which setting and where
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that exists."""

    name: str
    default: object
    meaning: str
    #: A value or its text to the value; raises ValueError with what was expected.
    read: Callable[[object], object] = _word
    choices: tuple[str, ...] = ()

    def value_of(self, given: object, origin: str) -> object:
        """The value that `given` stands for; raises ConfigError naming `origin`."""
        where = f"{origin}: {self.name}={shorten(given)}"
        try:
            value = self.read(given)
        except ValueError as error:
            raise ConfigError(f"{where} — {error}.") from None
        if self.choices and value not in self.choices:
            raise ConfigError(
                f"{where} — choose one of {', '.join(self.choices)}."
                f"{did_you_mean(str(value), self.choices)}"
            )
        return value


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "display",
            "auto",
            "how cards are shown in a notebook",
            choices=("auto", "live", "widgets", "static", "plain"),
        ),
        Setting("stable", None, "no durations, ids and clocks in output", _truth),
        Setting("ascii", None, "ASCII characters only", _truth),
        Setting(
            "executor",
            "auto",
            "inline, thread or process; auto: inline for 1 worker, else process",
        ),
        Setting("workers", 1, "tasks at once", _count),
        Setting("store", "", "where runs are recorded; memory: for nowhere"),
        Setting(
            "fsync",
            "no",
            "full: outputs are on the disk before they appear",
            choices=("no", "full"),
        ),
        Setting("log_cap", 50 * 10**6, "most that the log of a run may hold", _size),
        Setting("logs_kept", 200, "runs whose logs are kept", _count),
        Setting("dot", "", "program that lays out graphs"),
    )
}

#: Tables that may stand beside the settings.
_TABLES = ("resources", "tasks")


class SettingRow(NamedTuple):
    """A setting as it holds here."""

    name: str
    value: object
    #: "default", a file's path, "NBFLOW_WORKERS", or "this process".
    origin: str


@dataclass(frozen=True, slots=True)
class Project:
    """The folder to which runs and settings belong."""

    #: Its top folder, absolute.
    root: str
    #: Where runs, logs and locks are kept: `.nbflow` in the root, or `NBFLOW_HOME`.
    home: str
    #: What makes `root` a project: "nbflow.toml", ".nbflow", "pyproject.toml", ".git", or "".
    marker: str


class _Place(NamedTuple):
    """A file with settings, and the table of it in which they stand."""

    path: str
    #: "" for the whole file.
    table: str = ""

    def section(self, *names: str) -> str:
        """The name of a table inside of this one: `tool.nbflow.tasks`."""
        return ".".join(filter(None, (self.table, *names)))

    def __str__(self) -> str:
        return f"{self.path} [{self.table}]" if self.table else self.path


@dataclass(slots=True)
class _Files:
    """What the project's files say, with the state of the files when they were read."""

    project: Project
    stamps: tuple[object, ...]
    #: Setting to (value, origin), nbflow.toml before pyproject.toml.
    settings: dict[str, tuple[object, str]] = field(default_factory=dict)
    resources: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: (`[tasks]` of a file, the file), nbflow.toml first.
    tasks: list[tuple[Mapping[str, Any], _Place]] = field(default_factory=list)
    #: Folder and clock of the last look at the files.
    looked: tuple[str, float] = ("", 0.0)


_assigned: dict[str, object] = {}
_files: _Files | None = None
_is_source = False
#: Path to (state of the file, its table): looking for the project asks for each on the way up.
_pyprojects: dict[str, tuple[object, Mapping[str, Any] | None]] = {}


def find_project(start: str | os.PathLike[str] | None = None) -> Project:
    """The project of a folder (by default the working directory).

    The nearest parent with `nbflow.toml`, `.nbflow/` or `[tool.nbflow]` in pyproject.toml, else the
    nearest with `.git`, else the folder itself. Nothing is created.
    """
    folder = os.path.abspath(start or os.getcwd())
    root, marker = _find_root(folder)
    home = os.environ.get("NBFLOW_HOME") or os.path.join(root, ".nbflow")
    return Project(root, os.path.abspath(home), marker)


def value(name: str) -> Any:
    """The value of a setting, as it holds now; raises ConfigError."""
    return lookup(name).value


def lookup(name: str) -> SettingRow:
    """A setting with its value and where it comes from.

    Raises
    ------
    ConfigError
        There is no such setting, or a file or variable has something wrong.
    """
    setting = _setting(name, "nbflow")
    if name in _assigned:
        return SettingRow(name, _assigned[name], "this process")
    variable = f"NBFLOW_{name.upper()}"
    text = os.environ.get(variable)
    if text is not None:
        return SettingRow(name, setting.value_of(text, variable), variable)
    value, origin = _read_files().settings.get(name, (setting.default, "default"))
    return SettingRow(name, value, origin)


def settings() -> list[SettingRow]:
    """All settings, then resources and defaults of tasks, each with its origin.

    Raises
    ------
    ConfigError
        A file or variable has something wrong; a misspelt `NBFLOW_` variable counts.
    """
    _check_environment()
    rows = [lookup(name) for name in SETTINGS]
    files = _read_files()
    rows += [
        SettingRow(f"resources.{name}", amount, origin)
        for name, (amount, origin) in files.resources.items()
    ]
    found: dict[str, SettingRow] = {}
    for table, place in files.tasks:
        for name, value in _flatten(table, "tasks"):
            found.setdefault(name, SettingRow(name, value, str(place)))
    return [*rows, *found.values()]


def assign(name: str, value: object) -> None:
    """Set a setting for the rest of this process; `value` may be text. Raises ConfigError."""
    _assigned[name] = _setting(name, "nbflow").value_of(value, "nbflow config")


def unassign(name: str) -> None:
    """Let the environment and the files decide again."""
    _assigned.pop(name, None)


def resources() -> dict[str, int]:
    """How much there is of each resource, by `[resources]`."""
    return {name: amount for name, (amount, _) in _read_files().resources.items()}


def task_defaults(family: str, name: str) -> tuple[object, str] | None:
    """The value that `[tasks.<family>]` has for a parameter, with the file it stands in.

    A family with a namespace is one quoted name or nested tables (`[tasks.flights.DailyReport]`).
    The value is text for the parameter's parser, or what TOML makes of it.
    """
    for values, origin in _tables_of(family):
        if name in values:
            return values[name], origin
    return None


def check_task_defaults(family: str, known: Collection[str]) -> None:
    """Refuse values in `[tasks.<family>]` for parameters that are not among `known`.

    Raises
    ------
    ConfigError
        A name is none of them; tables are passed over, they may belong to a longer family.
    """
    for values, origin in _tables_of(family):
        for name, value in values.items():
            if name not in known and not isinstance(value, dict):
                raise ConfigError(
                    f"{origin}: {family} has no parameter {shorten(name)!r}."
                    f"{did_you_mean(name, known)}"
                )


def _tables_of(family: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for table, place in _read_files().tasks:
        values = table.get(family)
        if values is None and "." in family:
            values = _descend(table, family)
        if isinstance(values, dict):
            yield values, f"{place.path} [{place.section('tasks', family)}]"


class TaskDefaults:
    """The `[tasks]` tables as a source of omitted values (`nbflow.core.model.defaults.Source`)."""

    def lookup(self, family: str, name: str) -> tuple[bool, object, str]:
        """Whether there is a value, the value, and where it stands."""
        found = task_defaults(family, name)
        return (False, None, "") if found is None else (True, *found)


def provide_defaults() -> TaskDefaults:
    """The source for `nbflow.core.model.defaults.set_provider`; says so again after a change."""
    global _is_source  # noqa: PLW0603 - whether this process asked us for defaults
    _is_source = True
    return TaskDefaults()


def refresh() -> None:
    """Look at the files now; defaults of tasks that changed hold from now on."""
    if _files is not None:
        _files.looked = ("", 0.0)
    _read_files()


def _setting(name: str, origin: str) -> Setting:
    setting = SETTINGS.get(name)
    if setting is None:
        raise ConfigError(
            f"{origin}: there is no setting {shorten(name)!r}."
            f"{did_you_mean(name, [*SETTINGS, *_TABLES])}  %nbflow config lists them."
        )
    return setting


def _check_environment() -> None:
    """Refuse `NBFLOW_WORKER`; other variables that begin so may belong to something else."""
    known = [f"NBFLOW_{name.upper()}" for name in (*SETTINGS, "home")]
    for variable in os.environ:
        if variable.startswith("NBFLOW_") and variable not in known:
            close = difflib.get_close_matches(variable, known, n=1, cutoff=0.9)
            if close:
                raise ConfigError(f"{variable} is no setting. Did you mean {close[0]}?")


# -- files ----------------------------------------------------------------------------------------


def _find_root(folder: str) -> tuple[str, str]:
    repository = ""
    for parent in _parents(folder):
        if os.path.isfile(os.path.join(parent, "nbflow.toml")):
            return parent, "nbflow.toml"
        if os.path.isdir(os.path.join(parent, ".nbflow")):
            return parent, ".nbflow"
        if _pyproject_table(os.path.join(parent, "pyproject.toml")) is not None:
            return parent, "pyproject.toml"
        if not repository and os.path.exists(os.path.join(parent, ".git")):
            repository = parent
    return (repository, ".git") if repository else (folder, "")


def _parents(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _read_files() -> _Files:
    global _files  # noqa: PLW0603 - a cache of what the files say
    folder, now = os.getcwd(), time.monotonic()
    known = _files
    if known is not None:
        where, at = known.looked
        if where == folder and now - at < _FRESH_SECONDS:
            return known
    project = find_project(folder)
    paths = [os.path.join(project.root, name) for name in ("nbflow.toml", "pyproject.toml")]
    stamps = tuple(_stamp(path) for path in paths)
    if known is None or (known.project, known.stamps) != (project, stamps):
        tasks = known.tasks if known is not None else None
        known = _load(project, stamps, *paths)
        if _is_source and tasks != known.tasks:
            _announce()
    known.looked = (folder, now)
    _files = known
    return known


def _announce() -> None:
    """Tell whoever keeps resolved defaults that they may differ now."""
    from nbflow.core.model import defaults

    defaults.set_provider(provide_defaults)


def _load(project: Project, stamps: tuple[object, ...], own: str, shared: str) -> _Files:
    files = _Files(project, stamps)
    if os.path.isfile(own):
        _take(files, _read_toml(own), _Place(own))
    table = _pyproject_table(shared)
    if table is not None:
        _take(files, table, _Place(shared, "tool.nbflow"))
    return files


def _take(files: _Files, table: Mapping[str, Any], place: _Place) -> None:
    origin = str(place)
    for name, value in table.items():
        if name == "resources":
            _take_resources(files, _table(value, name, origin), origin)
        elif name == "tasks":
            files.tasks.append((_table(value, place.section(name), origin), place))
        else:
            read = _setting(name, origin).value_of(value, origin)
            files.settings.setdefault(name, (read, origin))


def _take_resources(files: _Files, table: Mapping[str, Any], origin: str) -> None:
    for name, amount in table.items():
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0:
            raise ConfigError(
                f"{origin}: resources.{name}={shorten(amount)} — expected a whole number."
            )
        files.resources.setdefault(name, (amount, origin))


def _table(value: object, name: str, origin: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{origin}: {name} is a table; write [{name}] above its values.")
    return value


def _pyproject_table(path: str) -> Mapping[str, Any] | None:
    """`[tool.nbflow]` of a pyproject.toml; None where there is none.

    Whether a file that does not speak of nbflow is broken is the business of its own tools.
    """
    stamp = _stamp(path)
    if stamp is None:
        return None
    known = _pyprojects.get(path)
    if known is None or known[0] != stamp:
        with open(path, "rb") as file:
            mentions = b"nbflow" in file.read()
        table = _read_toml(path).get("tool", {}).get("nbflow") if mentions else None
        known = (stamp, None if table is None else _table(table, "tool.nbflow", path))
        _pyprojects[path] = known
    return known[1]


def _read_toml(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _descend(table: Mapping[str, Any], family: str) -> Any:
    found: Any = table
    for part in family.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _flatten(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", value
