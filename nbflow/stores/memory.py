"""The store that keeps nothing (`--store memory:`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.events import RunEvent


class MemoryStore:
    """Takes a run's events and forgets them; the run itself holds all that it needs."""

    __slots__ = ()

    def __call__(self, events: Sequence[RunEvent]) -> None:
        """Forget `events`."""

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
