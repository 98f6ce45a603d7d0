"""The scheduler in this process: a clock and a lock around the pure decisions.

``decide, apply, publish``: a command is answered only after its events are part of the state.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from nbflow.core.scheduler.decide import decide
from nbflow.core.scheduler.state import SchedulerState

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.scheduler.commands import Command, Reply
    from nbflow.core.stream import EventStream


class SchedulerService:
    """Answers commands, one at a time, from any thread.

    Parameters
    ----------
    stream
        Where the events go; its subscribers never run under the scheduler's lock.
    clock
        Seconds since 1970, as `time.time`.
    """

    def __init__(
        self,
        stream: EventStream,
        *,
        state: SchedulerState | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = state or SchedulerState()
        self._stream = stream
        self._clock = clock
        self._lock = threading.RLock()

    @property
    def last_seq(self) -> int:
        """Number of the last event that was decided."""
        return self._state.next_seq - 1

    def handle(self, command: Command) -> Reply:
        """Decide on `command`, keep what follows, tell it, answer."""
        with self._lock:
            state = self._state
            decision = decide(state, command, self._clock())
            events = decision.events
            if not events:
                return decision.reply
            apply = state.apply
            for event in events:
                apply(event)
            is_due = self._stream.append(events)
        if is_due:
            self._stream.flush()
        return decision.reply
