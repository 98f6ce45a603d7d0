"""W6: W1 in two worker processes, all processes counted, their start too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.graph_costs import Limit, compare

if TYPE_CHECKING:
    from benchmarks.rows import Row

SIZES = (1_000,)
LIMITS = {"nbflow_processes": Limit(150, 0)}


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table."""
    found: list[Row] = []
    peers = ("nbflow_processes", "luigi_processes")
    for size in sizes:
        found += compare("W6 processes", "wide", size, LIMITS, rounds, peers=peers)[0]
    return found
