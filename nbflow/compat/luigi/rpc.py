"""`luigi.rpc`: the error of a scheduler that cannot be reached, and the client that is not here."""

from __future__ import annotations

from typing import Any

from nbflow.core.errors import NotSupportedHereError
from nbflow.core.errors import SchedulerUnreachableError as RPCError

__all__ = ["RPCError", "RemoteScheduler"]


class RemoteScheduler:
    """The client of a central scheduler: known by name, so that imports work, and refused.

    Raises
    ------
    NotSupportedHereError
        Always.
    """

    def __init__(self, url: str = "http://localhost:8082/", *_: Any, **__: Any) -> None:
        raise NotSupportedHereError(
            f"RemoteScheduler({url!r}): nbflow does not talk to a central scheduler of Luigi's. "
            "Use local_scheduler=True (--local-scheduler): tasks of one project are still never "
            "run twice at a time."
        )
