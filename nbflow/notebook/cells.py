"""The code cells of a notebook or script as Python source, with their names and tags.

Read with `json`: importing nbformat costs more than loading a whole notebook. Magics, shell lines
and help lines are taken out without IPython, line numbers stay what they are in the cell.

Source: the notebook format 4 (nbformat); "percent" scripts as Jupytext, VS Code and Spyder
understand them; what a line of IPython looks like (IPython's input transformers).
"""

from __future__ import annotations

import ast
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import SourceError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Cell magics whose body is Python that runs in the notebook's own namespace.
_TRANSPARENT_MAGICS = frozenset({"time", "capture", "prun"})
_MARKER = re.compile(r"^#\s*%%(?P<rest>.*)$")
_TAGS = re.compile(r"tags\s*=\s*(\[[^\]]*\])")
_HELP = re.compile(r"^\s*(?:\?{1,2}\s*\S.*|%{0,2}[^\W\d][\w.*\[\]-]*\s*\?{1,2}\s*;?\s*)$")
_ASSIGNED = re.compile(r"^(\s*)([^\W\d][\w\s,.*()\[\]'\"]*?)\s*=\s*[%!]\s*\S")


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell.

    Attributes
    ----------
    number
        Position among all cells of the notebook, markdown included, from 1.
    cell_id
        The id in the file; empty before nbformat 4.5 and in scripts.
    source
        Python without IPython's syntax.
    first_line
        Line of the file on which the source begins; 1 for cells of notebooks.
    """

    number: int
    source: str
    cell_id: str = ""
    tags: frozenset[str] = frozenset()
    first_line: int = 1


def read_cells(path: str) -> list[Cell] | None:
    """The code cells of a notebook (`.ipynb`) or percent script, or None for a plain script.

    Raises
    ------
    SourceError
        The file is missing, unreadable, damaged, or not written in Python.
    """
    text = _read(path)
    if path.endswith(".ipynb"):
        return list(_notebook_cells(path, text))
    return list(_script_cells(text)) if _is_percent(text) else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except FileNotFoundError:
        folder, name = os.path.split(path)
        suffix = os.path.splitext(name)[1]
        known = [n for n in _listing(folder or ".") if n.endswith(suffix)]
        raise SourceError(
            f"there is no file {path!r} (looked in {os.path.abspath(folder or '.')})."
            f"{did_you_mean(name, known)}"
        ) from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not text in UTF-8: {error.reason}.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error


def _listing(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


# -- notebooks ------------------------------------------------------------------------------------


def _notebook_cells(path: str, text: str) -> Iterator[Cell]:
    content = _parse_notebook(path, text)
    for number, cell in enumerate(content["cells"], start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(map(str, source))
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        yield Cell(
            number,
            strip_ipython(str(source)),
            str(cell.get("id", "")),
            frozenset(map(str, tags if isinstance(tags, list) else ())),
        )


def _parse_notebook(path: str, text: str) -> dict[str, Any]:
    if not text.strip():
        raise SourceError(f"{path} is empty; a notebook is JSON. Open and save it in Jupyter.")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{path} is damaged: {error.msg} in line {error.lineno}, column {error.colno}. "
            "A notebook is JSON; restore it from a copy or its checkpoint."
        ) from error
    except RecursionError as error:
        raise SourceError(f"{path} is damaged: its JSON is nested too deeply.") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        old = isinstance(content, dict) and "worksheets" in content
        raise SourceError(
            f"{path} is a notebook of format 3 or older; open and save it in Jupyter."
            if old
            else f"{path} is not a notebook: it has no list of cells."
        )
    language = _language(content)
    if language not in {"python", ""}:
        raise SourceError(f"{path} is written in {language}; nbflow reads notebooks in Python.")
    return content


def _language(content: dict[str, Any]) -> str:
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return ""
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        part = metadata.get(section)
        name = part.get(key) if isinstance(part, dict) else None
        if isinstance(name, str) and name:
            return name.lower().removesuffix("3") if name.lower() == "ipython3" else name.lower()
    return ""


# -- percent scripts ------------------------------------------------------------------------------


def _is_percent(text: str) -> bool:
    return any(_MARKER.match(line) for line in text.splitlines())


def _script_cells(text: str) -> Iterator[Cell]:
    number, first, title, lines = 1, 1, "", list[str]()
    for position, line in enumerate([*text.splitlines(), "# %%"], start=1):
        marker = _MARKER.match(line)
        if marker is None:
            lines.append(line)
            continue
        if any(map(str.strip, lines)):
            if not re.search(r"\[(markdown|md|raw)\]", title):
                yield Cell(
                    number, strip_ipython("\n".join(lines)), "", _tags_in(title), first_line=first
                )
            number += 1
        first, title, lines = position + 1, marker["rest"], []


def _tags_in(title: str) -> frozenset[str]:
    found = _TAGS.search(title)
    if found is None:
        return frozenset()
    try:
        return frozenset(map(str, json.loads(found[1].replace("'", '"'))))
    except ValueError:
        return frozenset()


# -- IPython's syntax -----------------------------------------------------------------------------


def strip_ipython(source: str) -> str:
    """`source` as plain Python with the same number of lines.

    Lines of magics, shell and help become `pass`; `x = !command` keeps its name as a call that is
    no definition; a cell magic takes its whole cell with it unless its body is plain Python.
    """
    lines = source.splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is not None and lines[first].startswith("%%"):
        name = (lines[first][2:].split() or [""])[0]
        if name not in _TRANSPARENT_MAGICS:
            return "\n" * max(len(lines) - 1, 0)
        lines[first] = ""
    plain = "\n".join(lines)
    return plain if _parses(plain) else "\n".join(_python_lines(lines))


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _python_lines(lines: list[str]) -> Iterator[str]:
    position = _Position()
    magic_goes_on = False
    for line in lines:
        if magic_goes_on:
            magic_goes_on = line.endswith("\\")
            yield ""
            continue
        replacement = _replacement(line) if position.at_statement else None
        if replacement is None:
            position.advance(line)
            yield line
        else:
            magic_goes_on = line.endswith("\\")
            yield replacement


def _replacement(line: str) -> str | None:
    """What stands for a line of IPython; None for a line of Python."""
    stripped = line.lstrip()
    indent = line[: len(line) - len(stripped)]
    if stripped[:1] in {"%", "!", ",", ";", "/"} or _HELP.match(line):
        return f"{indent}pass"
    assigned = _ASSIGNED.match(line)
    return f"{assigned[1]}{assigned[2]} = get_ipython()" if assigned else None


class _Position:
    """Whether the next line begins a statement, or is inside of brackets, text or a long line."""

    __slots__ = ("_depth", "_joined", "_quote")

    def __init__(self) -> None:
        self._depth = 0
        self._quote = ""
        self._joined = False

    @property
    def at_statement(self) -> bool:
        return not (self._depth or self._quote or self._joined)

    def advance(self, line: str) -> None:
        """Read one line of Python."""
        i = 0
        while i < len(line):
            if self._quote:
                i = self._inside_text(line, i)
            elif line[i] == "#":
                break
            else:
                i = self._outside_text(line, i)
        self._joined = line.endswith("\\")
        if len(self._quote) == 1 and not self._joined:
            self._quote = ""  # an unclosed string ends with its line

    def _inside_text(self, line: str, i: int) -> int:
        if line[i] == "\\":
            return i + 2
        if line.startswith(self._quote, i):
            i += len(self._quote)
            self._quote = ""
            return i
        return i + 1

    def _outside_text(self, line: str, i: int) -> int:
        character = line[i]
        if character in "\"'":
            self._quote = character * 3 if line.startswith(character * 3, i) else character
            return i + len(self._quote)
        if character in "([{":
            self._depth += 1
        elif character in ")]}":
            self._depth = max(0, self._depth - 1)
        return i + 1
