"""An invocation of `export` to what it writes or checks."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbflow.core.errors import SourceError, shorten
from nbflow.invocation.sources import load_source
from nbflow.notebook.cells import Cell, read_cells
from nbflow.notebook.export import ExportReport, Source, check, export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.invocation.grammar import Invocation


def export_source(invocation: Invocation, *, change_folder: bool = True) -> ExportReport:
    """Export the notebook or percent script that the invocation names.

    Parameters
    ----------
    change_folder
        See `nbflow.invocation.sources.load_source`.

    Raises
    ------
    SourceError
        It is no notebook, cannot be loaded, or its tasks cannot stand by themselves; see
        `nbflow.notebook.export`.
    """
    if invocation.source is None:
        raise SourceError(
            "export needs a notebook: nbflow export sales.ipynb flow.py. In a notebook, "
            "%nbflow export flow.py writes what is defined there."
        )
    path, target = os.path.abspath(invocation.source), os.path.abspath(invocation.words[0])
    cells = read_cells(path) if path.endswith((".ipynb", ".py")) else None
    if cells is None:
        raise SourceError(f"{shorten(invocation.source)} is a module already, and no notebook.")
    module = load_source(invocation, change_folder=change_folder)
    source = Source(path, cells, vars(module), _place_in_file, os.getcwd())
    return _do(invocation, source, target)


def export_cells(
    invocation: Invocation, cells: Sequence[Cell], namespace: Mapping[str, Any]
) -> ExportReport:
    """Export what is defined in a kernel.

    Parameters
    ----------
    cells
        As they were executed, each once, with the number of its execution.
    namespace
        The names of the notebook.

    Raises
    ------
    SourceError
        The tasks cannot stand by themselves; see `nbflow.notebook.export`.
    """
    path = _notebook_path(namespace)
    # A kernel does not know the tags of its cells.
    saved = (read_cells(path) if path else None) or ()
    tags = {cell.cell_id: cell.tags for cell in saved if cell.cell_id}
    tagged = [replace(cell, tags=tags.get(cell.cell_id, cell.tags)) for cell in cells]
    source = Source(path or "a notebook", tagged, namespace, _place_in_kernel, os.getcwd())
    return _do(invocation, source, os.path.abspath(invocation.words[0]))


def _do(invocation: Invocation, source: Source, path: str) -> ExportReport:
    tasks = str(invocation.flags.get("tasks", ""))
    if "check" in invocation.flags:
        return check(source, path, tasks=tasks)
    return export(source, path, tasks=tasks, force="force" in invocation.flags)


def _place_in_file(cell: Cell) -> str:
    return f"{cell.number} ({cell.cell_id})" if cell.cell_id else str(cell.number)


def _place_in_kernel(cell: Cell) -> str:
    return f"In[{cell.number}]" + (f" ({cell.cell_id})" if cell.cell_id else "")


def _notebook_path(namespace: Mapping[str, Any]) -> str:
    """Path of the notebook whose kernel this is, as far as its front end tells; else ''."""
    told = namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")
    path = str(told)
    return path if path.endswith(".ipynb") and os.path.exists(path) else ""
