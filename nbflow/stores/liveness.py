"""Whether the process of a run still lives."""

from __future__ import annotations

import os


def is_gone(pid: int, started: float) -> bool:
    """Whether no process `pid` of this machine lives that was there at `started` (Unix seconds)."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    born = _birth(pid)
    # A second for the clock's coarseness.
    return born is not None and born > started + 1.0


def _birth(pid: int) -> float | None:
    """When the process began, in Unix seconds; None where the system does not say."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # After the name, which may contain anything, the 20th field.
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/stat", encoding="utf-8") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
    return boot + ticks / os.sysconf("SC_CLK_TCK")
