"""Pages that the code itself writes: commands, settings, parameters, exit codes, states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def remarks(cls: type[Any]) -> dict[str, str]:
    """The `#:` remark above each attribute of a class, by the attribute's name."""
    import inspect

    found, remark = {}, []
    for line in inspect.getsource(cls).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            remark.append(text.removeprefix("#:").strip())
        elif match := re.match(r"(\w+)\s*[:=]", text):
            found[match[1]] = " ".join(remark)
            remark = []
    return found


def commands() -> str:
    """The help of each command, as `nbflow help` prints it."""
    from nbflow.invocation.commands import COMMANDS, help_text

    parts = [f"## {one.name}\n\n```text\n{help_text(one.name)}\n```\n" for one in COMMANDS]
    return "\n".join(parts)


def settings() -> str:
    """Every setting with its default."""
    from nbflow.config import SETTINGS

    rows = (
        [f"`{one.name}`", _default(one.default), _meaning(one.meaning, one.choices)]
        for one in SETTINGS.values()
    )
    return table(["setting", "default", "meaning"], rows)


def _default(value: object) -> str:
    if value is None:
        return "found out"
    return f"`{value}`" if value != "" else "none"


def _meaning(meaning: str, choices: Sequence[str]) -> str:
    return f"{meaning} ({', '.join(choices)})" if choices else meaning


def exit_codes() -> str:
    """Every exit code of the command line."""
    from nbflow.core.status import ExitCode

    meaning = remarks(ExitCode)
    rows = (
        [f"{code:d}", code.name.lower().replace("_", " "), meaning[code.name]] for code in ExitCode
    )
    return table(["code", "name", "when"], rows)


def states() -> str:
    """Every state of a task in a run."""
    from nbflow.core.status import FINAL_STATES, TaskState

    meaning = remarks(TaskState)
    rows = (
        [f"**{state.value}**", meaning[state.name], "yes" if state in FINAL_STATES else ""]
        for state in TaskState
    )
    return table(["state", "what it says", "final"], rows)


def annotations() -> str:
    """Every type that an annotation may have, and the parameter class that it means."""
    from nbflow.core.model.annotations import type_rows

    rows = (
        [f"`{row.annotation}`", f"`{row.parameter.__name__}`", f"`{row.example}`"]
        for row in type_rows()
    )
    return table(["annotation", "parameter", "in a line"], rows)


def parameter_classes() -> str:
    """The reference of every public parameter class."""
    from nbflow import _HOMES

    names = [name for name in _HOMES["nbflow.core.model.parameters"] if "Visibility" not in name]
    lines = [".. currentmodule:: nbflow", ""]
    for name in ["Parameter", *(name for name in names if name != "Parameter")]:
        lines += [f".. autoclass:: {name}", *(["   :members:"] if name == "Parameter" else []), ""]
    return "\n".join(["```{eval-rst}", *lines, "```", ""])


PAGES = {
    "annotations": annotations,
    "commands": commands,
    "settings": settings,
    "exit-codes": exit_codes,
    "states": states,
    "parameter-classes": parameter_classes,
}


def write(folder: Path) -> None:
    """Write every page into `folder`; a page that says the same keeps its time."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
