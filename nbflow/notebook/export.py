"""A notebook's tasks as a module: written, imported in a fresh process, and compared.

The file begins with lines that say where it comes from and what it should be, by which an exported
file is told from one that a person wrote or changed.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import SourceError
from nbflow.notebook.closure import closure, is_future_import, read_statements
from nbflow.notebook.describe import describe_tasks, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nbflow.core.model.task import Task
    from nbflow.notebook.cells import Cell
    from nbflow.notebook.closure import Statement

#: Seconds that the fresh process may take.
TIME_LIMIT = 120.0
_MARK = "# Exported by nbflow from "
_HASH = re.compile(r"^# SHA-256 of what follows: ([0-9a-f]{64})\n\n?", re.MULTILINE)
_DIFF_LINES = 20


@dataclass(frozen=True, slots=True)
class Source:
    """Where tasks come from.

    Attributes
    ----------
    name
        The notebook's path, or what stands for it; shown in the file.
    namespace
        What the names stand for after all cells.
    label
        How a cell is called: `In[3]`, `5 (id 3f2a)`.
    folder
        Where its relative paths begin.
    """

    name: str
    cells: Sequence[Cell]
    namespace: Mapping[str, Any]
    label: Callable[[Cell], str]
    folder: str


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What became of an export: `differences` are empty where notebook and file agree."""

    path: str
    source: str
    tasks: tuple[str, ...]
    cells: tuple[str, ...]
    was_written: bool
    differences: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        path, source = _shown(self.path), _shown(self.source)
        if self.differences:
            told = "\n".join(textwrap.indent(each, "  ") for each in self.differences)
            return f"{path} differs from {source}:\n{told}"
        done = "wrote" if self.was_written else "checked"
        count = f"{len(self.tasks)} task{'s' if len(self.tasks) != 1 else ''}"
        return (
            f"{done} {path}: {count} of {source} ({', '.join(self.tasks)})\n"
            "  imported in a fresh process: families, parameters, code and graphs are the same"
        )


def export(source: Source, path: str, *, tasks: str = "", force: bool = False) -> ExportReport:
    """Write the tasks of `source` to the module at `path`, once it has proven to be the same.

    Parameters
    ----------
    tasks
        Only these: a glob over names of classes.
    force
        Also over a file that nbflow did not write, or that was changed since.

    Raises
    ------
    SourceError
        The tasks need what is no definition; the file is not nbflow's to overwrite; or the module
        cannot be imported by itself or is not the same. Nothing is written then.
    """
    _check_name(path)
    body, kept = _render(source, tasks)
    there = _read(path)
    if there is not None and not force:
        _refuse_foreign(path, there)
    content = _header(source, kept, path, body) + body
    found = _verify(source, kept, content, path)
    if found:
        told = "".join(f"\n  {each}" for each in found)
        raise SourceError(
            f"{_shown(path)} was not written, for it is not what the notebook is:{told}"
        )
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(f"{path}.part", path)
    return _report(source, kept, path, was_written=True)


def check(source: Source, path: str, *, tasks: str = "") -> ExportReport:
    """Compare the module at `path` with what an export would write now; nothing is written.

    Raises
    ------
    SourceError
        The tasks need what is no definition.
    """
    body, kept = _render(source, tasks)
    there = _read(path)
    if there is None:
        found = ["there is no such file"]
    elif not there.startswith(_MARK):
        found = ["it was not exported by nbflow"]
    else:
        found = _changes(there, body) or _verify(source, kept, there, path)
    return _report(source, kept, path, was_written=False, found=found)


def _report(
    source: Source,
    kept: Sequence[Statement],
    path: str,
    *,
    was_written: bool,
    found: Sequence[str] = (),
) -> ExportReport:
    return ExportReport(
        path=os.path.abspath(path),
        source=source.name,
        tasks=tuple(_classes(source, kept)),
        cells=tuple(_labels(source, kept)),
        was_written=was_written,
        differences=tuple(found),
    )


def _shown(path: str) -> str:
    """`path` as one writes it from here, where it lies below."""
    if not os.path.isabs(path):
        return path
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _check_name(path: str) -> None:
    stem, suffix = os.path.splitext(os.path.basename(path))
    if suffix != ".py" or not stem.isidentifier():
        raise SourceError(
            f"{_shown(path)}: a module is a file such as flow.py, its name a name of Python."
        )
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise SourceError(f"there is no folder {folder}; make it first.")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{_shown(path)} cannot be read: {error}.") from error


def _refuse_foreign(path: str, there: str) -> None:
    if not there.startswith(_MARK):
        raise SourceError(
            f"{_shown(path)} was not exported by nbflow, so it is left as it is. Choose another "
            "name, or overwrite it with --force."
        )
    if _was_edited(there):
        raise SourceError(
            f"{_shown(path)} was changed since it was exported, so it is left as it is. Bring the "
            "changes into the notebook, or overwrite them with --force."
        )


