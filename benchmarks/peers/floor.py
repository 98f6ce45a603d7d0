"""The floor: a bare loop that writes the same files, each by a temporary name and a rename."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.graphs import Graph


def write(number: int) -> None:
    """Write the file of one task; every peer but nbflow and Luigi does it by this function."""
    temporary = f"out/{number}.tmp"
    with open(temporary, "w") as file:
        file.write("x")
    os.replace(temporary, f"out/{number}")


def run(graph: Graph) -> None:
    for number in range(len(graph)):
        write(number)
