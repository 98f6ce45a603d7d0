"""The ordered hand-out of events to whoever follows a run.

Events are appended under the scheduler's lock and handed out outside of it, in batches and in
order, to every subscriber. A batch goes out when it is large, when 50 ms have passed, or when an
event should not wait; a small thread sends on what a long task would keep waiting. A subscriber
that raises is logged once and dropped; the run goes on.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from nbflow.core.events import RunFinished, RunStarted, TaskFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.events import RunEvent
    from nbflow.core.interfaces import Subscriber

logger = logging.getLogger("nbflow.stream")

T = TypeVar("T")

#: Events that make a batch large enough to be handed out at once.
BATCH_SIZE = 512
#: Seconds between two batches while events keep coming.
INTERVAL = 0.05
_URGENT = frozenset({RunStarted, RunFinished, TaskFailed})


class EventStream:
    """Events of one run, from the scheduler to the subscribers.

    Parameters
    ----------
    subscribers
        Called with batches, in this order, from the thread of the worker or from the stream's own
        (never from two at once).
    """

    def __init__(self, subscribers: Sequence[Subscriber] = ()) -> None:
        self._subscribers = list(subscribers)
        # Both ends of a deque are safe without a lock, which would cost more than all of `append`.
        self._pending: deque[RunEvent] = deque()
        self._delivery = threading.RLock()
        self._handed_out = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Let `subscriber` have every event from now on."""
        with self._delivery:
            self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Hand nothing more to `subscriber`; no error if it is not there."""
        with self._delivery:
            self._subscribers = [s for s in self._subscribers if s is not subscriber]

    def look(self, read: Callable[[], T]) -> T:
        """Give `read()`, called while nothing is handed out: what subscribers know stands still."""
        with self._delivery:
            return read()

    def start(self) -> None:
        """Start the thread that hands out what nobody else does; without threads, do without."""
        thread = threading.Thread(target=self._sweep, name="nbflow-stream", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a platform without threads: the worker's turns must do
            return
        self._thread = thread

    def append(self, events: Sequence[RunEvent]) -> bool:
        """Take events; cheap, and safe under the scheduler's lock.

        Returns
        -------
        bool
            Whether it is time to `flush`, once the lock is given back.
        """
        pending = self._pending
        pending.extend(events)
        return (
            len(pending) >= BATCH_SIZE
            or type(events[-1]) in _URGENT
            or monotonic() - self._handed_out >= INTERVAL
        )

    def flush(self) -> None:
        """Hand out everything taken so far, and return when it is done."""
        with self._delivery:
            # A subscriber may itself cause events; they are handed out in the next round.
            pending = self._pending
            while pending:
                batch = [pending.popleft() for _ in range(len(pending))]
                for subscriber in tuple(self._subscribers):
                    self._hand(subscriber, batch)
            self._handed_out = monotonic()

    def close(self) -> None:
        """Hand out the rest and end the thread."""
        self._ended.set()
        self.flush()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _hand(self, subscriber: Subscriber, batch: Sequence[RunEvent]) -> None:
        try:
            subscriber(batch)
        except Exception:
            logger.exception("a subscriber of the event stream failed and is dropped")
            self.unsubscribe(subscriber)

    def _sweep(self) -> None:
        while not self._ended.wait(2 * INTERVAL):
            if self._pending and monotonic() - self._handed_out >= 2 * INTERVAL:
                self.flush()
