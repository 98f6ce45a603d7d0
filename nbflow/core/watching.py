"""Who is told of runs; light, so that a notebook can ask for it before anything runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("nbflow.runs")

_watchers: list[Callable[[Any], object]] = []


def watch_runs(watcher: Callable[[Any], object]) -> Callable[[], None]:
    """Call `watcher` with each `Run` of this process when it begins and when it has ended.

    It is called in the run's thread, before the first event and after the last, and must not take
    long. One that raises is logged and dropped; the run goes on.

    Returns
    -------
    Callable
        What ends that.
    """
    _watchers.append(watcher)

    def end() -> None:
        if watcher in _watchers:
            _watchers.remove(watcher)

    return end


def tell_watchers(run: object) -> None:
    """Tell whoever watches that `run` has begun, or ended."""
    for watcher in tuple(_watchers):
        try:
            watcher(run)
        except Exception:
            logger.exception("a watcher of runs failed and is dropped")
            if watcher in _watchers:
                _watchers.remove(watcher)
