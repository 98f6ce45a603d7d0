"""A measured figure beside what is asked of it, and the table that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    workload: str
    who: str
    value: float
    unit: str
    size: int = 0
    #: Multiple of the floor in the same process.
    ratio: float | None = None
    #: What is asked, in words; empty where nothing is.
    limit: str = ""
    met: bool | None = None
    #: The true value is higher: it was cut off.
    more: bool = False


def _cells(row: Row) -> tuple[str, ...]:
    value = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.2f}"
    return (
        row.workload,
        f"{row.size:,}" if row.size else "",
        row.who,
        f"{'> ' if row.more else ''}{value} {row.unit}",
        "" if row.ratio is None else f"{row.ratio:.1f}",
        row.limit,
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def table(rows: Iterable[Row]) -> str:
    """Rows as a Markdown table that is aligned for a terminal, too."""
    head = ("workload", "size", "who", "measured", "× floor", "asked", "met")
    lines = [head, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])
