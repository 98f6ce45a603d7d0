"""W2: a chain, each task on the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.graph_costs import Limit, compare

if TYPE_CHECKING:
    from benchmarks.rows import Row

SIZES = (500, 2_000)
LIMITS = {"nbflow_memory": Limit(60, 4), "nbflow_default": Limit(100, 6)}


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table."""
    found: list[Row] = []
    for size in sizes:
        found += compare("W2 chain", "chain", size, LIMITS, rounds)[0]
    return found
