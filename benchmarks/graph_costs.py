"""The rows of a graph: each program's cost a task, and what is asked of nbflow."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.alternate import PATIENCE, Cost, in_turn
from benchmarks.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ("nbflow_memory", "nbflow_default", "dask", "doit", "luigi")
NAMES = {
    "nbflow_memory": "nbflow, memory:",
    "nbflow_default": "nbflow, defaults",
    "nbflow_processes": "nbflow, 2 processes",
    "dask": "dask.get",
    "doit": "doit",
    "luigi": "luigi",
    "luigi_processes": "luigi, 2 processes",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many microseconds a task, or so many times the floor (0: none)."""

    microseconds: float
    times: float

    def __str__(self) -> str:
        floor = f" or {self.times:g} x floor" if self.times else ""
        return f"<= {self.microseconds:g} µs{floor}"

    def holds(self, cost: Cost) -> bool:
        """Whether `cost` keeps to it."""
        return cost.microseconds <= self.microseconds or cost.ratio <= self.times


def rows(name: str, costs: dict[str, Cost], size: int, limits: dict[str, Limit]) -> Iterator[Row]:
    """A row for the floor and for each program."""
    floor = median(cost.floor for cost in costs.values() if cost.floor)
    yield Row(name, "floor", floor, "µs", size, 1.0)
    for peer, cost in costs.items():
        limit = limits.get(peer)
        yield Row(
            name,
            NAMES[peer],
            cost.microseconds,
            "µs",
            size,
            cost.ratio or None,
            str(limit or ""),
            None if limit is None else limit.holds(cost),
            cost.more,
        )


def compare(
    name: str,
    shape: str,
    size: int,
    limits: dict[str, Limit],
    rounds: int,
    *,
    peers: tuple[str, ...] = PEERS,
) -> tuple[list[Row], dict[str, Cost]]:
    """Measure the programs in turn; Luigi alone may be cut off, and runs once where it is slow."""
    quick = tuple(peer for peer in peers if not peer.startswith("luigi"))
    slow = tuple(peer for peer in peers if peer.startswith("luigi"))
    if size <= 1_000:
        costs = in_turn(peers, shape, size, rounds, patience=PATIENCE)
    else:
        costs = in_turn(quick, shape, size, rounds)
        costs |= in_turn(slow, shape, size, 1, patience=PATIENCE)
    return list(rows(name, costs, size, limits)), costs
