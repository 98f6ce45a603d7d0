"""W1: one root on many tasks that require nothing; also growth, memory and the ratio to Luigi."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.graph_costs import PEERS, Limit, compare
from benchmarks.rows import Row

if TYPE_CHECKING:
    from benchmarks.alternate import Cost

SIZES = (1_000, 10_000, 100_000)
LIMITS = {"nbflow_memory": Limit(60, 4), "nbflow_default": Limit(100, 6)}
#: How many times cheaper than Luigi, by size.
CHEAPER = {1_000: 27, 10_000: 250}
#: Of these at 100,000 tasks; the others are too slow or take too much memory.
LARGE = ("nbflow_memory", "nbflow_default", "dask")


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """The rows of the table."""
    found: list[Row] = []
    costs: dict[int, dict[str, Cost]] = {}
    for size in sizes:
        peers = PEERS if size <= 10_000 else LARGE
        rows, costs[size] = compare("W1 wide", "wide", size, LIMITS, rounds, peers=peers)
        found += rows
        found += _cheaper(size, costs[size])
    return [*found, *_growth(costs), *_memory(costs)]


def _cheaper(size: int, costs: dict[str, Cost]) -> list[Row]:
    luigi = costs.get("luigi")
    asked = CHEAPER.get(size)
    if luigi is None or asked is None:
        return []
    nbflow = costs["nbflow_default"]
    limit = f">= {asked} times"
    times = luigi.microseconds / nbflow.microseconds
    rows = [
        Row(
            "W1 wide",
            "luigi / nbflow",
            times,
            "times",
            size,
            limit=limit,
            met=times >= asked or (None if luigi.more else False),
            more=luigi.more,
        )
    ]
    if luigi.done:
        # It weighs all pending tasks for each that it runs: on the average over a whole run half of
        # what a task costs at its beginning.
        estimate = luigi.microseconds * size / luigi.done / 2
        times = estimate / nbflow.microseconds
        name = f"luigi, from its first {luigi.done:,}"
        rows += [
            Row("W1 wide", name, estimate, "µs", size),
            Row("W1 wide", "that / nbflow", times, "times", size, limit=limit, met=times >= asked),
        ]
    return rows


def _growth(costs: dict[int, dict[str, Cost]]) -> list[Row]:
    if not costs.keys() >= {1_000, 100_000}:
        return []
    rows = []
    for peer, who in (("nbflow_memory", "nbflow, memory:"), ("nbflow_default", "nbflow, defaults")):
        # Of ratios to the floor, for the machine is not the same in both runs.
        growth = costs[100_000][peer].ratio / costs[1_000][peer].ratio
        rows.append(
            Row(
                "W1 growth",
                who,
                growth,
                "of 1,000",
                100_000,
                limit="<= 1.26",
                met=growth <= 1.26,
            )
        )
    return rows


def _memory(costs: dict[int, dict[str, Cost]]) -> list[Row]:
    if not costs.keys() >= {10_000, 100_000}:
        return []
    small, large = costs[10_000]["nbflow_default"], costs[100_000]["nbflow_default"]
    bytes_a_task = (large.memory - small.memory) / 90_000
    return [
        Row(
            "W1 memory",
            "nbflow, defaults",
            bytes_a_task,
            "bytes/task",
            100_000,
            limit="<= 2,000",
            met=bytes_a_task <= 2_000,
        )
    ]
