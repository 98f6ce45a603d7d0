"""The cells of a kernel as they were executed, from which its definitions can be written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.notebook.cells import Cell, strip_ipython

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExecutedCells:
    """Sources by number of execution, told by IPython's events.

    A front end may let the kernel keep no history (nbval does); such cells are counted on.

    Parameters
    ----------
    before
        IPython's raw history so far, the empty source at its beginning included.
    """

    def __init__(self, before: Sequence[str]) -> None:
        self._known: dict[int, tuple[str, str]] = {
            number: (source, "") for number, source in enumerate(before) if number
        }
        self._current: tuple[str, str] | None = None

    def begin(self, info: Any) -> None:
        """Take note of a cell that is about to run; `info` is IPython's ExecutionInfo."""
        self._current = _told(info)

    def end(self, result: Any) -> None:
        """Take note of a cell that has run; `result` is IPython's ExecutionResult."""
        self._current = None
        is_kept = result.info.store_history
        # Of what is not Python nothing ran: only its number is taken.
        is_broken = isinstance(result.error_before_exec, SyntaxError)
        told = ("", "") if is_broken else _told(result.info)
        self._known[result.execution_count if is_kept else self._next()] = told

    def cells(self) -> list[Cell]:
        """Every cell, one that was executed again once: where it was first, as it was last."""
        known = dict(self._known)
        if self._current is not None:
            known[self._next()] = self._current
        found: dict[str, Cell] = {}
        for number, (source, cell_id) in known.items():
            if source.strip():
                found[cell_id or source] = Cell(number, strip_ipython(source), cell_id)
        return list(found.values())

    def _next(self) -> int:
        return max(self._known, default=0) + 1


def _told(info: Any) -> tuple[str, str]:
    return str(info.raw_cell), str(getattr(info, "cell_id", None) or "")