def _was_edited(there: str) -> bool:
    said = _HASH.search(there)
    return said is None or _hash(there[said.end() :]) != said[1]


def _changes(there: str, body: str) -> list[str]:
    """What differs between the body of a file and what it should be."""
    said = _HASH.search(there)
    written = there[said.end() :] if said else there
    if written == body:
        return []
    lines = difflib.unified_diff(
        written.splitlines(), body.splitlines(), "the file", "the notebook", n=0, lineterm=""
    )
    diff = list(lines)
    more = [f"… and {len(diff) - _DIFF_LINES} more lines"] if len(diff) > _DIFF_LINES else []
    who = "it was changed by hand" if _was_edited(there) else "the notebook was changed"
    return [f"{who} since it was exported", "\n".join([*diff[:_DIFF_LINES], *more])]


# -- text -----------------------------------------------------------------------------------------


def _render(source: Source, tasks: str) -> tuple[str, list[Statement]]:
    """The module without its header, and the statements that it consists of."""
    from nbflow.core.model.task import Task

    def is_task(name: str) -> bool:
        value = source.namespace.get(name)
        return isinstance(value, type) and issubclass(value, Task)

    kept = closure(read_statements(source.cells, source.namespace), is_task, pattern=tasks)
    futures = sorted({name for each in kept for name in each.names if is_future_import(each.node)})
    parts = [f"from __future__ import {', '.join(futures)}\n"] if futures else []
    plain = [each for each in kept if not is_future_import(each.node)]
    for number, statement in enumerate(plain):
        if number:
            parts.append(_gap(plain[number - 1], statement))
        elif futures:
            parts.append("\n")
        parts.append(f"{statement.text}\n")
    return "".join(parts), kept


def _gap(before: Statement, after: Statement) -> str:
    """Blank lines between two statements."""
    if any(isinstance(each.node, ast.ClassDef | ast.FunctionDef) for each in (before, after)):
        return "\n\n"
    imports = ast.Import | ast.ImportFrom
    is_other = isinstance(before.node, imports) is not isinstance(after.node, imports)
    is_apart = before.cell is after.cell and _first_line(after) - (before.node.end_lineno or 0) > 1
    return "\n" if is_other or is_apart else ""


def _first_line(statement: Statement) -> int:
    """Line of its cell on which its text begins."""
    return (statement.node.end_lineno or 0) - statement.text.count("\n")


def _header(source: Source, kept: Sequence[Statement], path: str, body: str) -> str:
    folder = os.path.dirname(os.path.abspath(path))
    named = os.path.isabs(source.name)
    name = os.path.relpath(source.name, folder) if named else source.name
    cells = textwrap.wrap(
        f"Cells: {', '.join(_labels(source, kept))}.",
        width=98,
        initial_indent="# ",
        subsequent_indent="#   ",
    )
    lines = [
        f"{_MARK}{name}: change it there, and export again.",
        *cells,
        f"# SHA-256 of what follows: {_hash(body)}",
    ]
    return "\n".join(lines) + "\n\n"


def _labels(source: Source, kept: Iterable[Statement]) -> list[str]:
    return list(dict.fromkeys(source.label(each.cell) for each in kept))


def _hash(body: str) -> str:
    return sha256(body.encode()).hexdigest()


# -- proof ----------------------------------------------------------------------------------------


def _classes(source: Source, kept: Iterable[Statement]) -> dict[str, type[Task]]:
    """The classes of tasks that the statements define, by name, in order."""
    from nbflow.core.model.task import Task

    found: dict[str, type[Task]] = {}
    for statement in kept:
        value = source.namespace.get(getattr(statement.node, "name", ""))
        if isinstance(value, type) and issubclass(value, Task):
            found[value.__name__] = value
    return found


def _verify(source: Source, kept: Sequence[Statement], content: str, path: str) -> list[str]:
    """Import `content` as if it lay at `path`, in a fresh process; give what is not the same."""
    with tempfile.TemporaryDirectory(prefix="nbflow-export-") as folder:
        copy = os.path.join(folder, os.path.basename(path))
        with open(copy, "w", encoding="utf-8") as file:
            file.write(content)
        told = _describe_fresh(copy, os.path.dirname(os.path.abspath(path)), source.folder)
    if "error" in told:
        return [f"it cannot be imported by itself: {told['error']}"]
    wanted = describe_tasks(_classes(source, kept).values())
    return differences(json.loads(json.dumps(wanted)), told["tasks"])


def _describe_fresh(file: str, module_folder: str, folder: str) -> dict[str, Any]:
    """The answer of a process that finds modules where the exported file will find them."""
    path = os.pathsep.join(filter(None, (module_folder, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "nbflow.notebook.describe", file]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"error": f"it took more than {TIME_LIMIT:g} s"}
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:]
        return {"error": last[0] if last else f"the process ended with code {error.returncode}"}
    return answer
