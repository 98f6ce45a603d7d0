"""A stop request that reaches the user's code at once and nbflow's own code at a safe point.

Python raises KeyboardInterrupt wherever the main thread happens to be, also between "the output is
there" and "the scheduler knows". While a run is in the foreground, its SIGINT handler raises only
inside the user's code; elsewhere it leaves a mark that the worker reads at its next turn.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class InterruptGuard:
    """Stop requests of one run.

    Used as a context manager it holds the SIGINT handler, if this is the main thread and Python
    answers SIGINT at all; afterwards the handler is what it was.

    Attributes
    ----------
    inside
        True while the user's code runs; set and cleared around each call of it.
    requests
        How often a stop was asked for.
    """

    __slots__ = ("_previous", "cancelled", "inside", "requests")

    def __init__(self) -> None:
        self.inside = False
        self.requests = 0
        #: Stopped by `cancel`, not by a signal.
        self.cancelled = False
        self._previous: Any = None

    @property
    def is_set(self) -> bool:
        """True once a stop was asked for."""
        return self.requests > 0

    def request(self) -> None:
        """Ask the run to stop at its next turn (thread-safe)."""
        self.cancelled = True
        self.requests += 1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGINT)
            # Ignored, or owned by code outside of Python: not ours to take.
            if previous not in {signal.SIG_IGN, None}:
                self._previous = previous
                signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self.requests += 1
        if self.inside:
            raise KeyboardInterrupt
