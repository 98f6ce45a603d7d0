"""W3: layers of 100 tasks, each on three of the layer before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.graph_costs import Limit, compare

if TYPE_CHECKING:
    from benchmarks.rows import Row

SIZES = (2_000,)
LIMITS = {"nbflow_memory": Limit(80, 5), "nbflow_default": Limit(120, 7)}


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table."""
    found: list[Row] = []
    for size in sizes:
        found += compare("W3 layers", "layers", size, LIMITS, rounds)[0]
    return found
